"""Group commit: the writes of one loop turn go to the disk together, in one thread."""

import asyncio
from collections.abc import Callable, Coroutine, Iterable, Sequence
from functools import partial
from typing import Any

from kvstore.engine import Operation

__all__ = ["GroupCommit"]

RunInThread = Callable[[Callable[[], None]], Coroutine[Any, Any, None]]


class GroupCommit:
    """Collects writes while one batch is under way and hands them over as the next one.

    A batch either succeeds for everyone in it or fails for everyone in it: each waiter gets the
    error of the batch that held its operations.
    """

    def __init__(
        self, apply: Callable[[Sequence[Operation]], None], run_in_thread: RunInThread
    ) -> None:
        """Write batches by `apply`, which blocks, in the thread that `run_in_thread` stands for."""
        self._apply = apply
        self._run_in_thread = run_in_thread
        self._operations: list[Operation] = []
        self._waiters: list[asyncio.Future[None]] = []
        self._committing: asyncio.Task[None] | None = None

    async def submit(self, operations: Sequence[Operation]) -> None:
        """Return when `operations` are written; raise what writing them raised."""
        if not operations:
            return
        waiter = asyncio.get_running_loop().create_future()
        self._operations += operations
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
            while self._operations:
                operations, self._operations = self._operations, []
                waiters, self._waiters = self._waiters, []
                try:
                    await self._run_in_thread(partial(self._apply, operations))
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
