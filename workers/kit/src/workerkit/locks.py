"""Locks by key: what must not happen twice at once for one customer may for two."""

import asyncio
from collections.abc import AsyncIterator, Hashable
from contextlib import asynccontextmanager

__all__ = ["KeyedLocks"]


class KeyedLocks:
    """A lock for each key that is in use; one that nobody holds or waits for takes no memory.

    Holds within one worker of one process; a second process has locks of its own.
    """

    __slots__ = ("_locks",)

    def __init__(self) -> None:
        """Begin without a lock."""
        self._locks: dict[Hashable, tuple[asyncio.Lock, int]] = {}

    @asynccontextmanager
    async def hold(self, key: Hashable) -> AsyncIterator[None]:
        """Wait for the lock of `key`, in the order of asking, and hold it for the block."""
        lock, users = self._locks.get(key) or (asyncio.Lock(), 0)
        self._locks[key] = (lock, users + 1)
        try:
            async with lock:
                yield
        finally:
            lock, users = self._locks[key]
            if users == 1:
                del self._locks[key]
            else:
                self._locks[key] = (lock, users - 1)
