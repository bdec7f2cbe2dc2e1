"""Opening a worker's isolate, and telling where its code failed."""

import re
import traceback
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import FrameType, TracebackType

from runtime._loader.isolate import Isolate
from runtime._loader.roots import dependencies_of, import_roots
from runtime.errors import WorkerLoadError

__all__ = ["loading_errors", "open_isolate", "place_in", "place_on_stack", "worker_traceback"]

_Place = tuple[str | None, int | None]


def open_isolate(worker: str, main: Path, folder: Path) -> Isolate:
    """Make the empty module set of a worker.

    Raises WorkerLoadError where `main` is missing, or where `pyproject.toml` cannot be read.
    """
    if not main.is_file():
        raise WorkerLoadError(worker, "its main module does not exist", file=str(main))
    try:
        return Isolate(worker, import_roots(main, folder))
    except (OSError, ValueError) as error:
        raise WorkerLoadError(
            worker, f"pyproject.toml cannot be read: {error}", file=str(folder / "pyproject.toml")
        ) from None


@contextmanager
def loading_errors(isolate: Isolate, folder: Path) -> Iterator[None]:
    """Turn whatever module code raises into a WorkerLoadError with a place in that code."""
    try:
        yield
    except WorkerLoadError:
        raise
    except BaseException as error:
        if isinstance(error, SyntaxError) and _is_inside(error.filename, isolate.roots):
            file, line = error.filename, error.lineno
            reason = f"{type(error).__name__}: {error.msg}"
            details = "".join(traceback.format_exception_only(error))
        else:
            file, line = place_in(error.__traceback__, isolate.roots)
            reason = _reason(error, isolate, folder)
            details = worker_traceback(error, isolate.roots)
        raise WorkerLoadError(
            isolate.worker, reason, file=file, line=line, details=details
        ) from error


def worker_traceback(error: BaseException, roots: Sequence[str]) -> str:
    """Format `error` from the first frame of the worker's own code on."""
    first = error.__traceback__
    while first is not None and not _is_inside(first.tb_frame.f_code.co_filename, roots):
        first = first.tb_next
    lines = traceback.format_exception(type(error), error, first or error.__traceback__)
    return "".join(lines)


def place_in(trace: TracebackType | None, roots: Sequence[str]) -> _Place:
    """Return file and line of the innermost code below `roots` in a traceback, if there is any."""
    place: _Place = (None, None)
    while trace is not None:
        file = trace.tb_frame.f_code.co_filename
        if _is_inside(file, roots):
            place = file, trace.tb_lineno
        trace = trace.tb_next
    return place


def place_on_stack(frame: FrameType | None, roots: Sequence[str]) -> _Place:
    """Return file and line of the innermost code below `roots` that runs now, if there is any."""
    while frame is not None:
        file = frame.f_code.co_filename
        if _is_inside(file, roots):
            return file, frame.f_lineno
        frame = frame.f_back
    return None, None


def _reason(error: BaseException, isolate: Isolate, folder: Path) -> str:
    reason = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
    if isinstance(error, ModuleNotFoundError) and error.name and not isolate.provides(error.name):
        wanted = _requirement(error.name.partition(".")[0], dependencies_of(folder))
        reason += f'; if it is a package, install it with: pip install "{wanted}"'
    return reason


def _requirement(module: str, declared: Sequence[str]) -> str:
    """Return the declared requirement that has a module's name, else that name."""
    for requirement in declared:
        name = re.split(r"[^\w.-]", requirement.strip(), maxsplit=1)[0]
        if re.sub(r"[-_.]+", "-", name).lower() == module.replace("_", "-").lower():
            return requirement
    return module


def _is_inside(file: str | None, roots: Sequence[str]) -> bool:
    return file is not None and file.startswith(tuple(f"{root}/" for root in roots))
