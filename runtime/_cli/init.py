"""`runtime init`."""

import os
import shlex
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, suppress
from datetime import UTC, datetime
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path, PurePath
from typing import Annotated

import typer

from runtime.errors import HostError
from wrangler_compat import find_config
from wrangler_compat.names import MAX_WORKER_NAME_LENGTH, suggest_worker_name

__all__ = ["FilesInTheWayError", "init"]

_NEXT = """
Next:
{cd}  runtime serve    serves it, and reloads it on save
  pytest           runs its tests; get it with: pip install pytest
  uvx --from workers-py pywrangler deploy
                   deploys it to Cloudflare; needs uv and Node.js"""


class FilesInTheWayError(HostError):
    """A project is to be made where files of the same names stand already."""

    code = "files_in_the_way"


def init(
    name: Annotated[
        str, typer.Argument(metavar="NAME", help="The project's folder; . is this folder.")
    ],
) -> None:
    """Make a worker project: config, code, a test."""
    worker = _worker_name(name)
    folder = Path(name)
    files = _render(worker, datetime.now(UTC).date().isoformat())
    in_the_way = list(_in_the_way(folder, files))
    if in_the_way:
        raise FilesInTheWayError(
            "nothing was made, for these are in the way:\n"
            + "".join(f"  {path}\n" for path in in_the_way)
            + "Move them away, or choose another folder."
        )
    _write(folder, files)
    print(f'made worker "{worker}" in {folder.absolute()}')
    print("".join(f"  {path}\n" for path in files), end="")
    # Not for `cd` to take for an option.
    place = f"./{folder}" if name.startswith("-") else str(folder)
    print(_NEXT.format(cd="" if folder == Path() else f"  cd {shlex.quote(place)}\n"))


def _worker_name(name: str) -> str:
    """Return the name of the worker in such a folder; raise BadParameter where there is none."""
    if not name.isprintable():
        raise _bad_name(f"{name!r} has characters that cannot be shown", "my-worker")
    path = Path.cwd() if name and Path(name) == Path() else Path(name)
    if not name or path.name in ("", ".."):
        raise _bad_name(f"{name!r} names no folder to make", str(path.parent / "my-worker"))
    worker = suggest_worker_name(path.name)
    if not worker:
        raise _bad_name(
            f"{path.name!r} has no letter a-z and no digit", str(Path(name).parent / "my-worker")
        )
    if len(path.name) > MAX_WORKER_NAME_LENGTH:
        raise _bad_name(
            f"{path.name!r} has {len(path.name)} characters, "
            f"a worker's name may have {MAX_WORKER_NAME_LENGTH}",
            str(Path(name).parent / worker),
        )
    return worker


def _bad_name(reason: str, suggestion: str) -> typer.BadParameter:
    return typer.BadParameter(
        f"{reason}; try: runtime init {shlex.quote(suggestion)}", param_hint="NAME"
    )


def _render(worker: str, today: str) -> dict[PurePath, str]:
    """Return the text of each file, by its path in the project."""
    template = resources.files("runtime._cli") / "templates" / "worker"
    return {
        path: text.replace("{{name}}", worker).replace("{{today}}", today)
        for path, text in sorted(_read_texts(template, PurePath()))
    }


def _read_texts(folder: Traversable, path: PurePath) -> Iterator[tuple[PurePath, str]]:
    for entry in folder.iterdir():
        if entry.is_dir():
            if entry.name != "__pycache__":
                yield from _read_texts(entry, path / entry.name)
        else:
            # Git would take a .gitignore among the templates for its own.
            name = ".gitignore" if entry.name == "gitignore" else entry.name
            yield path / name, entry.read_text(encoding="utf-8")


def _in_the_way(folder: Path, files: Mapping[PurePath, str]) -> Iterator[Path]:
    """Yield what stands where a file or one of its folders is to be, and any other config."""
    config = find_config(folder)
    if config is not None and PurePath(config.name) not in files:
        yield config
    for path in dict.fromkeys(path.parent for path in files):
        if os.path.lexists(folder / path) and not (folder / path).is_dir():
            yield folder / path
    for path in files:
        if os.path.lexists(folder / path):
            yield folder / path


def _write(folder: Path, files: Mapping[PurePath, str]) -> None:
    """Write all files, or none: what was made is taken away again when one cannot be written."""
    with ExitStack() as undo:
        for path, text in files.items():
            place = folder / path
            for parent in reversed([one for one in place.parents if not one.exists()]):
                parent.mkdir()
                undo.callback(_take_away, parent.rmdir)
            try:
                with place.open("x", encoding="utf-8", newline="\n") as file:
                    undo.callback(_take_away, place.unlink)
                    file.write(text)
            except OSError as error:
                # A full disk is told without a name.
                error.filename = str(place)
                raise
        undo.pop_all()


def _take_away(remove: Callable[[], None]) -> None:
    with suppress(OSError):
        remove()
