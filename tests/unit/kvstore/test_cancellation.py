"""Calls that are cancelled, at every point where they wait."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import aclosing
from pathlib import Path
from typing import Any

import pytest

from kvstore import Delete, EngineOptions, KVEngine, KVNamespace, Put, Record
from kvstore.engines import leveldb
from kvstore.engines.leveldb import LevelDBEngine, check_store

OLD, NEW, LATER = b"old" * 30_000, b"new" * 200_000, b"later" * 100_000


async def chunks(value: bytes) -> AsyncIterator[bytes]:
    for start in range(0, len(value), 100_000):
        yield value[start : start + 100_000]
        await asyncio.sleep(0)


async def whole(engine: KVEngine, key: bytes) -> bytes | None:
    record = await engine.get("ns", key)
    if record is None or isinstance(record.value, bytes):
        return None if record is None else record.value
    return b"".join([piece async for piece in record.value])


async def cancel_after(turns: int, call: Awaitable[Any]) -> bool:
    """Cancel a call after some turns of the loop; tell whether it had not ended by then."""
    task = asyncio.ensure_future(call)
    for _ in range(turns):
        await asyncio.sleep(0)
    task.cancel()
    await asyncio.wait([task])
    return task.cancelled()


# Threads take a while, so a turn is nothing: from some number on, turns are doubled.
TURNS = [*range(30), *(2**power for power in range(5, 14))]

WRITES: dict[str, Callable[[], list[Any]]] = {
    "small": lambda: [Put("ns", b"key", b"new")],
    "large": lambda: [Put("ns", b"key", NEW)],
    "stream": lambda: [Put("ns", b"key", chunks(NEW))],
    "two streams": lambda: [Put("ns", b"key", chunks(NEW)), Put("ns", b"2nd", chunks(NEW))],
    "delete": lambda: [Delete("ns", b"key")],
}


@pytest.mark.parametrize("kind", WRITES)
@pytest.mark.parametrize("through", ["directly", "the owner"])
async def test_a_write_that_is_cancelled_is_done_or_not_and_never_happens_later(
    host: Any, tmp_path: Path, through: str, kind: str
) -> None:
    engine = host.engine if through == "directly" else await host.client()
    seen: set[bytes | None] = set()
    for turns in TURNS:
        await engine.write([Put("ns", b"key", OLD)])

        await cancel_after(turns, engine.write(WRITES[kind]()))
        await engine.write([Put("ns", b"later", b"v")])
        seen.add(await whole(engine, b"key"))

        await engine.write([Put("ns", b"key", LATER)])
        await engine.write([Delete("ns", b"2nd")])
        for _ in range(50):
            await asyncio.sleep(0)
        assert await whole(engine, b"key") == LATER
    await host.shared.disconnect()
    await host.engine.close()

    report = await asyncio.to_thread(check_store, tmp_path)
    new = {"small": b"new", "delete": None}.get(kind, NEW)
    assert seen <= {OLD, new}
    assert report.is_sound
    assert report.left_over == []
    assert report.records == {"ns": 2}


@pytest.mark.parametrize("kind", WRITES)
@pytest.mark.parametrize("through", ["directly", "the owner"])
async def test_what_is_read_once_a_write_was_cancelled_stays(
    host: Any, through: str, kind: str
) -> None:
    """Also where a client keeps what stood there before."""
    engine = host.engine if through == "directly" else await host.client()
    for turns in TURNS:
        await engine.write([Put("ns", b"key", b"old")])
        await engine.get("ns", b"key")

        await cancel_after(turns, engine.write(WRITES[kind]()))
        found = await whole(engine, b"key")

        for _ in range(20):
            await asyncio.sleep(0)
        await engine.write([Put("ns", b"another", b"v")])
        assert await whole(engine, b"key") == found


@pytest.mark.parametrize("through", ["directly", "the owner"])
async def test_a_drop_that_is_cancelled_takes_nothing_that_is_written_later(
    host: Any, through: str
) -> None:
    engine = host.engine if through == "directly" else await host.client()
    for turns in (0, 1, 2, 3, 5, 10, 100, 1000):
        await engine.write([Put("ns", b"%04d" % n, b"v") for n in range(2500)])

        await cancel_after(turns, engine.drop("ns"))
        await engine.write([Put("ns", b"zz", b"later")])

        for _ in range(20):
            await engine.write([Put("other", b"key", b"v")])
        assert await engine.get("ns", b"zz") == Record(b"later")


@pytest.mark.parametrize("kind", ["large", "stream"])
async def test_a_put_that_is_cancelled_leaves_no_pieces_while_the_store_is_open(
    store: LevelDBEngine, kind: str
) -> None:
    was_cancelled = []
    for turns in TURNS:
        was_cancelled.append(await cancel_after(turns, store.write(WRITES[kind]())))
        await store.write([Delete("ns", b"key")])
        await store._large_values.finish()

        with store._database.iterator(prefix=b"\xff", include_value=False) as left:
            assert [*left] == [b"\xff\xff"]
    assert True in was_cancelled


async def test_a_put_of_a_namespace_that_is_cancelled_closes_its_source(host: Any) -> None:
    client = await host.client()
    for engine in (host.engine, client):
        for turns in TURNS:
            closed = asyncio.Event()

            async def source(closed: asyncio.Event = closed) -> AsyncIterator[bytes]:
                try:
                    async for chunk in chunks(NEW):
                        yield chunk
                finally:
                    closed.set()

            chunks_of_it = source()
            await anext(chunks_of_it)
            await cancel_after(turns, KVNamespace(engine, "ns").put("key", chunks_of_it))
            assert closed.is_set() or turns == 0
            await chunks_of_it.aclose()


async def test_reads_that_are_cancelled_leave_nothing_open(host: Any) -> None:
    await host.engine.write([Put("ns", b"%d" % n, NEW) for n in range(3)])
    client = await host.client(cache_bytes=0)

    async def read_all(engine: KVEngine) -> None:
        async with aclosing(engine.snapshot("ns")) as snapshot:
            async for _, record in snapshot:
                assert not isinstance(record.value, bytes)
                async for _ in record.value:
                    pass

    calls: list[Callable[[KVEngine], Awaitable[Any]]] = [
        lambda engine: whole(engine, b"1"),
        lambda engine: engine.get_many("ns", [b"1", b"2"]),
        lambda engine: engine.list("ns", b"", None, 10),
        lambda engine: engine.namespaces(),
        read_all,
    ]
    for engine in (host.engine, client):
        for call in calls:
            for turns in TURNS:
                await cancel_after(turns, call(engine))

    assert await whole(client, b"1") == NEW
    (session,) = host.shared._sessions
    await host.until(lambda: not session._held._snapshots and not session._held._values)
    await host.until(lambda: not vars(host.engine)["_large_values"]._readers)


async def test_a_drop_or_sweep_that_is_cancelled_can_be_done_again(tmp_path: Path) -> None:
    engine = await leveldb.open_engine(EngineOptions(folder=tmp_path, durability="buffered"))
    for turns in TURNS:
        for call in (engine.drop, lambda name: engine.sweep(1000)):
            await engine.write([Put("ns", b"%04d" % n, b"v", None, 1) for n in range(900)])
            await engine.write([Put("ns", b"large", NEW, None, 1)])
            await cancel_after(turns, call("ns"))
            await call("ns")
            with engine._database.iterator(prefix=b"\x02ns") as records:
                assert not any(records)
    await engine.close()

    report = await asyncio.to_thread(check_store, tmp_path)
    assert (report.records, report.left_over, report.is_sound) == ({}, [], True)


async def test_a_write_in_the_owner_that_is_cancelled_leaves_no_client_with_the_old_value(
    host: Any,
) -> None:
    client = await host.client()
    for turns in TURNS:
        await host.shared.write([Put("ns", b"key", b"old")])
        await client.get("ns", b"key")

        await cancel_after(turns, host.shared.write([Put("ns", b"key", b"new")]))
        await client.get("ns", b"key")
        await host.engine.write([])
        await host.engine._commits.finish()

        assert await client.get("ns", b"key") == await host.engine.get("ns", b"key")


async def test_connecting_that_is_cancelled_leaves_no_connection(host: Any) -> None:
    client = await host.client()
    for turns in range(20):
        await host.shared.disconnect()
        await cancel_after(turns, client.namespaces())
    await client.close()

    await host.until(lambda: not host.shared._sessions)


async def test_a_cancelled_writer_hears_of_it_when_its_batch_is_on_the_disk(
    store: LevelDBEngine,
) -> None:
    put = asyncio.create_task(store.write([Put("ns", b"key", b"v")]))
    await asyncio.sleep(0)
    put.cancel()
    await asyncio.wait([put])

    assert put.cancelled()
    assert await store.get("ns", b"key") == Record(b"v")
