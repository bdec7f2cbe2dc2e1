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


async def test_one_key_is_held_by_one_at_a_time_where_those_who_wait_poll() -> None:
    locks = KeyedLocks(polls=True)
    events: list[str] = []

    async def work(name: str) -> None:
        async with locks.hold("key"):
            events.append(f"{name} begins")
            await asyncio.sleep(0)
            events.append(f"{name} ends")

    await asyncio.gather(*map(work, "abcde"))

    for begin, end in zip(events[::2], events[1::2], strict=True):
        assert begin.replace("begins", "ends") == end
    assert sorted(event[0] for event in events[::2]) == list("abcde")


def test_nobody_wakes_who_polls() -> None:
    locks = KeyedLocks(polls=True)
    holder, waiter = locks.hold("key"), locks.hold("key")

    # Without a loop: only who finds the lock free gets through without waiting.
    with pytest.raises(StopIteration):
        holder.__aenter__().send(None)
    with pytest.raises(RuntimeError, match="no running event loop"):
        waiter.__aenter__().send(None)


async def test_who_was_cut_off_does_not_hold_for_ever_there() -> None:
    now = 0.0
    locks = KeyedLocks(polls=True, clock=lambda: now)
    cut_off, next_one, third = (locks.hold("key") for _ in range(3))
    await cut_off.__aenter__()
    now = 61.0

    async with asyncio.timeout(1):
        await next_one.__aenter__()
    # Late after all: what is held by now is another one's.
    await cut_off.__aexit__(None, None, None)
    waiting = asyncio.create_task(third.__aenter__())
    await asyncio.sleep(0)

    assert not waiting.done()
    await next_one.__aexit__(None, None, None)
    await waiting
    await third.__aexit__(None, None, None)
    assert locks._held == {}


@pytest.mark.parametrize("polls", [False, True])
async def test_keys_do_not_wait_for_each_other(polls: bool) -> None:
    locks = KeyedLocks(polls=polls)

    async with asyncio.timeout(1), locks.hold("a"), locks.hold("b"):
        await asyncio.sleep(0)


@pytest.mark.parametrize("polls", [False, True])
async def test_a_lock_is_given_back_after_an_error_and_after_a_cancellation(polls: bool) -> None:
    locks = KeyedLocks(polls=polls)
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
