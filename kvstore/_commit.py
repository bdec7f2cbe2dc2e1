"""Group commit: the writes of one loop turn go to the disk together."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Generic, TypeVar

from kvstore._threads import settled

__all__ = ["GroupCommit"]

T = TypeVar("T")


class GroupCommit(Generic[T]):
    """Collects writes while one batch is under way and hands them over as the next one.

    A batch either succeeds for everyone in it or fails for everyone in it: each waiter gets the
    error of the batch that held its writes. One that is cancelled hears of that once its batch has
    ended, so that its writes never happen behind its back.
    """

    def __init__(self, apply: Callable[[Sequence[T]], Awaitable[None]]) -> None:
        """Carry out batches by `apply`, one at a time."""
        self._apply = apply
        self._next: _Batch[T] | None = None
        self._committing: asyncio.Task[None] | None = None

    async def submit(self, writes: Sequence[T]) -> None:
        """Return when `writes` are carried out; raise what carrying them out raised."""
        if not writes:
            return
        batch = self._next
        if batch is None:
            batch = self._next = _Batch()
        if self._committing is None:
            # The task starts in the next turn, so that all writes of this one are in its batch.
            self._committing = asyncio.create_task(self._commit())
        waiter = batch.ended.get_loop().create_future()
        batch.writes += writes
        batch.waiters.append(waiter)
        try:
            await waiter
        except asyncio.CancelledError:
            await settled(batch.ended)
            raise

    async def finish(self) -> None:
        """Wait until nothing is left to write."""
        while self._committing is not None:
            await asyncio.wait([self._committing])

    async def _commit(self) -> None:
        batch: _Batch[T] | None = None
        try:
            while self._next is not None:
                batch, self._next = self._next, None
                try:
                    await self._apply(batch.writes)
                except Exception as error:
                    batch.end(error)
                else:
                    batch.end(None)
        finally:
            self._committing = None
            # Where the event loop itself is being ended, nobody is left waiting.
            for unfinished in (batch, self._next):
                if unfinished is not None:
                    unfinished.give_up()
            self._next = None


class _Batch(Generic[T]):
    """Writes that go to the disk together, and who waits for that."""

    __slots__ = ("ended", "waiters", "writes")

    def __init__(self) -> None:
        self.writes: list[T] = []
        self.waiters: list[asyncio.Future[None]] = []
        self.ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def end(self, error: Exception | None) -> None:
        self.ended.set_result(None)
        for waiter in _still_waiting(self.waiters):
            if error is None:
                waiter.set_result(None)
            else:
                waiter.set_exception(error)

    def give_up(self) -> None:
        self.ended.cancel()
        for waiter in _still_waiting(self.waiters):
            waiter.cancel()


def _still_waiting(waiters: Iterable[asyncio.Future[None]]) -> Iterable[asyncio.Future[None]]:
    return (waiter for waiter in waiters if not waiter.done())
