"""Worker code that commands run: what a worker's `pyproject.toml` declares for them."""

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from functools import reduce
from pathlib import Path
from typing import Any, Final, NamedTuple

from kvstore import KVError, StoreError
from runtime._loader.isolate import Isolate, install_import_system
from runtime._loader.load import loading_errors, open_isolate, place_in
from runtime._loader.roots import read_pyproject
from runtime.errors import HostError, WorkerLoadError
from wrangler_compat import WorkerConfig
from wrangler_compat.source import display_path

__all__ = ["load_declared"]

_TARGET: Final = re.compile(r"([\w.]+):([\w.]+)")


class _Declared(NamedTuple):
    """Whose code it is, which file says so, and what that says: `module:name`, if it is right."""

    config: WorkerConfig
    file: Path
    target: object


@contextmanager
def load_declared(configs: Sequence[WorkerConfig], group: str, name: str) -> Iterator[Any]:
    """Import what one of the workers declares under `[tool.edgestead.<group>]`, isolated as it is.

    Errors of the worker's code are HostErrors that name file and line: WorkerLoadError while it is
    imported, and what it raises while it is used. Raises HostError where no worker declares it,
    telling what is declared, or where more than one does.
    """
    declared = _find(configs, group, name)
    config = declared.config
    isolate = open_isolate(config.name, config.main, config.folder)
    with ExitStack() as stack:
        stack.callback(isolate.close)
        stack.callback(install_import_system(lambda: isolate))
        found = _import(isolate, declared, f"tool.edgestead.{group}.{name}")
        with _errors_in_use(isolate, name):
            yield found


def _find(configs: Sequence[WorkerConfig], group: str, name: str) -> _Declared:
    known: list[str] = []
    found: list[_Declared] = []
    for config in configs:
        file = config.folder / "pyproject.toml"
        for one, target in _table(config, file, group).items():
            known.append(f'{one} (worker "{config.name}", {display_path(file)})')
            if one == name:
                found.append(_Declared(config, file, target))
    if len(found) == 1:
        return found[0]
    if found:
        places = " and ".join(display_path(one.file) for one in found)
        raise HostError(
            f'"{name}" is declared in [tool.edgestead.{group}] of {places}; '
            "name the config of one worker only"
        )
    raise HostError(
        f'no worker declares "{name}" in [tool.edgestead.{group}] of its pyproject.toml; '
        f"declared: {', '.join(known) or 'nothing'}"
    )


def _table(config: WorkerConfig, file: Path, group: str) -> Mapping[str, object]:
    table: object
    try:
        table = read_pyproject(config.folder)
    except (OSError, ValueError) as error:
        raise _unusable(config, file, f"pyproject.toml cannot be read: {error}") from None
    for key in ("tool", "edgestead", group):
        table = table.get(key, {}) if isinstance(table, dict) else None
    if not isinstance(table, dict):
        raise _unusable(config, file, f"tool.edgestead.{group} is no table")
    return table


def _import(isolate: Isolate, declared: _Declared, key: str) -> object:
    config, file, target = declared
    match = _TARGET.fullmatch(target) if isinstance(target, str) else None
    if match is None:
        raise _unusable(config, file, f'{key} is a text "module:name", not {target!r}')
    module_name, path = match.groups()
    if not isolate.provides(module_name):
        raise _unusable(
            config, file, f"{key} names a module that the worker has not: {module_name}"
        )
    try:
        with loading_errors(isolate, config.folder):
            module = isolate.import_module(module_name)
    except WorkerLoadError as error:
        if isinstance(error.__cause__, KeyboardInterrupt):
            # It was not the worker's code that raised it.
            raise error.__cause__ from None
        raise
    try:
        return reduce(getattr, path.split("."), module)
    except AttributeError:
        reason = f'{key} names "{path}", which {module_name} has not'
        raise _unusable(config, file, reason) from None


@contextmanager
def _errors_in_use(isolate: Isolate, name: str) -> Iterator[None]:
    try:
        yield
    except HostError:
        raise
    except Exception as error:
        file, line = place_in(error.__traceback__, isolate.roots)
        is_of_the_store = isinstance(error, StoreError) and not isinstance(error, KVError)
        if file is None or is_of_the_store or isinstance(error, OSError):
            # Nothing that the code could have done otherwise.
            raise
        raise HostError(
            f'"{name}" of worker "{isolate.worker}" failed: {type(error).__name__}: {error} '
            f"({file}:{line})"
        ) from error


def _unusable(config: WorkerConfig, file: Path, reason: str) -> WorkerLoadError:
    return WorkerLoadError(config.name, reason, file=str(file))
