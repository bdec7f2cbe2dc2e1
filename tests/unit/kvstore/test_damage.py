"""Files of a store that are cut, changed, zeroed or swapped: refused, or read right.

What must never happen is a value that was not written, or one that was confirmed and is gone
without a word. `EDGESTEAD_TEST_LONG=1` tries many more places.
"""

import asyncio
import os
import random
import shutil
from collections.abc import Callable
from pathlib import Path

import plyvel
import pytest

from kvstore import (
    CorruptRecordError,
    CorruptStoreError,
    EngineError,
    EngineOptions,
    Put,
    Record,
    StoreError,
)
from kvstore._record_store import RecordStore
from kvstore.engines import leveldb
from kvstore.engines.leveldb import LevelDBEngine, check_store

TIMES = 20 if os.environ.get("EDGESTEAD_TEST_LONG") else 1
FAR = 4_000_000_000
LARGE = random.Random(1).randbytes(400_000)

pytestmark = pytest.mark.timeout(20 * TIMES)


def value_of(number: int) -> bytes:
    return b"%d," % number * number


async def open_store(folder: Path, **options: str) -> LevelDBEngine:
    return await leveldb.open_engine(EngineOptions(folder=folder, **options))  # type: ignore[arg-type]  # a durability


async def fill(folder: Path) -> None:
    engine = await open_store(folder)
    for number in range(200):
        put = Put("a", b"%03d" % number, value_of(number), b"{}", FAR if number % 2 else None)
        await engine.write([put])
    await engine.write([Put("b", b"large", LARGE)])
    await engine.write([Put("b", b"last", b"v")])
    await engine.close()


