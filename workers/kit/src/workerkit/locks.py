"""Locks by key: what must not happen twice at once for one customer may for two."""

import asyncio
import sys
import time
from collections.abc import AsyncIterator, Callable, Hashable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Final

__all__ = ["KeyedLocks"]

# On Cloudflare requests share an isolate, but none may go on with another's work: one that another
# one wakes goes on in its place, and ends when that one ends.
_SHARES_ISOLATE: Final = sys.platform == "emscripten"
_LOOK_EVERY_S: Final = 0.005
# No request takes longer. One that was cut off there, its client being gone, never gives back.
_LONGEST_S: Final = 60.0


class KeyedLocks:
    """A lock for each key that is in use; one that nobody holds or waits for takes no memory.

    Holds within one worker of one process; a second process has locks of its own.
    """

    __slots__ = ("_clock", "_held", "_locks", "_polls")

    def __init__(
        self, *, polls: bool = _SHARES_ISOLATE, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """Begin without a lock; with `polls`, whoever waits looks now and then, as on Cloudflare.

        `clock` tells seconds, by which a lock is taken from who has held it for over a minute then.
        """
        self._polls = polls
        self._clock = clock
        self._locks: dict[Hashable, tuple[asyncio.Lock, int]] = {}
        self._held: dict[Hashable, tuple[float, object]] = {}

    def hold(self, key: Hashable) -> AbstractAsyncContextManager[None]:
        """Wait for the lock of `key`, and hold it for the block.

        Locks are given in the order of asking, except where those who wait poll.
        """
        return self._hold_polling(key) if self._polls else self._hold(key)

    @asynccontextmanager
    async def _hold(self, key: Hashable) -> AsyncIterator[None]:
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

    @asynccontextmanager
    async def _hold_polling(self, key: Hashable) -> AsyncIterator[None]:
        # No event instead: see _SHARES_ISOLATE.
        while key in self._held and self._clock() - self._held[key][0] < _LONGEST_S:  # noqa: ASYNC110
            await asyncio.sleep(_LOOK_EVERY_S)
        mine = (self._clock(), object())
        self._held[key] = mine
        try:
            yield
        finally:
            if self._held.get(key) is mine:
                del self._held[key]
