"""`check_store`: what it finds, what it mends, and what it never does."""

import asyncio
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import plyvel
import pytest

from kvstore import (
    CorruptStoreError,
    EngineError,
    EngineLockedError,
    EngineOptions,
    Put,
    StoreError,
)
from kvstore._expiry import expiry_key
from kvstore._keys import namespace_prefix, piece_key, piece_keys
from kvstore._records import decode_record
from kvstore.engines import leveldb
from kvstore.engines.leveldb import check_store

FAR = 4_000_000_000


async def fill(folder: Path) -> None:
    engine = await leveldb.open_engine(EngineOptions(folder=folder))
    await engine.write([Put("a", b"%03d" % n, b"v" * n, b"{}", FAR) for n in range(100)])
    for key, length in ((b"large", 300_000), (b"medium", 100_000), (b"small", 1)):
        await engine.write([Put("b", key, os.urandom(length))])
    await engine.close()


def edit(folder: Path, change: Callable[[Any], None]) -> None:
    database = plyvel.DB(str(folder / "leveldb"))
    change(database)
    database.close()


def record_key(namespace: str, key: bytes) -> bytes:
    return namespace_prefix(namespace) + key


async def check(folder: Path, **options: Any) -> Any:
    return await asyncio.to_thread(check_store, folder, **options)


async def test_a_sound_store_is_counted(tmp_path: Path) -> None:
    await fill(tmp_path)
    seen: list[int] = []

    report = await check(tmp_path, on_progress=seen.append)

    assert report.is_sound
    assert report.records == {"a": 100, "b": 3}
    assert (report.left_over, report.unindexed, report.unreadable) == ([], [], "")
    assert seen[-1] == 103


async def test_a_store_in_use_or_none_at_all_is_told(tmp_path: Path) -> None:
    with pytest.raises(EngineError, match="there is no KV store"):
        await check(tmp_path)
    engine = await leveldb.open_engine(EngineOptions(folder=tmp_path))
    with pytest.raises(EngineLockedError):
        await check(tmp_path)
    await engine.close()


async def test_every_kind_of_damage_is_found_and_mended(tmp_path: Path) -> None:
    await fill(tmp_path)
    removed = record_key("a", b"050")

    def damage(database: Any) -> None:
        bad = record_key("a", b"003")
        database.put(bad, database.get(bad)[:-1] + b"?")
        value: Any = decode_record(database.get(record_key("b", b"medium")), "b", b"medium").value
        database.delete(piece_keys(value.id, value.length)[1])
        database.put(piece_key(b"0" * 12, 0), b"belongs to nothing")
        database.put(expiry_key(5, record_key("a", b"004")), b"")
        database.delete(expiry_key(FAR, record_key("a", b"005")))
        database.delete(removed)
        database.put(expiry_key(7, record_key("b", b"small")), b"")

    edit(tmp_path, damage)
    (file,) = (tmp_path / "values").iterdir()
    file.write_bytes(file.read_bytes()[:-1])
    file.with_stem("00" * 12).write_bytes(b"belongs to nothing")

    report = await check(tmp_path)
    mended = await check(tmp_path, repair=True)
    after = await check(tmp_path)

    assert not report.is_sound
    assert [(one.namespace, one.key) for one in report.damaged] == [
        ("a", b"003"),
        ("b", b"large"),
        ("b", b"medium"),
    ]
    assert "'003' in namespace 'a' is damaged" in report.damaged[0].fault
    assert report.unindexed == [expiry_key(FAR, record_key("a", b"005"))]
    assert set(report.left_over) >= {
        piece_key(b"0" * 12, 0),
        piece_key(bytes(12), 0),
        expiry_key(5, record_key("a", b"004")),
        expiry_key(7, record_key("b", b"small")),
        expiry_key(FAR, removed),
    }
    assert (mended.damaged, mended.left_over) == (report.damaged, report.left_over)
    assert after.is_sound
    assert (after.left_over, after.unindexed) == ([], [])
    assert after.records == {"a": 98, "b": 1}
    assert list((tmp_path / "values").iterdir()) == []