@pytest.fixture(scope="module")
def stores(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A store whose records are in its log, and the same in a table."""
    folder = tmp_path_factory.mktemp("stores")
    asyncio.run(fill(folder / "log"))
    shutil.copytree(folder / "log", folder / "table")
    database = plyvel.DB(str(folder / "table" / "leveldb"))
    database.compact_range(start=b"\x00", stop=b"\xff" * 9)
    database.close()
    return {name: folder / name for name in ("log", "table")}


@pytest.fixture
def copy(stores: dict[str, Path], tmp_path: Path) -> Callable[[str], Path]:
    """Return a fresh copy of one of the stores."""
    count = iter(range(10_000))

    def copied(name: str) -> Path:
        return shutil.copytree(stores[name], tmp_path / f"{next(count)}")

    return copied


def file_of(folder: Path, pattern: str) -> Path:
    return max((folder / "leveldb").glob(pattern), key=os.path.getsize)


async def lost_without_a_word(folder: Path) -> list[bytes]:
    """Read everything; return the keys that are gone. What is read must be what was written."""
    try:
        engine = await open_store(folder)
    except StoreError as error:
        text = str(error)
        assert str(folder) in text
        assert "kv check --repair" in text or "use the version" in text
        return []
    lost, is_told = [], False
    try:
        for number in range(200):
            key = b"%03d" % number
            expiration = FAR if number % 2 else None
            try:
                record = await engine.get("a", key)
            except StoreError:
                is_told = True
                continue
            assert record is None or record == Record(value_of(number), b"{}", expiration)
            if record is None:
                lost.append(key)
        for key, value in {b"large": LARGE, b"last": b"v"}.items():
            try:
                record = await engine.get("b", key)
                if record is None:
                    lost.append(key)
                elif isinstance(record.value, bytes):
                    assert record.value == value
                else:
                    assert b"".join([piece async for piece in record.value]) == value
            except StoreError:
                is_told = True
        try:
            entries, _ = await engine.list("a", b"", None, 1000)
        except StoreError:
            is_told = True
        else:
            assert {entry.key for entry in entries} <= {b"%03d" % n for n in range(200)}
    finally:
        await engine.close()
    try:
        report = await asyncio.to_thread(check_store, folder)
    except EngineError:
        return []
    return [] if is_told or not report.is_sound else lost


def change(file: Path, chance: random.Random, how: str, *, last: int | None = None) -> None:
    """Damage a file somewhere, or somewhere before its `last` bytes."""
    data = bytearray(file.read_bytes())
    position = chance.randrange(len(data) - (last or 0))
    match how:
        case "bit":
            data[position] ^= 1 << chance.randrange(8)
        case "cut":
            del data[position:]
        case "zeros":
            start = position // 512 * 512
            end = min(len(data) - (last or 0), start + 512 * chance.randrange(1, 9))
            data[start:end] = bytes(end - start)
        case _:
            data[position : position + 50] = chance.randbytes(50)
    file.write_bytes(data)


@pytest.mark.parametrize("how", ["bit", "cut", "zeros", "garbage"])
@pytest.mark.parametrize("pattern", ["*.ldb", "MANIFEST-*", "CURRENT"])
async def test_damage_to_a_table_or_to_the_list_of_tables_is_told(
    copy: Callable[[str], Path], pattern: str, how: str
) -> None:
    for seed in range(6 * TIMES):
        folder = copy("table")
        change(file_of(folder, pattern), random.Random(seed), how)

        lost = await lost_without_a_word(folder)

        assert lost == [], seed
        shutil.rmtree(folder)


@pytest.mark.parametrize("how", ["bit", "zeros", "garbage"])
async def test_damage_in_the_middle_of_a_log_is_told(copy: Callable[[str], Path], how: str) -> None:
    """The batches behind it were written after what it hit was confirmed."""
    for seed in range(6 * TIMES):
        folder = copy("log")
        change(file_of(folder, "*.log"), random.Random(seed), how, last=1000)

        lost = await lost_without_a_word(folder)

        assert lost == [], seed
        shutil.rmtree(folder)


@pytest.mark.parametrize("place", [4, 5, 6], ids=["length", "length, high byte", "kind"])
async def test_a_changed_head_of_a_batch_is_told_wherever_it_stands(
    tmp_path: Path, place: int
) -> None:
    """A length that goes beyond the end is, to LevelDB itself, a write that broke off."""
    engine = await open_store(tmp_path)
    for number in range(20):
        await engine.write([Put("ns", b"%d" % number, b"v" * 50)])
    await engine.close()
    log = file_of(tmp_path, "*.log")
    sound = log.read_bytes()

    for head in heads_of(sound)[:-1]:
        damaged = bytearray(sound)
        damaged[head + place] ^= 0x84
        log.write_bytes(damaged)

        with pytest.raises(CorruptStoreError, match="has lost writes that were confirmed"):
            await open_store(tmp_path)


def heads_of(log: bytes) -> list[int]:
    """Return where the batches begin in a log of less than one block."""
    heads, end = [], 0
    while end < len(log):
        heads.append(end)
        end += 7 + int.from_bytes(log[end + 4 : end + 6], "little")
    return heads


async def test_of_a_log_that_is_cut_what_stands_before_that_is_read(
    copy: Callable[[str], Path],
) -> None:
    """That is how it looks when the last writes had not reached the disk."""
    for seed in range(6 * TIMES):
        folder = copy("log")
        change(file_of(folder, "*.log"), random.Random(seed), "cut")

        lost = await lost_without_a_word(folder)

        numbers = sorted(int(key) for key in lost if key.isdigit())
        assert numbers == [*range(200 - len(numbers), 200)]
        shutil.rmtree(folder)


@pytest.mark.parametrize(
    "tail",
    [bytes(5000), bytes(100_000), b"\xa5" * 30, b"\x00\x01" * 999],
    ids=["zeros", "many zeros", "few bytes", "many bytes"],
)
@pytest.mark.parametrize("cut", [0, 3])
async def test_a_log_whose_last_write_a_power_cut_has_garbled_is_read_up_to_there(
    copy: Callable[[str], Path], tail: bytes, cut: int
) -> None:
    folder = copy("log")
    log = file_of(folder, "*.log")
    log.write_bytes(log.read_bytes()[: -cut or None] + tail)

    engine = await open_store(folder)
    found = [await engine.get("a", b"%03d" % number) for number in range(200)]
    last = await engine.get("b", b"last")
    await engine.write([Put("b", b"new", b"v")])
    await engine.close()
    engine = await open_store(folder)
    new = await engine.get("b", b"new")
    await engine.close()

    assert [record and record.value for record in found] == [value_of(n) for n in range(200)]
    assert last == (None if cut else Record(b"v"))
    assert new == Record(b"v")


async def test_a_store_that_was_not_to_be_durable_opens_with_what_is_left_of_its_log(
    copy: Callable[[str], Path], caplog: pytest.LogCaptureFixture
) -> None:
    folder = copy("log")
    log = file_of(folder, "*.log")
    data = bytearray(log.read_bytes())
    data[5000] ^= 1
    log.write_bytes(data)

    with pytest.raises(CorruptStoreError, match="has lost writes that were confirmed"):
        await open_store(folder)
    engine = await open_store(folder, durability="buffered")
    record = await engine.get("a", b"001")
    await engine.close()

    assert record == Record(value_of(1), b"{}", FAR)
    assert "writes that were not confirmed as durable may be missing" in caplog.text


async def test_a_log_that_has_lost_writes_is_repaired_of_what_is_left(
    copy: Callable[[str], Path],
) -> None:
    folder = copy("log")
    log = file_of(folder, "*.log")
    data = log.read_bytes()
    log.write_bytes(data[:4096] + bytes(4096) + data[8192:])

    told = await asyncio.to_thread(check_store, folder)
    repaired = await asyncio.to_thread(check_store, folder, repair=True)
    after = await asyncio.to_thread(check_store, folder)
    engine = await open_store(folder)
    found = [await engine.get("a", b"%03d" % number) for number in range(200)]
    await engine.close()

    assert "lost writes that were confirmed" in told.unreadable
    assert repaired.unreadable == told.unreadable
    assert after.is_sound
    assert found[0] == Record(value_of(0), b"{}")
    assert 0 < sum(record is not None for record in found) < 200


@pytest.mark.parametrize("name", ["CURRENT", "MANIFEST-*"])
async def test_a_store_without_its_list_of_tables_is_refused_and_can_be_repaired(
    copy: Callable[[str], Path], name: str
) -> None:
    folder = copy("table")
    file_of(folder, name).unlink()

    try:
        engine = await open_store(folder)
    except EngineError as error:
        assert "kv check --repair" in str(error)
    else:
        await engine.close()
        raise AssertionError("an empty store has taken its place")
    await asyncio.to_thread(check_store, folder, repair=True)
    report = await asyncio.to_thread(check_store, folder)

    assert report.is_sound
    assert report.records == {"a": 200, "b": 2}


async def test_a_store_that_ends_before_its_end_is_told(tmp_path: Path) -> None:
    """As it looks to an iterator when the last table cannot be read."""
    engine = await open_store(tmp_path)
    await engine.write([Put("ns", b"key", b"v")])
    engine._database.delete(b"\xff\xff")

    with pytest.raises(CorruptStoreError, match="cannot be read to its end"):
        await engine.list("ns", b"", None, 10)
    await engine.close()


async def test_a_store_whose_marks_cannot_be_read_opens_and_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def damaged(self: RecordStore) -> list[bytes]:
        raise plyvel.CorruptionError(b"Corruption: block checksum mismatch")

    monkeypatch.setattr(RecordStore, "all_doomed", damaged)
    engine = await open_store(tmp_path)
    await engine.write([Put("ns", b"key", b"v")])
    await engine.close()

    assert "is damaged: Corruption: block checksum mismatch" in caplog.text
    assert "kv check --repair" in caplog.text


async def test_a_snapshot_with_a_damaged_value_is_told(tmp_path: Path) -> None:
    engine = await open_store(tmp_path)
    await engine.write([Put("ns", b"key", b"x" * 10_000)])
    with engine._database.iterator(prefix=b"\xffv", include_value=False) as pieces:
        (piece,) = pieces
    engine._database.delete(piece)

    with pytest.raises(CorruptRecordError, match="'key' in namespace 'ns' is damaged"):
        async for _ in engine.snapshot("ns"):
            pass
    await engine.close()
