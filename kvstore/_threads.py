"""Work in threads, and what becomes of it when nobody waits for it any more."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any, TypeVar

__all__ = ["run_in_thread", "settled"]

_T = TypeVar("_T")


async def run_in_thread(threads: ThreadPoolExecutor, work: Callable[[], _T]) -> _T:
    """Return what `work` returns in a thread of the pool.

    A caller that is cancelled hears of it once `work` has ended, or if it has not begun, will never
    begin: so nothing happens any more after this has raised.
    """
    job = threads.submit(work)
    done = asyncio.wrap_future(job)
    try:
        return await asyncio.shield(done)
    except asyncio.CancelledError:
        job.cancel()
        await settled(done)
        raise


async def settled(future: "asyncio.Future[Any]") -> None:
    """Return when `future` is done, however often this task is cancelled meanwhile."""
    while not future.done():
        with suppress(asyncio.CancelledError):
            await asyncio.wait([future])
