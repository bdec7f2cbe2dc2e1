import asyncio

import pytest

from workers import wait_until, waitUntil
from workers._host import Host, current_host, require_host


async def test_work_is_handed_to_the_host(host) -> None:
    done = asyncio.Event()

    async def work() -> None:
        done.set()

    wait_until(work())
    waitUntil(work())

    assert not done.is_set()
    assert await host.finish() == [None, None]
    assert done.is_set()


async def test_wait_until_works_only_inside_a_worker() -> None:
    done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    with pytest.raises(
        RuntimeError,
        match="^waitUntil works only inside a running worker; start one with `runtime serve`",
    ):
        wait_until(done)


async def test_the_host_is_that_of_the_running_task(host, make_host) -> None:
    other: Host = make_host()

    async def inside() -> Host:
        current_host.set(other)
        return require_host("this")

    assert await asyncio.create_task(inside()) is other
    assert require_host("this") is host
