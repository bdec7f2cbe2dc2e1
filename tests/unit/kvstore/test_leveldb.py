"""What LevelDB and plyvel do wrong by themselves, and the engine stops."""

import asyncio
import gc
import multiprocessing
import os
import signal
import subprocess
import sys
import threading
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import plyvel
import pytest

from kvstore import (
    CorruptRecordError,
    Delete,
    EngineClosedError,
    EngineError,
    EngineLockedError,
    EngineOptions,
    FormatTooNewError,
    Put,
    Record,
)
from kvstore._expiry import expiry_key
from kvstore._keys import namespace_prefix, piece_keys
from kvstore._lock import StoreLock
from kvstore._record_store import RecordStore, Staging
from kvstore._records import decode_record
from kvstore.engines import leveldb
from kvstore.engines.leveldb import LevelDBEngine
from kvstore.testing import FakeClock

HOLDER = """
import asyncio, sys
from pathlib import Path
from kvstore import EngineOptions, Put, Record, open_engine

async def main():
    engine = await open_engine("leveldb", EngineOptions(folder=Path(sys.argv[1])))
    for number in range(int(sys.argv[2])):
        await engine.write([Put("ns", b"%06d" % number, b"v" * 100)])
        print(number, flush=True)
    print("ready", flush=True)
    sys.stdin.readline()

asyncio.run(main())
"""


async def open_store(folder: Path, **options: Any) -> LevelDBEngine:
    return await leveldb.open_engine(EngineOptions(folder=folder, **options))


def start_holder(folder: Path, writes: int = 0) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(folder), str(writes)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def try_elsewhere(folder: Path) -> str:
    """Let another process open and write the store; return its complaints."""
    with start_holder(folder, writes=10) as holder:
        _, complaints = holder.communicate("\n")
    return complaints


def wait_for_line(process: subprocess.Popen[str], text: str) -> None:
    assert process.stdout is not None
    for line in process.stdout:
        if line.strip() == text:
            return
    raise AssertionError(f"no line {text!r}")


def edit(folder: Path, change: Callable[[Any], None]) -> None:
    """Change a closed store behind the engine's back."""
    database = plyvel.DB(str(folder / "leveldb"))
    change(database)
    database.close()


def value_files(folder: Path) -> list[Path]:
    """Return the files of large values of the store in `folder`."""
    return list(folder.glob("values/*"))


# The lock


async def test_another_process_is_told_who_holds_the_store(tmp_path: Path) -> None:
    with start_holder(tmp_path) as holder:
        wait_for_line(holder, "ready")

        with pytest.raises(EngineLockedError) as error:
            await open_store(tmp_path)

        holder.communicate("\n")
    assert error.value.pid == holder.pid
    assert f"process {holder.pid} (python" in str(error.value)
    assert "--persist-to" in str(error.value)
    await (await open_store(tmp_path)).close()


async def test_a_second_attempt_in_one_process_does_not_let_another_process_in(
    store: LevelDBEngine, tmp_path: Path
) -> None:
    with pytest.raises(EngineLockedError, match=rf"process {os.getpid()} \(this very process\)"):
        await open_store(tmp_path)
    alias = tmp_path.parent / f"{tmp_path.name}-alias"
    alias.symlink_to(tmp_path)
    with pytest.raises(EngineLockedError):
        await open_store(alias)

    other = try_elsewhere(tmp_path)

    assert "EngineLockedError" in other
    await store.write([Put("ns", b"key", b"v")])
    assert await store.get("ns", b"key") == Record(b"v")


async def test_reading_the_files_of_an_open_store_lets_nobody_in(
    store: LevelDBEngine, tmp_path: Path
) -> None:
    for file in (tmp_path / "leveldb").iterdir():
        file.read_bytes()

    other = try_elsewhere(tmp_path)

    assert "EngineLockedError" in other


def test_the_lock_is_free_again_after_release_and_names_no_holder_it_does_not_know(
    tmp_path: Path,
) -> None:
    store = tmp_path / "store"
    StoreLock(store).release()
    lock = StoreLock(store)
    (tmp_path / "store.lock").write_text("")
    refused = subprocess.run(
        [
            sys.executable,
            "-c",
            "import sys; from pathlib import Path; from kvstore._lock import StoreLock\n"
            "try:\n    StoreLock(Path(sys.argv[1]))\n"
            "except Exception as error:\n    print(error.pid, error)",
            str(store),
        ],
        capture_output=True,
        text=True,
        check=True,
    )
    lock.release()

    assert refused.stdout.startswith("None the KV store")
    assert "another process" in refused.stdout


