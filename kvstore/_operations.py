"""Counting what is under way, so that closing can wait for it."""

import asyncio
from contextlib import suppress

__all__ = ["Operations"]


class Operations:
    """Counts the blocks that are within it: `with operations:`."""

    __slots__ = ("_count", "_none")

    def __init__(self) -> None:
        self._count = 0
        self._none = asyncio.Event()
        self._none.set()

    async def finish(self, patience_s: float) -> None:
        """Return when there are none, or after `patience_s` seconds."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self._none.wait(), patience_s)

    def __enter__(self) -> None:
        self._count += 1
        self._none.clear()

    def __exit__(self, *_: object) -> None:
        self._count -= 1
        if not self._count:
            self._none.set()
