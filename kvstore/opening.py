"""Engines by name: the built-in ones, and those of installed distributions."""

import importlib
from collections.abc import Mapping
from importlib.metadata import EntryPoint, entry_points
from typing import Any, Final

from kvstore.engine import EngineOptions, KVEngine
from kvstore.errors import EngineError

__all__ = ["ENTRY_POINT_GROUP", "engine_names", "open_engine"]

ENTRY_POINT_GROUP: Final = "edgestead.kv_engines"

# Imported on first use: an engine's library need not be installed for the others to work.
_BUILT_IN: Final[Mapping[str, str]] = {
    "leveldb": "kvstore.engines.leveldb",
    "memory": "kvstore.engines.memory",
}


def engine_names() -> list[str]:
    """Return the names of all engines that can be opened, sorted."""
    return sorted({*_BUILT_IN, *_registered()})


async def open_engine(name: str, options: EngineOptions) -> KVEngine:
    """Open the engine of that name.

    Raises EngineError for a name that nobody serves or that two distributions do, for an engine
    that does not import, and for one that cannot be opened; EngineLockedError where another
    process holds its store; FormatTooNewError where a newer version wrote it.
    """
    registered = _registered().get(name, [])
    sources = [f"{point.value} of {_owner(point)}" for point in registered]
    if name in _BUILT_IN:
        sources.insert(0, f"{_BUILT_IN[name]} of edgestead")
    if not sources:
        known = ", ".join(engine_names())
        raise EngineError(f'there is no KV engine "{name}"; installed: {known}')
    if len(sources) > 1:
        raise EngineError(
            f'the KV engine "{name}" is served by {" and by ".join(sources)}; uninstall one of them'
        )
    opened: KVEngine = await _load(name, registered)(options)
    return opened


def _registered() -> dict[str, list[EntryPoint]]:
    found: dict[str, list[EntryPoint]] = {}
    for point in entry_points(group=ENTRY_POINT_GROUP):
        found.setdefault(point.name, []).append(point)
    return found


def _load(name: str, registered: list[EntryPoint]) -> Any:
    try:
        if registered:
            return registered[0].load()
        return importlib.import_module(_BUILT_IN[name]).open_engine
    except ImportError as error:
        missing = f": install {error.name}" if error.name else ""
        raise EngineError(
            f'the KV engine "{name}" cannot be used: {error}{missing}, or choose another '
            f"of {', '.join(engine_names())}"
        ) from error


def _owner(point: EntryPoint) -> str:
    return "an unnamed distribution" if point.dist is None else point.dist.name
