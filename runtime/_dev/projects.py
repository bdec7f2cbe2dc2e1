"""Which workers `runtime serve` is asked to serve."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from runtime.errors import HostError
from wrangler_compat import Diagnostics, find_config

__all__ = ["NoConfigError", "Projects", "find_projects"]

STATE_FOLDER = ".edgestead"


class NoConfigError(HostError):
    """No wrangler config stands where one was looked for."""

    code = "no_config"


@dataclass(frozen=True, slots=True, kw_only=True)
class Projects:
    """Config files in the order in which their workers load, and where local state goes.

    `report` names the config files that lost to others in their folders.
    """

    configs: tuple[Path, ...]
    state_folder: Path
    report: Diagnostics = field(default_factory=Diagnostics, compare=False)


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
    report = Diagnostics()
    if not paths and not config_files:
        found = _configs_in(current_folder, report) or _configs_below(
            current_folder / "workers", report
        )
        if not found:
            raise _nothing_in(current_folder, "nor in its workers/ folders")
        return _projects(found, current_folder, report)
    found = [file.resolve() for file in config_files]
    for path in paths:
        found += _configs_at(path, report)
    first = paths[0] if paths else config_files[0]
    return _projects(found, first if first.is_dir() else first.parent, report)


def _projects(found: Sequence[Path], folder: Path, report: Diagnostics) -> Projects:
    return Projects(
        configs=tuple(dict.fromkeys(found)),
        state_folder=folder.resolve() / STATE_FOLDER,
        report=report,
    )


def _configs_at(path: Path, report: Diagnostics) -> list[Path]:
    if path.is_file():
        return [path.resolve()]
    if not path.exists():
        raise NoConfigError(f"there is no file or folder {path}")
    found = _configs_in(path, report) or _configs_below(path, report)
    if not found:
        raise _nothing_in(path, "nor in the folders in it")
    return found


def _configs_in(folder: Path, report: Diagnostics) -> list[Path]:
    config = find_config(folder, report)
    return [] if config is None else [config.resolve()]


def _configs_below(folder: Path, report: Diagnostics) -> list[Path]:
    if not folder.is_dir():
        return []
    children = sorted(child for child in folder.iterdir() if child.is_dir())
    return [config for child in children for config in _configs_in(child, report)]


def _nothing_in(folder: Path, elsewhere: str) -> NoConfigError:
    return NoConfigError(
        f"no wrangler.json, wrangler.jsonc or wrangler.toml in {folder.resolve()}, {elsewhere}.\n"
        "Name a worker's folder, or make one with `runtime init NAME`."
    )
