"""The values of a config as a tree."""

from collections.abc import Iterator
from typing import Any

from wrangler_compat.diagnostics import KeyPath

__all__ = ["leaves"]


def leaves(value: Any, path: KeyPath = ()) -> Iterator[tuple[KeyPath, Any]]:
    """Yield each value that has none within it, an empty table or list too, with its path."""
    if isinstance(value, dict) and value:
        for key, item in value.items():
            yield from leaves(item, (*path, key))
    elif isinstance(value, list) and value:
        for index, item in enumerate(value):
            yield from leaves(item, (*path, index))
    else:
        yield path, value
