"""Which workers `runtime serve` is asked to serve."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from runtime.errors import HostError
from wrangler_compat import find_config

__all__ = ["NoConfigError", "Projects", "find_projects"]

STATE_FOLDER = ".edgestead"

_STARTER = """  name = "hello"
  main = "src/entry.py"
  compatibility_date = "2026-01-01"
  compatibility_flags = ["python_workers"]"""


class NoConfigError(HostError):
    """No wrangler config stands where one was looked for."""

    code = "no_config"


@dataclass(frozen=True, slots=True, kw_only=True)
class Projects:
    """Config files in the order in which their workers load, and where local state goes."""

    configs: tuple[Path, ...]
    state_folder: Path


def find_projects(
    paths: Sequence[Path], config_files: Sequence[Path], current_folder: Path
) -> Projects:
    """Find the config files that `paths` and `-c` name.

    A path is a config file, a worker folder, or a folder of worker folders; without any it is the
    current folder, else its `workers/*/`. State goes to `.edgestead/` in the folder of the first.
    Raises NoConfigError naming where none was found.
    """
    for file in config_files:
        if not file.is_file():
            raise NoConfigError(f"there is no config file {file}")
    if not paths and not config_files:
        found = _configs_in(current_folder) or _configs_below(current_folder / "workers")
        if not found:
            raise _nothing_in(current_folder, "nor in its workers/ folders")
        return _projects(found, current_folder)
    found = [file.resolve() for file in config_files]
    for path in paths:
        found += _configs_at(path)
    first = paths[0] if paths else config_files[0]
    return _projects(found, first if first.is_dir() else first.parent)


def _projects(found: Sequence[Path], folder: Path) -> Projects:
    return Projects(
        configs=tuple(dict.fromkeys(found)), state_folder=folder.resolve() / STATE_FOLDER
    )


def _configs_at(path: Path) -> list[Path]:
    if path.is_file():
        return [path.resolve()]
    if not path.exists():
        raise NoConfigError(f"there is no file or folder {path}")
    found = _configs_in(path) or _configs_below(path)
    if not found:
        raise _nothing_in(path, "nor in the folders in it")
    return found


def _configs_in(folder: Path) -> list[Path]:
    config = find_config(folder)
    return [] if config is None else [config.resolve()]


def _configs_below(folder: Path) -> list[Path]:
    if not folder.is_dir():
        return []
    children = sorted(child for child in folder.iterdir() if child.is_dir())
    return [config for child in children for config in _configs_in(child)]


def _nothing_in(folder: Path, elsewhere: str) -> NoConfigError:
    return NoConfigError(
        f"no wrangler.json, wrangler.jsonc or wrangler.toml in {folder.resolve()}, {elsewhere}.\n"
        f"Name a worker's folder, or make a wrangler.toml there:\n\n{_STARTER}"
    )
