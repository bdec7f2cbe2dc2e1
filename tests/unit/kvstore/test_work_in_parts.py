"""Long work lets others run in between: counted in loop turns and in records, not in time."""

import asyncio
import io
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from kvstore import Delete, EngineOptions, KVEngine, KVNamespace, Put, open_engine
from kvstore import _record_store as record_store
from kvstore._link import Link
from kvstore._turns import in_turns
from kvstore.engines.leveldb import LevelDBEngine
from kvstore.transfer import export_namespace

KEYS = 100_000
PAGE = 1000


def key_of(number: int) -> bytes:
    return b"key-%06d" % number


async def turns_of(work: Awaitable[Any]) -> int:
    """Return how often other tasks have run while `work` went on."""
    count = 0

    async def tick() -> None:
        nonlocal count
        while True:
            count += 1
            await asyncio.sleep(0)

    ticking = asyncio.create_task(tick())
    await work
    ticking.cancel()
    return count


@pytest.fixture
async def memory(tmp_path: Path) -> KVEngine:
    """An engine that never waits: whatever turns there are come from above it."""
    return await open_engine("memory", EngineOptions(folder=tmp_path))


async def test_parts_of_nothing_are_none() -> None:
    assert [part async for part in in_turns([], 3)] == []


async def test_one_part_is_worked_on_at_once() -> None:
    async def work() -> list[list[int]]:
        return [[*part] async for part in in_turns([1, 2, 3], 3)]

    task = asyncio.create_task(work())
    await asyncio.sleep(0)

    assert task.done()
    assert await task == [[1, 2, 3]]


async def test_parts_are_whole_and_in_order() -> None:
    parts = [[*part] async for part in in_turns(range(7), 3)]

    assert parts == [[0, 1, 2], [3, 4, 5], [6]]


async def test_a_page_with_metadata_is_made_in_parts(memory: KVEngine) -> None:
    metadata = json.dumps("m" * 1000).encode()
    await memory.write([Put("ns", key_of(n), b"", metadata) for n in range(PAGE)])

    turns = await turns_of(KVNamespace(memory, "ns").list())

    assert turns >= 9


async def test_many_keys_are_deleted_in_parts(memory: KVEngine) -> None:
    turns = await turns_of(KVNamespace(memory, "ns").delete([f"key-{n}" for n in range(10_000)]))

    assert turns >= 99


async def test_values_of_a_bulk_get_that_are_long_get_a_turn_each(memory: KVEngine) -> None:
    kv = KVNamespace(memory, "ns")
    long, short = [f"long-{n}" for n in range(50)], [f"short-{n}" for n in range(50)]
    await memory.write(
        [Put("ns", key.encode(), json.dumps("x" * 100_000).encode()) for key in long]
    )
    await memory.write([Put("ns", key.encode(), b"1") for key in short])

    of_long = await turns_of(kv.get(long, "json"))
    of_short = await turns_of(kv.get(short, "json"))

    assert of_long >= 50
    assert of_short < 10


async def test_a_long_write_is_prepared_in_parts(
    store: LevelDBEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def apply(writes: Any) -> None:
        """Write at once, without a thread that would let others run."""
        store._store.apply(writes)

    monkeypatch.setattr(store._commits, "_apply", apply)

    turns = await turns_of(store.write([Put("ns", key_of(n), b"v") for n in range(5_000)]))

    assert turns >= 9
    assert await store.get("ns", key_of(4_999)) is not None


async def test_a_long_write_reaches_the_owner_in_messages_of_a_few_hundred(
    host: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = await host.client()
    sizes: list[int] = []
    original = Link.write

    async def noting(link: Link, writes: Any, streams: Any) -> None:
        sizes.append(len(writes))
        await original(link, writes, streams)

    monkeypatch.setattr(Link, "write", noting)
    await client.write([Put("ns", key_of(n), b"v") for n in range(1_200)])
    await client.write([Delete("ns", key_of(0))])

    entries, _ = await client.list("ns", b"", None, 5_000)
    assert sizes == [500, 500, 200, 1]
    assert len(entries) == 1_199


async def test_a_large_value_is_exported_in_small_pieces(memory: KVEngine) -> None:
    class Pieces(io.BytesIO):
        largest = 0

        def write(self, data: Any) -> int:
            self.largest = max(self.largest, len(data))
            return super().write(data)

    values = {
        b"binary": b"\x00\xff" * 500_000,
        b"cut": "ä".encode()[:1],
        b"text": b"ab\n" * 400_000,
    }

    async def chunks(value: bytes) -> AsyncIterator[bytes]:
        for start in range(0, len(value), 50_001):
            yield value[start : start + 50_001]

    class Chunked:
        def __init__(self, engine: KVEngine) -> None:
            self._engine = engine

        async def snapshot(self, namespace: str) -> AsyncIterator[Any]:
            async for key, record in self._engine.snapshot(namespace):
                yield key, record._replace(value=chunks(record.value))

    await memory.write([Put("ns", key, value) for key, value in values.items()])
    file = Pieces()
    engine: Any = Chunked(memory)

    turns = await turns_of(export_namespace(engine, "ns", file))

    lines = [json.loads(line) for line in file.getvalue().splitlines()]
    assert [(line["key"], line.get("base64", False)) for line in lines] == [
        ("binary", True),
        ("cut", True),
        ("text", False),
    ]
    assert lines[2]["value"] == "ab\n" * 400_000
    assert file.largest < 100_000
    assert turns >= 20


# Listing


@contextmanager
def counted(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[], int]]:
    """Count the records that the store goes through."""
    count = 0
    original = record_store.scan

    @contextmanager
    def counting(*arguments: Any, **options: Any) -> Iterator[Any]:
        def noted(items: Any) -> Iterator[Any]:
            nonlocal count
            for item in items:
                count += 1
                yield item

        with original(*arguments, **options) as items:
            yield noted(items)

    with monkeypatch.context() as patch:
        patch.setattr(record_store, "scan", counting)
        yield lambda: count


async def test_a_page_costs_the_same_wherever_it_is_among_very_many_keys(
    store: LevelDBEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    for start in range(0, KEYS, 1000):
        await store.write([Put("ns", key_of(n), b"v") for n in range(start, start + 1000)])
    pages: dict[tuple[bytes, bytes | None], int] = {
        (b"", None): 0,
        (b"", key_of(KEYS // 2)): KEYS // 2 + 1,
        (b"", key_of(KEYS - PAGE - 1)): KEYS - PAGE,
        (b"key-07", None): 70_000,
    }
    for (prefix, after), first in pages.items():
        with counted(monkeypatch) as gone_through:
            entries, more = await store.list("ns", prefix, after, PAGE)

        assert [entry.key for entry in entries] == [key_of(first + n) for n in range(PAGE)]
        assert more == (first + PAGE < KEYS)
        assert gone_through() <= PAGE + 1
