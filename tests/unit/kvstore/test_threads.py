"""Work in threads whose caller is cancelled."""

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from kvstore._operations import Operations
from kvstore._threads import run_in_thread, settled


async def test_a_result_and_an_error_come_back() -> None:
    with ThreadPoolExecutor(1) as threads:
        assert await run_in_thread(threads, lambda: 5) == 5
        with pytest.raises(ZeroDivisionError):
            await run_in_thread(threads, lambda: 1 // 0)


async def test_a_caller_that_is_cancelled_hears_of_it_when_the_work_has_ended() -> None:
    began, go_on = threading.Event(), threading.Event()
    ended: list[str] = []

    def work() -> None:
        began.set()
        go_on.wait()
        ended.append("work")

    with ThreadPoolExecutor(1) as threads:
        running = asyncio.create_task(run_in_thread(threads, work))
        waiting = asyncio.create_task(run_in_thread(threads, lambda: ended.append("never")))
        await asyncio.to_thread(began.wait)
        for task in (running, waiting):
            task.cancel()
            task.cancel()
        await asyncio.wait([waiting])
        was_done = running.done()
        go_on.set()
        await asyncio.wait([running])

    assert not was_done
    assert running.cancelled()
    assert waiting.cancelled()
    assert ended == ["work"]


async def test_settled_returns_at_once_where_nothing_is_to_be_waited_for() -> None:
    future = asyncio.get_running_loop().create_future()
    future.set_result(None)

    await settled(future)

    assert future.done()


async def test_what_is_under_way_is_waited_for_but_not_for_ever() -> None:
    operations = Operations()
    finished: list[str] = []

    async def finish(patience_s: float, name: str) -> None:
        await operations.finish(patience_s)
        finished.append(name)

    await finish(5, "none")
    with operations, operations:
        await finish(0.01, "impatient")
        patient = asyncio.create_task(finish(30, "patient"))
        await asyncio.sleep(0)
        assert finished == ["none", "impatient"]
    await patient

    assert finished == ["none", "impatient", "patient"]