def test_a_dead_holders_command_is_left_out(tmp_path: Path) -> None:
    assert str(EngineLockedError(tmp_path, 7)).startswith(
        f"the KV store {tmp_path} is in use by process 7; stop it"
    )


async def test_a_lock_of_leveldb_itself_is_respected(tmp_path: Path) -> None:
    (tmp_path / "leveldb").mkdir()
    database = plyvel.DB(str(tmp_path / "leveldb"), create_if_missing=True)
    try:
        other = try_elsewhere(tmp_path)
    finally:
        database.close()

    assert "EngineLockedError" in other
    assert "in use by another process" in other


async def test_a_folder_that_cannot_be_made_or_opened_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(EngineError, match=r"cannot be made: (Not a directory|File exists)"):
        await open_store(tmp_path / "file" / "inside")
    (tmp_path / "leveldb").write_text("not a folder")
    with pytest.raises(EngineError, match="cannot be opened"):
        await open_store(tmp_path)
    (tmp_path / "locked" / "leveldb.lock").mkdir(parents=True)
    with pytest.raises(EngineError, match="Is a directory"):
        await open_store(tmp_path / "locked")


# What survives


async def test_acknowledged_writes_survive_kill_9(tmp_path: Path) -> None:
    with start_holder(tmp_path, writes=100_000) as holder:
        wait_for_line(holder, "200")
        holder.send_signal(signal.SIGKILL)
        output, _ = holder.communicate()
    last = max([200, *(int(line) for line in output.split() if line.isdigit())])

    engine = await open_store(tmp_path)
    found = await engine.get_many("ns", [b"%06d" % number for number in range(last)])
    await engine.close()

    assert all(record is not None and record.value == b"v" * 100 for record in found)


async def test_records_and_their_pieces_survive_a_restart(tmp_path: Path) -> None:
    value = os.urandom(200_000)
    engine = await open_store(tmp_path)
    await engine.write([Put("ns", b"key", value, b'"m"', 4_000_000_000)])
    await engine.close()

    engine = await open_store(tmp_path)
    found = await engine.get("ns", b"key")
    await engine.close()

    assert found == Record(value, b'"m"', 4_000_000_000)


