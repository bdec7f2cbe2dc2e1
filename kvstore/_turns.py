"""Long work on the event loop, in parts: other tasks run in between."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import TypeVar

__all__ = ["in_turns"]

_T = TypeVar("_T")


async def in_turns(items: Sequence[_T], at_once: int = 500) -> AsyncIterator[Sequence[_T]]:
    """Yield up to `at_once` of the items at a time; each part but the first in a loop turn anew."""
    for start in range(0, len(items), at_once):
        if start:
            await asyncio.sleep(0)
        yield items[start : start + at_once]
