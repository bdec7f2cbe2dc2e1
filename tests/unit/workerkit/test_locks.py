import asyncio

import pytest

from workerkit.locks import KeyedLocks


async def test_one_key_is_held_by_one_at_a_time_in_the_order_of_asking() -> None:
    locks = KeyedLocks()
    events: list[str] = []

    async def work(name: str) -> None:
        async with locks.hold("key"):
            events.append(f"{name} begins")
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            events.append(f"{name} ends")

    await asyncio.gather(work("a"), work("b"), work("c"))

    assert events == ["a begins", "a ends", "b begins", "b ends", "c begins", "c ends"]


async def test_keys_do_not_wait_for_each_other() -> None:
    locks = KeyedLocks()

    async with asyncio.timeout(1), locks.hold("a"), locks.hold("b"):
        await asyncio.sleep(0)


async def test_a_lock_is_given_back_after_an_error_and_after_a_cancellation() -> None:
    locks = KeyedLocks()
    with pytest.raises(ValueError, match="mine"):
        async with locks.hold("key"):
            raise ValueError("mine")

    async def wait() -> None:
        async with locks.hold("key"):
            await asyncio.Event().wait()

    holder, waiter = asyncio.create_task(wait()), asyncio.create_task(wait())
    await asyncio.sleep(0)
    waiter.cancel()
    holder.cancel()
    await asyncio.gather(holder, waiter, return_exceptions=True)

    async with asyncio.timeout(1), locks.hold("key"):
        await asyncio.sleep(0)


async def test_a_lock_that_nobody_uses_takes_no_memory() -> None:
    locks = KeyedLocks()

    async def work(key: int) -> None:
        async with locks.hold(key % 10):
            await asyncio.sleep(0)

    await asyncio.gather(*(work(number) for number in range(100)))

    assert locks._locks == {}