async def test_a_batch_that_fails_half_way_leaves_nothing(
    store: LevelDBEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    await store.write([Put("ns", b"old", b"1")])
    original = RecordStore._put

    def fails_at_b(self: RecordStore, batch: Any, record_key: bytes, record: Any) -> Any:
        if record_key.endswith(b"b"):
            raise plyvel.IOError(b"IO error: at b")
        return original(self, batch, record_key, record)

    with monkeypatch.context() as patch:
        patch.setattr(RecordStore, "_put", fails_at_b)
        with pytest.raises(EngineError, match="IO error: at b"):
            await store.write([Put("ns", b"a", b"1"), Delete("ns", b"old"), Put("ns", b"b", b"2")])

    assert await store.get("ns", b"a") is None
    assert await store.get("ns", b"old") == Record(b"1")


async def test_a_failed_batch_fails_for_everyone_in_it_and_no_one_else(
    store: LevelDBEngine, full_disk: Any
) -> None:
    with full_disk(store):
        results = await asyncio.gather(
            store.write([Put("ns", b"a", b"1")]),
            store.write([Put("ns", b"b", b"2")]),
            return_exceptions=True,
        )
    await store.write([Put("ns", b"c", b"3")])

    assert all(isinstance(result, EngineError) for result in results)
    assert await store.get("ns", b"a") is None
    assert await store.get("ns", b"c") == Record(b"3")


@pytest.mark.parametrize(
    "bad",
    [
        Put("ns", b"b", b"2", b"m" * 70_000),
        Put("ns", b"b", b"2", None, 2**64),
        Put("ns", b"b", b"2", None, 0),
    ],
)
async def test_what_cannot_be_stored_fails_for_its_own_caller_only(
    store: LevelDBEngine, bad: Put
) -> None:
    results = await asyncio.gather(
        store.write([Put("ns", b"a", b"1")]), store.write([bad]), return_exceptions=True
    )

    assert results[0] is None
    assert isinstance(results[1], EngineError)
    assert "cannot be stored" in str(results[1])
    assert await store.get("ns", b"a") == Record(b"1")


async def test_a_write_whose_waiter_was_cancelled_is_carried_out(store: LevelDBEngine) -> None:
    cancelled = asyncio.create_task(store.write([Put("ns", b"a", b"1")]))
    kept = asyncio.create_task(store.write([Put("ns", b"b", b"2")]))
    await asyncio.sleep(0)

    cancelled.cancel()
    await asyncio.wait([cancelled, kept])

    assert await store.get("ns", b"a") == Record(b"1")
    assert cancelled.cancelled()


async def test_close_waits_for_work_in_other_threads(tmp_path: Path) -> None:
    engine = await open_store(tmp_path)
    puts = [Put("ns", b"%d" % number, b"x" * 1_000_000) for number in range(20)]
    writing = [asyncio.create_task(engine.write([put])) for put in puts]
    await asyncio.sleep(0)
    reading = asyncio.create_task(engine.list("ns", b"", None, 10))
    await asyncio.sleep(0)

    await engine.close()
    await asyncio.gather(*writing, reading)

    engine = await open_store(tmp_path)
    entries, _ = await engine.list("ns", b"", None, 100)
    await engine.close()
    assert len(entries) == 20


async def test_a_forked_child_cannot_use_its_parents_handle(store: LevelDBEngine) -> None:
    def in_child(answers: Any) -> None:
        async def use() -> None:
            await store.write([Put("ns", b"child", b"lost")])

        try:
            asyncio.run(use())
        except EngineClosedError as error:
            answers.put(str(error))
        else:
            answers.put("no error")

    context = multiprocessing.get_context("fork")
    answers = context.Queue()
    child = context.Process(target=in_child, args=(answers,))
    child.start()
    answer = await asyncio.to_thread(answers.get, timeout=10)
    await asyncio.to_thread(child.join)

    assert f"was opened by process {os.getpid()}" in answer
    assert await store.get("ns", b"child") is None


# Damage


async def test_a_damaged_record_is_told_listed_and_can_be_mended(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    engine = await open_store(tmp_path)
    await engine.write([Put("ns", b"good", b"1"), Put("ns", b"bad", b"2", None, 4_000_000_000)])
    await engine.close()
    bad_key = namespace_prefix("ns") + b"bad"
    edit(tmp_path, lambda database: database.put(bad_key, database.get(bad_key)[:-1] + b"?"))

    engine = await open_store(tmp_path)
    with pytest.raises(CorruptRecordError, match="'bad' in namespace 'ns' is damaged"):
        await engine.get("ns", b"bad")
    entries, _ = await engine.list("ns", b"", None, 10)
    names = await engine.namespaces()
    await engine.write([Put("ns", b"bad", b"mended")])
    mended = await engine.get("ns", b"bad")
    await engine.close()
    edit(tmp_path, lambda database: database.put(bad_key, b"damaged again"))
    engine = await open_store(tmp_path)
    await engine.drop("ns")
    left = await engine.namespaces()
    await engine.close()

    assert [entry.key for entry in entries] == [b"bad", b"good"]
    assert names == ["ns"]
    assert mended == Record(b"mended")
    assert left == []
    assert "'bad' in namespace 'ns' is damaged" in caplog.text


@pytest.mark.parametrize("size", [10_000, 200_000])
async def test_a_lost_piece_of_a_value_is_damage(tmp_path: Path, size: int) -> None:
    engine = await open_store(tmp_path)
    await engine.write([Put("ns", b"key", b"x" * size)])
    await engine.close()

    def lose_the_last_piece(database: Any) -> None:
        record_key = namespace_prefix("ns") + b"key"
        value: Any = decode_record(database.get(record_key), "ns", b"key").value
        database.delete(piece_keys(value.id, value.length)[-1])

    edit(tmp_path, lose_the_last_piece)
    engine = await open_store(tmp_path)
    with pytest.raises(CorruptRecordError, match="incomplete"):
        await engine.get("ns", b"key")
    await engine.close()


@pytest.mark.parametrize("marker", [b"2", b"x"])
async def test_a_store_of_a_newer_format_is_refused_and_stays_unlocked(
    tmp_path: Path, marker: bytes
) -> None:
    await (await open_store(tmp_path)).close()
    edit(tmp_path, lambda database: database.put(b"\xff\xff", marker))

    for _ in range(2):
        with pytest.raises(FormatTooNewError, match="this version reads up to 1"):
            await open_store(tmp_path)


async def test_a_store_whose_files_are_damaged_is_told(tmp_path: Path) -> None:
    await (await open_store(tmp_path)).close()
    (tmp_path / "leveldb" / "CURRENT").write_text("nonsense")

    with pytest.raises(EngineError, match="cannot be opened"):
        await open_store(tmp_path)


async def test_what_the_disk_refuses_is_our_error_with_its_text(
    store: LevelDBEngine, full_disk: Any
) -> None:
    with full_disk(store):
        for call in (store.get("ns", b"key"), store.write([Put("ns", b"key", b"v")])):
            with pytest.raises(EngineError, match=r"asked: IO error: No space left on device"):
                await call


# Space


def disk_bytes(folder: Path) -> int:
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())


async def test_dropping_a_namespace_gives_its_space_back(tmp_path: Path) -> None:
    engine = await open_store(tmp_path, durability="buffered")
    for start in range(0, 60, 10):
        await engine.write(
            [Put("ns", b"%03d" % n, os.urandom(200_000)) for n in range(start, start + 10)]
        )
    before = disk_bytes(tmp_path)

    await engine.drop("ns")
    await engine.close()

    assert before > 10_000_000
    assert disk_bytes(tmp_path) < before / 4


@pytest.mark.parametrize("how", ["closed", "forgotten"])
async def test_a_snapshot_or_value_that_was_given_up_pins_no_files(
    tmp_path: Path, how: str
) -> None:
    engine = await open_store(tmp_path, durability="buffered")
    await engine.write([Put("ns", b"%03d" % n, os.urandom(300_000)) for n in range(40)])
    await engine._compact(b"\x00", b"\xff\xff\xff")
    snapshot = engine.snapshot("ns")
    _, record = await anext(snapshot)
    value: Any = record.value
    await anext(aiter(value))
    before = disk_bytes(tmp_path)

    if how == "closed":
        await value.aclose()
        await snapshot.aclose()
    del snapshot, record, value
    gc.collect()
    await asyncio.sleep(0)
    await engine.drop("ns")
    await engine.close()

    assert before > 10_000_000
    assert disk_bytes(tmp_path) < before / 4


@pytest.mark.parametrize(("count", "size"), [(160, 250_000), (40, 1_000_000)])
async def test_sweeping_much_gives_its_space_back(tmp_path: Path, count: int, size: int) -> None:
    """Those that are streamed lie in files, the others in LevelDB."""
    clock = FakeClock()
    engine = await open_store(tmp_path, durability="buffered", clock=clock)
    at = int(clock()) + 60
    for number in range(count):
        await engine.write([Put("ns", b"%03d" % number, os.urandom(size), None, at)])
    before = disk_bytes(tmp_path)
    clock.advance(61)

    swept = await engine.sweep(200)
    await engine.close()

    assert swept == count
    assert disk_bytes(tmp_path) < before / 4


async def test_overwriting_a_large_value_leaves_no_piece_behind(tmp_path: Path) -> None:
    engine = await open_store(tmp_path)
    for size in (500_000, 100, 3_000_000, 70_000, 5_000):
        await engine.write([Put("ns", b"key", b"x" * size, None, 4_000_000_000)])
    await engine.write([Delete("ns", b"key")])
    await engine.close()

    left: list[bytes] = []
    edit(tmp_path, lambda database: left.extend(key for key, _ in database.iterator()))

    assert left == [b"\xff\xff"]
    assert value_files(tmp_path) == []


# Time


async def test_small_reads_stay_on_the_loop_and_the_rest_goes_to_threads(
    store: LevelDBEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    await store.write([Put("ns", b"small", b"x" * 65_536)])
    await store.write([Put("ns", b"large", b"x" * 65_537)])
    seen: list[str] = []
    original = RecordStore.read

    def noted(self: RecordStore, namespace: str, key: bytes) -> Any:
        seen.append(threading.current_thread().name)
        return original(self, namespace, key)

    monkeypatch.setattr(RecordStore, "read", noted)

    await store.get("ns", b"small")
    assert seen == []
    await store.get("ns", b"large")
    assert len(seen) == 1
    assert seen[0].startswith("kv-reader")


async def test_writes_of_one_turn_are_one_batch(
    store: LevelDBEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    batches: list[int] = []
    original = store._commits._apply

    async def noted(writes: Any) -> None:
        batches.append(len(writes))
        await original(writes)

    monkeypatch.setattr(store._commits, "_apply", noted)

    async with asyncio.TaskGroup() as group:
        for number in range(50):
            group.create_task(store.write([Put("ns", b"%d" % number, b"v")]))

    assert batches == [50]


async def test_an_index_entry_without_its_record_is_swept(tmp_path: Path) -> None:
    clock = FakeClock()
    engine = await open_store(tmp_path, clock=clock)
    await engine.write([Put("ns", b"key", b"v")])
    await engine.close()
    for record_key in (namespace_prefix("ns") + b"key", namespace_prefix("ns") + b"gone"):
        edit(tmp_path, lambda database, key=record_key: database.put(expiry_key(1, key), b""))

    engine = await open_store(tmp_path, clock=clock)
    swept = [await engine.sweep(10), await engine.sweep(10)]
    record = await engine.get("ns", b"key")
    await engine.close()

    assert swept == [2, 0]
    assert record == Record(b"v")


async def test_a_value_that_is_replaced_between_two_reads_is_read_again(
    store: LevelDBEngine,
) -> None:
    """The first read finds the record, and its piece has gone by the time of the second."""
    await store.write([Put("ns", b"key", b"a" * 10_000)])
    records = store._store
    database = records._database
    stale = database.get(namespace_prefix("ns") + b"key")
    await store.write([Put("ns", b"key", b"b" * 20_000)])

    class Stale:
        """Answers the first read with what stood there before."""

        def __init__(self) -> None:
            self.answers = [stale]

        def get(self, key: bytes, **options: object) -> bytes | None:
            found: bytes | None = self.answers.pop() if self.answers else database.get(key)
            return found

        def snapshot(self) -> Any:
            return database.snapshot()

    records._database = Stale()  # type: ignore[assignment]  # as much of one as is used
    try:
        record = await store.get("ns", b"key")
    finally:
        records._database = database

    assert record == Record(b"b" * 20_000)


async def test_every_call_of_an_inherited_handle_is_refused(
    store: LevelDBEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    opener = os.getpid()
    with monkeypatch.context() as child:
        child.setattr(os, "getpid", lambda: opener + 1)
        for call in (store.get("ns", b"k"), store.write([]), store.sweep(1), store.drop("ns")):
            with pytest.raises(EngineClosedError, match=f"opened by process {opener}"):
                await call
        await store.close()

    await store.write([Put("ns", b"key", b"v")])
    assert await store.get("ns", b"key") == Record(b"v")


async def test_an_error_of_ours_in_a_thread_is_no_sign_of_a_closed_store(
    store: LevelDBEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(self: RecordStore, *_: object) -> None:
        raise RuntimeError("not about threads")

    monkeypatch.setattr(RecordStore, "list_step", fails)

    with pytest.raises(RuntimeError, match="not about threads"):
        await store.list("ns", b"", None, 1)


# Large values


async def test_a_value_that_is_being_read_is_freed_when_its_last_reader_ends(
    tmp_path: Path,
) -> None:
    engine = await open_store(tmp_path, durability="buffered")
    await engine.write([Put("ns", b"key", b"x" * 3_000_000)])
    readers = [await engine.get("ns", b"key") for _ in range(3)]
    await engine.write([Delete("ns", b"key")])
    values: list[Any] = [reader.value for reader in readers if reader is not None]

    lengths = [sum([len(chunk) async for chunk in value]) for value in values[:2]]
    await engine._large_values.finish()
    kept = value_files(tmp_path)
    await values.pop().aclose()
    await engine._large_values.finish()
    left = value_files(tmp_path)
    await engine.close()

    assert lengths == [3_000_000] * 2
    assert len(kept) == 1
    assert left == []


async def test_large_values_are_there_for_every_snapshot_that_holds_them(tmp_path: Path) -> None:
    engine = await open_store(tmp_path, durability="buffered")
    await engine.write([Put("ns", key, key * 300_000) for key in (b"a", b"b")])
    read_on = await engine.get("ns", b"b")
    assert read_on is not None
    value: Any = read_on.value
    snapshots = [engine.snapshot("ns") for _ in range(2)]
    for snapshot in snapshots:
        await anext(snapshot)

    await engine.drop("ns")
    await value.aclose()
    await snapshots[0].aclose()
    await engine._large_values.finish()
    key, record = await anext(snapshots[1])
    later: Any = record.value
    length = sum([len(chunk) async for chunk in later])
    kept = value_files(tmp_path)
    await snapshots[1].aclose()
    await engine._large_values.finish()
    left = value_files(tmp_path)
    await engine.close()

    assert (key, length) == (b"b", 300_000)
    assert len(kept) == 2
    assert left == []


async def test_a_value_that_is_read_outlives_the_snapshot_that_kept_it(tmp_path: Path) -> None:
    engine = await open_store(tmp_path, durability="buffered")
    await engine.write([Put("ns", b"key", b"x" * 300_000)])
    snapshot = engine.snapshot("ns")
    await anext(snapshot)
    record = await engine.get("ns", b"key")
    assert record is not None
    value: Any = record.value

    await engine.write([Delete("ns", b"key")])
    await snapshot.aclose()
    await engine._large_values.finish()
    length = sum([len(chunk) async for chunk in value])
    await engine._large_values.finish()
    await engine.close()

    assert length == 300_000
    assert value_files(tmp_path) == []


async def test_a_reader_that_is_forgotten_keeps_nothing_alive(tmp_path: Path) -> None:
    engine = await open_store(tmp_path, durability="buffered")
    await engine.write([Put("ns", b"key", b"x" * 3_000_000)])
    await engine.get("ns", b"key")
    gc.collect()
    await asyncio.sleep(0)
    await engine.write([Delete("ns", b"key")])

    await engine._large_values.finish()
    left = value_files(tmp_path)
    await engine.close()

    assert left == []


async def test_what_a_dead_process_left_half_written_or_half_deleted_is_freed(
    tmp_path: Path,
) -> None:
    engine = await open_store(tmp_path)
    await engine.write([Put("ns", b"key", b"x" * 3_000_000)])
    reader = await engine.get("ns", b"key")
    await engine.write([Delete("ns", b"key")])
    staging = Staging()
    for _ in range(2):
        engine._store.stage(staging, b"y" * 262_144)
    # Closing lets readers go unheard, as a dying process does.
    await engine.close()
    assert reader is not None

    engine = await open_store(tmp_path)
    await engine._large_values.finish()
    left = value_files(tmp_path)
    await engine.close()

    assert left == []


async def test_a_damaged_large_value_is_noticed_at_its_end(tmp_path: Path) -> None:
    engine = await open_store(tmp_path)
    await engine.write([Put("ns", b"key", b"x" * 3_000_000)])
    await engine.close()

    (file,) = value_files(tmp_path)
    file.write_bytes(b"x" * 1_500_000 + b"?" + b"x" * 1_499_999)

    engine = await open_store(tmp_path)
    record = await engine.get("ns", b"key")
    assert record is not None
    value: Any = record.value
    with pytest.raises(CorruptRecordError, match="'key' in namespace 'ns' is damaged"):
        async for _ in value:
            pass
    await engine.close()


async def test_a_large_value_cannot_be_read_from_a_closed_store(tmp_path: Path) -> None:
    engine = await open_store(tmp_path)
    await engine.write([Put("ns", b"key", b"x" * 3_000_000)])
    record = await engine.get("ns", b"key")
    await engine.close()
    assert record is not None
    value: Any = record.value

    with pytest.raises(EngineClosedError):
        async for _ in value:
            pass


async def test_a_large_value_of_a_failed_batch_is_freed(
    store: LevelDBEngine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuses(self: RecordStore, writes: Any) -> None:
        raise plyvel.IOError(b"IO error: it is full")

    with monkeypatch.context() as patch:
        patch.setattr(RecordStore, "apply", refuses)
        with pytest.raises(EngineError, match="it is full"):
            await store.write([Put("ns", b"key", b"x" * 3_000_000)])

    await store._large_values.finish()
    assert value_files(tmp_path) == []


async def test_a_large_value_that_arrives_after_closing_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(leveldb, "_CLOSING_S", 0.01)
    engine = await open_store(tmp_path)

    async def closes_in_between() -> AsyncIterator[bytes]:
        yield b"x"
        await engine.close()

    with pytest.raises(EngineClosedError):
        await engine.write([Put("ns", b"key", closes_in_between())])
