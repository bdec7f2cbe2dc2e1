"""Group commit: the writes of one loop turn go to the disk together."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Generic, TypeVar

__all__ = ["GroupCommit"]

T = TypeVar("T")


class GroupCommit(Generic[T]):
    """Collects writes while one batch is under way and hands them over as the next one.

    A batch either succeeds for everyone in it or fails for everyone in it: each waiter gets the
    error of the batch that held its writes.
    """

    def __init__(self, apply: Callable[[Sequence[T]], Awaitable[None]]) -> None:
        """Carry out batches by `apply`, one at a time."""
        self._apply = apply
        self._writes: list[T] = []
        self._waiters: list[asyncio.Future[None]] = []
        self._committing: asyncio.Task[None] | None = None

    async def submit(self, writes: Sequence[T]) -> None:
        """Return when `writes` are carried out; raise what carrying them out raised."""
        if not writes:
            return
        waiter = asyncio.get_running_loop().create_future()
        self._writes += writes
        self._waiters.append(waiter)
        if self._committing is None:
            # The task starts in the next turn, so that all writes of this one are in its batch.
            self._committing = asyncio.create_task(self._commit())
        await waiter

    async def finish(self) -> None:
        """Wait until nothing is left to write."""
        while self._committing is not None:
            await asyncio.wait([self._committing])

    async def _commit(self) -> None:
        try:
            while self._writes:
                writes, self._writes = self._writes, []
                waiters, self._waiters = self._waiters, []
                try:
                    await self._apply(writes)
                except Exception as error:
                    for waiter in _still_waiting(waiters):
                        waiter.set_exception(error)
                else:
                    for waiter in _still_waiting(waiters):
                        waiter.set_result(None)
        finally:
            self._committing = None


def _still_waiting(waiters: Iterable[asyncio.Future[None]]) -> Iterable[asyncio.Future[None]]:
    # One that was cancelled has its write all the same.
    return (waiter for waiter in waiters if not waiter.done())