async def test_a_newer_format_is_an_error_and_not_damage(tmp_path: Path) -> None:
    await fill(tmp_path)
    edit(tmp_path, lambda database: database.put(b"\xff\xff", b"9"))

    with pytest.raises(StoreError, match="this version reads up to 1"):
        await check(tmp_path, repair=True)


async def test_files_that_leveldb_cannot_read_are_rebuilt_of_what_is_left(tmp_path: Path) -> None:
    await fill(tmp_path)
    edit(tmp_path, lambda database: database.compact_range(start=b"\x00", stop=b"\xff" * 9))
    (tmp_path / "leveldb" / "CURRENT").write_text("nonsense")

    told = await check(tmp_path)
    rebuilt = await check(tmp_path, repair=True)
    after = await check(tmp_path)

    assert not told.is_sound
    assert told.unreadable
    assert rebuilt.unreadable == told.unreadable
    assert after.is_sound
    assert after.records == {"a": 100, "b": 3}


def damage_block(folder: Path) -> None:
    """Put all records into one table, and flip a byte in a block of it, not at its end."""
    edit(folder, lambda database: database.compact_range(start=b"\x00", stop=b"\xff" * 9))
    table = max((folder / "leveldb").glob("*.ldb"))
    data = bytearray(table.read_bytes())
    data[10_000] ^= 0xFF
    table.write_bytes(data)


async def test_a_damaged_block_is_left_out_and_what_was_in_it_is_named(tmp_path: Path) -> None:
    engine = await leveldb.open_engine(EngineOptions(folder=tmp_path))
    values = {b"%03d" % n: os.urandom(100) for n in range(400)}
    await engine.write([Put("a", key, value) for key, value in values.items()])
    await engine.close()
    bad = record_key("a", b"399")
    edit(tmp_path, lambda database: database.put(bad, database.get(bad)[:-1] + b"?"))
    damage_block(tmp_path)

    told = await check(tmp_path)
    rebuilt = await check(tmp_path, repair=True)
    after = await check(tmp_path)

    assert told.unreadable == "the store is damaged: Corruption: block checksum mismatch"
    assert (told.lost, rebuilt.unreadable) == ([], told.unreadable)
    assert [one.key for one in rebuilt.damaged] == [b"399"]
    assert 0 < len(rebuilt.lost) < 100
    assert rebuilt.records["a"] + len(rebuilt.lost) + 1 == 400
    assert after.is_sound
    engine = await leveldb.open_engine(EngineOptions(folder=tmp_path))
    gone = {key for namespace, key in rebuilt.lost if namespace == "a"} | {b"399"}
    for key, value in values.items():
        record = await engine.get("a", key)
        assert (record is None) if key in gone else (record and record.value == value)
    await engine.close()


async def test_a_store_that_a_repair_does_not_help_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await fill(tmp_path)
    damage_block(tmp_path)
    monkeypatch.setattr(plyvel, "repair_db", lambda name, **options: None)

    with pytest.raises(CorruptStoreError, match="block checksum mismatch"):
        await check(tmp_path, repair=True)


async def test_progress_is_told_on_the_way(tmp_path: Path) -> None:
    engine = await leveldb.open_engine(EngineOptions(folder=tmp_path, durability="buffered"))
    await engine.write([Put("ns", b"%04d" % n, b"v") for n in range(2500)])
    await engine.close()
    seen: list[int] = []

    await check(tmp_path, on_progress=seen.append)

    assert seen == [1000, 2000, 2500]


async def test_a_store_that_cannot_be_repaired_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuses(name: str, **options: object) -> None:
        raise plyvel.IOError(b"IO error: no space")

    await fill(tmp_path)
    (tmp_path / "leveldb" / "CURRENT").write_text("nonsense")
    monkeypatch.setattr(plyvel, "repair_db", refuses)

    with pytest.raises(EngineError, match="cannot be repaired: IO error: no space"):
        await check(tmp_path, repair=True)
