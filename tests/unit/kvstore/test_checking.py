"""`check_store`: what it finds, what it mends, and what it never does."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import plyvel
import pytest

from kvstore import EngineError, EngineLockedError, EngineOptions, Put, StoreError
from kvstore._expiry import expiry_key
from kvstore._keys import namespace_prefix, piece_key, piece_keys
from kvstore._records import decode_record
from kvstore.engines import leveldb
from kvstore.engines.leveldb import check_store

FAR = 4_000_000_000


async def fill(folder: Path) -> None:
    engine = await leveldb.open_engine(EngineOptions(folder=folder))
    await engine.write([Put("a", b"%03d" % n, b"v" * n, b"{}", FAR) for n in range(100)])
    await engine.write([Put("b", b"large", b"x" * 300_000), Put("b", b"small", b"v")])
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
    assert report.records == {"a": 100, "b": 2}
    assert (report.left_over, report.unindexed, report.unreadable) == ([], [], "")
    assert seen[-1] == 102


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
        value: Any = decode_record(database.get(record_key("b", b"large")), "b", b"large").value
        database.delete(piece_keys(value.id, value.length)[2])
        database.put(piece_key(b"0" * 12, 0), b"belongs to nothing")
        database.put(expiry_key(5, record_key("a", b"004")), b"")
        database.delete(expiry_key(FAR, record_key("a", b"005")))
        database.delete(removed)
        database.put(expiry_key(7, record_key("b", b"small")), b"")

    edit(tmp_path, damage)

    report = await check(tmp_path)
    mended = await check(tmp_path, repair=True)
    after = await check(tmp_path)

    assert not report.is_sound
    assert [(one.namespace, one.key) for one in report.damaged] == [("a", b"003"), ("b", b"large")]
    assert "'003' in namespace 'a' is damaged" in report.damaged[0].fault
    assert report.unindexed == [expiry_key(FAR, record_key("a", b"005"))]
    assert set(report.left_over) >= {
        piece_key(b"0" * 12, 0),
        expiry_key(5, record_key("a", b"004")),
        expiry_key(7, record_key("b", b"small")),
        expiry_key(FAR, removed),
    }
    assert (mended.damaged, mended.left_over) == (report.damaged, report.left_over)
    assert after.is_sound
    assert (after.left_over, after.unindexed) == ([], [])
    assert after.records == {"a": 98, "b": 1}


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
    assert after.records == {"a": 100, "b": 2}


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
