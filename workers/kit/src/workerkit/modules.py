"""Route modules: a package with one module a route."""

import importlib
import pkgutil
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import ModuleType
from typing import Final

from workerkit.errors import RouteLoadError
from workerkit.handlers import plan_handler
from workerkit.patterns import parse_pattern
from workerkit.table import Route

__all__ = ["load_route_modules"]

_FUNCTIONS: Final = ("get", "head", "post", "put", "delete", "patch", "options")


def load_route_modules(package: ModuleType, context: Sequence[str]) -> Iterator[Route]:
    """Import every module of `package` and of the packages in it; yield their routes.

    Handlers may take what `context` names beside the parameters of their path. Modules whose name
    starts with an underscore are left alone. Raises RouteLoadError for a module
    that is no route; what a module raises while it is imported is not touched.
    """
    if not isinstance(package, ModuleType) or not hasattr(package, "__path__"):
        raise RouteLoadError(
            f"Router takes a package of routes, not {package!r}; import it and hand it over"
        )
    return _load_package(package, package.__name__.rpartition(".")[2], context)


def _load_package(package: ModuleType, owner: str, context: Sequence[str]) -> Iterator[Route]:
    for name in ("path", "paths"):
        # A module of that name, or an imported one, is an attribute too.
        if not isinstance(vars(package).get(name), ModuleType | None):
            raise RouteLoadError(
                f"{owner} is a package and cannot be a route; move its {name} into a module in it"
            )
    for name in sorted(_names_in(package)):
        if name.startswith("_"):
            continue
        module = importlib.import_module(f"{package.__name__}.{name}")
        # Named as its author knows it: a runtime may load it under a package of its own.
        if hasattr(module, "__path__"):
            yield from _load_package(module, f"{owner}.{name}", context)
        else:
            yield from _module_routes(vars(module), f"{owner}.{name}", context)


def _names_in(package: ModuleType) -> set[str]:
    names = {found.name for found in pkgutil.iter_modules(package.__path__)}
    # A folder without __init__.py can be imported too, but is not listed.
    for folder in package.__path__:
        names.update(path.name for path in Path(folder).glob("*/") if path.name.isidentifier())
    return names


def _module_routes(names: dict[str, object], owner: str, context: Sequence[str]) -> Iterator[Route]:
    functions: list[str] = [name for name in _FUNCTIONS if name in names]
    if not functions:
        raise RouteLoadError(
            f"{owner} answers nothing; define one of {', '.join(_FUNCTIONS)}, or start the "
            "module's name with an underscore"
        )
    patterns = [parse_pattern(path, owner, context) for path in _paths(names, owner)]
    elsewhere = {param for pattern in patterns for param in pattern.params}
    for pattern in patterns:
        offer = (*context, *pattern.params)
        handlers = {
            name.upper(): plan_handler(names[name], f"{owner}.{name}", offer, elsewhere)
            for name in functions
        }
        yield Route(pattern=pattern, owner=owner, handlers=handlers, is_open=False)


def _paths(names: dict[str, object], owner: str) -> list[object]:
    if "path" in names and "paths" in names:
        raise RouteLoadError(f"{owner} has both path and paths; put the one into the other")
    if "path" in names:
        return [names["path"]]
    paths = names.get("paths")
    if not isinstance(paths, list | tuple) or not paths:
        raise RouteLoadError(
            f'{owner} has no path; write path = "/…" or paths = ["/…", "/…"], or start the '
            "module's name with an underscore"
        )
    return list(paths)
