"""Writes that go to the disk together, and who hears of what became of them."""

import asyncio
from collections.abc import Sequence

import pytest

from kvstore._commit import GroupCommit


class Disk:
    """Takes batches when it is told to, or refuses one."""

    def __init__(self) -> None:
        self.batches: list[list[int]] = []
        self.may_go_on = asyncio.Event()
        self.error: Exception | None = None

    async def apply(self, writes: Sequence[int]) -> None:
        await self.may_go_on.wait()
        self.batches.append([*writes])
        if self.error is not None:
            raise self.error


async def turns(count: int = 5) -> None:
    for _ in range(count):
        await asyncio.sleep(0)


async def test_what_comes_while_a_batch_is_under_way_is_the_next_one() -> None:
    disk = Disk()
    commits = GroupCommit(disk.apply)
    async with asyncio.TaskGroup() as group:
        group.create_task(commits.submit([1, 2]))
        group.create_task(commits.submit([3]))
        await turns()
        group.create_task(commits.submit([4]))
        group.create_task(commits.submit([]))
        finishing = group.create_task(commits.finish())
        await turns()
        assert not finishing.done()
        disk.may_go_on.set()

    assert disk.batches == [[1, 2, 3], [4]]


async def test_an_error_is_told_to_those_in_its_batch() -> None:
    disk = Disk()
    disk.error = OSError("full")
    disk.may_go_on.set()
    commits = GroupCommit(disk.apply)

    failed = await asyncio.gather(commits.submit([1]), commits.submit([2]), return_exceptions=True)
    disk.error = None
    await commits.submit([3])

    assert [str(error) for error in failed] == ["full", "full"]
    assert disk.batches == [[1, 2], [3]]


@pytest.mark.parametrize("error", [None, OSError("full")])
async def test_one_that_is_cancelled_hears_of_it_when_its_batch_has_ended(
    error: Exception | None,
) -> None:
    disk = Disk()
    disk.error = error
    commits = GroupCommit(disk.apply)
    cancelled = asyncio.create_task(commits.submit([1]))
    kept = asyncio.create_task(commits.submit([2]))
    await turns()
    for _ in range(3):
        cancelled.cancel()
        await turns()
    was_done = cancelled.done()

    disk.may_go_on.set()
    await asyncio.wait([cancelled, kept])

    assert not was_done
    assert cancelled.cancelled()
    assert kept.exception() is error
    assert disk.batches == [[1, 2]]


async def test_when_the_loop_is_ended_nobody_waits_for_ever() -> None:
    disk = Disk()
    commits = GroupCommit(disk.apply)
    first = asyncio.create_task(commits.submit([1]))
    await turns()
    second = asyncio.create_task(commits.submit([2]))
    await turns()
    assert commits._committing is not None

    commits._committing.cancel()
    done, _ = await asyncio.wait([first, second], timeout=5)

    assert done == {first, second}
    assert all(task.cancelled() for task in done)
    disk.may_go_on.set()
    await commits.submit([3])
    assert disk.batches == [[3]]
