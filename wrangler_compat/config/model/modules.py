"""The keys `build`, `rules` and `python_modules`: the files that a worker consists of."""

from typing import Annotated, Any

from pydantic import BeforeValidator

from wrangler_compat.config.model.parts import ConfigTable

__all__ = ["Build", "ModuleRule", "PythonModules"]


def _as_list(value: Any) -> Any:
    return [value] if isinstance(value, str) else value


class Build(ConfigTable):
    """The section `build`: the command that makes the files, and the folders that it makes of."""

    command: str | None = None
    cwd: str | None = None
    watch_dir: Annotated[tuple[str, ...], BeforeValidator(_as_list)] = ()


class ModuleRule(ConfigTable):
    """One of `rules`: files that fit a glob are modules of that type."""

    type: str
    globs: tuple[str, ...]
    fallthrough: bool | None = None


class PythonModules(ConfigTable):
    """The section `python_modules`: what of the vendored packages is left out of a deploy."""

    exclude: tuple[str, ...] = ()
