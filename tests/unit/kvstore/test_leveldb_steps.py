"""Work on many records: in short steps, and with nothing left behind."""

import asyncio
import multiprocessing
import os
from pathlib import Path
from typing import Any

import pytest

from kvstore import Delete, EngineClosedError, EngineOptions, Put, Record
from kvstore._keys import namespace_prefix
from kvstore._record_store import RecordStore, Write
from kvstore._records import StoredRecord
from kvstore.engines import leveldb
from kvstore.engines.leveldb import LevelDBEngine, check_store
from kvstore.testing import FakeClock

STEP = 400


async def open_store(folder: Path, **options: Any) -> LevelDBEngine:
    return await leveldb.open_engine(
        EngineOptions(folder=folder, **({"durability": "buffered"} | options))
    )


def puts(count: int, *, first: int = 0, **more: Any) -> list[Put]:
    return [Put("ns", b"%06d" % n, b"v", **more) for n in range(first, first + count)]


class Counted:
    """Notes how many records each step of a method of the store goes through."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, method: str) -> None:
        self.steps = 0
        original = getattr(RecordStore, method)

        def counting(store: RecordStore, *arguments: Any) -> Any:
            self.steps += 1
            return original(store, *arguments)

        monkeypatch.setattr(RecordStore, method, counting)


@pytest.mark.parametrize("limit", [1, STEP - 1, STEP, STEP + 1, 1000, 5000])
async def test_a_page_is_read_in_steps_of_a_few_hundred_records(
    store: LevelDBEngine, monkeypatch: pytest.MonkeyPatch, limit: int
) -> None:
    await store.write(puts(1500))
    counted = Counted(monkeypatch, "list_step")

    entries, more = await store.list("ns", b"", None, limit)

    assert [entry.key for entry in entries] == [b"%06d" % n for n in range(min(limit, 1500))]
    assert more == (limit < 1500)
    assert counted.steps <= min(limit, 1500) // STEP + 1


async def test_keys_that_have_expired_are_passed_over_in_steps(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = FakeClock()
    engine = await open_store(tmp_path, clock=clock)
    await engine.write(puts(4500, expiration=int(clock()) + 60))
    await engine.write([Put("ns", b"last", b"v"), Put("other", b"key", b"v")])
    clock.advance(61)
    listing = Counted(monkeypatch, "list_step")
    naming = Counted(monkeypatch, "next_namespace")

    entries, more = await engine.list("ns", b"", None, 10)
    names = await engine.namespaces()
    snapshot = [key async for key, _ in engine.snapshot("ns")]
    await engine.close()

    assert ([entry.key for entry in entries], more) == ([b"last"], False)
    assert names == ["ns", "other"]
    assert snapshot == [b"last"]
    assert listing.steps == 3
    assert naming.steps == 14


async def test_many_listings_at_once_take_turns(store: LevelDBEngine) -> None:
    await store.write(puts(1500))

    pages = await asyncio.gather(*[store.list("ns", b"", None, 1000) for _ in range(30)])

    assert {(len(entries), more) for entries, more in pages} == {(1000, True)}


async def test_what_is_written_while_a_namespace_is_dropped_does_not_keep_it_busy(
    store: LevelDBEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    await store.write(puts(1000))
    original = RecordStore.delete_range

    def with_a_writer(records: RecordStore, start: bytes, stop: bytes) -> bytes | None:
        next_start = original(records, start, stop)
        record_key = namespace_prefix("ns") + b"000000"
        records.apply([Write(record_key, StoredRecord(b"new", None, None))])
        return next_start

    monkeypatch.setattr(RecordStore, "delete_range", with_a_writer)

    await store.drop("ns")

    entries, _ = await store.list("ns", b"", None, 10)
    assert [entry.key for entry in entries] == [b"000000"]


async def test_a_sweep_goes_on_where_it_was_and_finds_what_came_before_that(
    tmp_path: Path,
) -> None:
    clock = FakeClock()
    engine = await open_store(tmp_path, clock=clock)
    now = int(clock())
    await engine.write(puts(1000, expiration=now + 100))
    clock.advance(101)
    first = [await engine.sweep(300), await engine.sweep(300)]
    await engine.write(puts(5, first=5000, expiration=now + 50))
    await engine.write(puts(5, first=6000, expiration=now + 200))
    rest = [await engine.sweep(1000), await engine.sweep(1000)]
    clock.advance(200)
    last = [await engine.sweep(1000), await engine.sweep(1000)]
    clock.advance(-300)
    none = await engine.sweep(10)
    await engine.close()

    report = await asyncio.to_thread(check_store, tmp_path)
    assert (first, rest, last, none) == ([300, 300], [405, 0], [5, 0], 0)
    assert report.records == {}
    assert report.left_over == []


async def test_a_compaction_is_due_when_much_of_the_store_has_been_deleted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("kvstore._record_store._COMPACT_AFTER_BYTES", 1_000_000)
    engine = await open_store(tmp_path)
    records = engine._store
    await engine.write([Put("ns", b"%d" % n, os.urandom(250_000)) for n in range(40)])
    await engine._compact(b"\x00", b"\xff\xff\xff")
    await engine.write([Delete("ns", b"%d" % n) for n in range(6)])
    of_little = records.begins_compaction()
    await engine.write([Delete("ns", b"%d" % n) for n in range(6, 15)])
    of_much = records.begins_compaction()
    again = records.begins_compaction()
    await engine.close()

    assert (of_little, of_much, again) == (False, True, False)


async def test_what_cannot_be_deleted_now_is_when_the_store_is_opened_again(
    tmp_path: Path, full_disk: Any, caplog: pytest.LogCaptureFixture
) -> None:
    engine = await open_store(tmp_path)
    await engine.write([Put("ns", b"a", b"x" * 300_000), Put("ns", b"b", b"x" * 300_000)])
    reader = await engine.get("ns", b"a")
    assert reader is not None
    await engine.write([Delete("ns", b"a"), Delete("ns", b"b")])
    await engine._large_values.finish()
    with full_disk(engine):
        await reader.value.aclose()  # type: ignore[union-attr]  # it is large
        await engine._large_values.finish()
    await engine.close()
    before = await asyncio.to_thread(check_store, tmp_path)

    engine = await open_store(tmp_path)
    await engine._large_values.finish()
    with engine._database.iterator(prefix=b"\xff") as left:
        after = [key for key, _ in left]
    await engine.close()

    assert "stay until the store is opened again" in caplog.text
    assert before.is_sound
    assert after == [b"\xff\xff"]


# Durability


class Noted:
    """A database that notes how its batches are written."""

    def __init__(self, database: Any) -> None:
        self.database = database
        self.batches: list[dict[str, Any]] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self.database, name)

    def write_batch(self, **options: Any) -> Any:
        self.batches.append(options)
        return self.database.write_batch(**options)


@pytest.mark.parametrize("durability", ["sync", "buffered"])
async def test_what_is_confirmed_is_synced_unless_that_was_not_wanted(
    tmp_path: Path, durability: str
) -> None:
    clock = FakeClock()
    engine = await open_store(tmp_path, durability=durability, clock=clock)
    noted = Noted(engine._store._database)
    vars(engine._store)["_database"] = noted
    large = Put("ns", b"large", b"x" * 600_000)
    for change in (
        engine.write(puts(3)),
        engine.write([large]),
        engine.write([Delete("ns", b"a")]),
    ):
        await change
    await engine.drop("ns")
    synced = [batch["sync"] for batch in noted.batches]
    noted.batches.clear()
    # A power cut may bring that back, which is deleted again then.
    await engine.write([Put("ns", b"key", b"v", None, int(clock()) + 60)])
    clock.advance(61)
    await engine.sweep(10)
    of_sweep = noted.batches[-1]["sync"]
    await engine.close()

    # All but the deletion of the pieces that no record refers to any more.
    assert synced.count(True) == (len(synced) - 1 if durability == "sync" else 0)
    assert of_sweep is False
    assert all(batch["transaction"] for batch in noted.batches)


# Closing


async def test_closing_waits_for_pages_and_values_that_are_under_way(tmp_path: Path) -> None:
    engine = await open_store(tmp_path)
    await engine.write(puts(1500))
    listing = asyncio.create_task(engine.list("ns", b"", None, 1200))
    sweeping = asyncio.create_task(engine.sweep(10))
    writing = asyncio.create_task(engine.write([Put("ns", b"large", b"x" * 2_000_000)]))
    await asyncio.sleep(0)

    await asyncio.gather(engine.close(), engine.close())
    with pytest.raises(EngineClosedError):
        await engine.get("ns", b"000001")

    entries, more = await listing
    await asyncio.gather(sweeping, writing)
    assert (len(entries), more) == (1200, True)


async def test_closing_that_is_cancelled_goes_on(tmp_path: Path) -> None:
    engine = await open_store(tmp_path)
    closing = asyncio.create_task(engine.close())
    await asyncio.sleep(0)
    closing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await closing

    await engine.close()

    await (await open_store(tmp_path)).close()


async def test_a_forked_child_can_neither_close_the_store_nor_keep_it_locked(
    tmp_path: Path,
) -> None:
    engine = await open_store(tmp_path)
    await engine.write([Put("ns", b"key", b"v")])
    context = multiprocessing.get_context("fork")
    closed, may_end = context.Event(), context.Event()

    def in_child() -> None:
        asyncio.run(engine.close())
        closed.set()
        may_end.wait()

    child = context.Process(target=in_child)
    child.start()
    await asyncio.to_thread(closed.wait, 10)
    assert await engine.get("ns", b"key") == Record(b"v")
    await engine.write([Put("ns", b"other", b"v")])
    await engine.close()

    engine = await open_store(tmp_path)
    assert await engine.get("ns", b"other") == Record(b"v")
    await engine.close()
    may_end.set()
    await asyncio.to_thread(child.join)


@pytest.mark.parametrize("while_", ["listing", "snapshot", "reading"])
async def test_a_store_that_is_closed_under_a_long_reader_is_told(
    tmp_path: Path, while_: str
) -> None:
    engine = await open_store(tmp_path)
    await engine.write(puts(1000))
    await engine.write([Put("ns", b"large", b"x" * 3_000_000)])
    record = await engine.get("ns", b"large")
    snapshot = engine.snapshot("ns")
    await anext(snapshot)
    pieces = aiter(record.value)  # type: ignore[union-attr, arg-type]  # it is large
    await anext(pieces)

    await engine.close()

    with pytest.raises(EngineClosedError):
        match while_:
            case "listing":
                await engine.list("ns", b"", None, 10)
            case "snapshot":
                async for _ in snapshot:
                    pass
            case _:
                async for _ in pieces:
                    pass
    await snapshot.aclose()
