"""A disk that refuses a write: what was confirmed before and after it must outlive a crash."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from kvstore import CorruptStoreError, EngineError, EngineOptions, Put, Record
from kvstore._damaged import unreadable_store
from kvstore._room import require_room
from kvstore.engines import leveldb
from kvstore.engines.leveldb import LevelDBEngine

# A limit to the size of files is what stands in for a full disk: a write that goes beyond it writes
# what fits, then fails.
SCRIPT = """
import asyncio, json, os, resource, signal, sys
from pathlib import Path
from kvstore import EngineError, EngineOptions, Put, open_engine
from kvstore.engines import leveldb

FOLDER = Path(sys.argv[1])
STAYS_FULL = sys.argv[2] == "full"

def limit(length):
    resource.setrlimit(resource.RLIMIT_FSIZE, (length, resource.RLIM_INFINITY))

async def put(engine, key, report):
    try:
        await engine.write([Put("ns", key.encode(), key.encode() * 50)])
    except EngineError as error:
        report["refused"].append(str(error))
    else:
        report["confirmed"].append(key)

async def main():
    report = {"confirmed": [], "refused": []}
    engine = await open_engine("leveldb", EngineOptions(folder=FOLDER))
    for number in range(100):
        await put(engine, f"before-{number}", report)
    (log,) = (FOLDER / "leveldb").glob("*.log")
    limit(log.stat().st_size + 1000)
    for number in range(10):
        await put(engine, f"full-{number}", report)
    if not STAYS_FULL:
        limit(resource.RLIM_INFINITY)
    for number in range(100):
        await put(engine, f"after-{number}", report)
    limit(resource.RLIM_INFINITY)
    await put(engine, "late", report)
    print(json.dumps(report), flush=True)
    os.kill(os.getpid(), signal.SIGKILL)

asyncio.run(main())
"""


def write_on_a_full_disk(folder: Path, *, until: str) -> Any:
    result = subprocess.run(
        [sys.executable, "-c", SCRIPT, str(folder), until], capture_output=True, text=True
    )
    assert result.returncode < 0, result.stderr
    return json.loads(result.stdout)


@pytest.mark.parametrize("until", ["later", "full"])
async def test_what_is_confirmed_around_a_failed_write_outlives_a_crash(
    tmp_path: Path, until: str
) -> None:
    """The half of a batch in the log must not hide those behind it from the next opening."""
    report = write_on_a_full_disk(tmp_path, until=until)

    engine = await leveldb.open_engine(EngineOptions(folder=tmp_path))
    found = {key: await engine.get("ns", key.encode()) for key in report["confirmed"]}
    entries, _ = await engine.list("ns", b"", None, 1000)
    await engine.close()

    assert found == {key: Record(key.encode() * 50) for key in found}
    assert [entry.key.decode() for entry in entries] == sorted(found)
    assert "before-99" in found
    assert "late" in found, "it goes on when there is room again"
    assert ("after-99" in found) == (until == "later")
    assert "File too large" in report["refused"][0]


OPENING = """
import asyncio, resource, sys
from pathlib import Path
from kvstore import EngineOptions, StoreError, open_engine
from kvstore.engines.leveldb import check_store

async def main():
    resource.setrlimit(resource.RLIMIT_FSIZE, (10, resource.RLIM_INFINITY))
    for call in (open_engine("leveldb", EngineOptions(folder=FOLDER)), check(), check(repair=True)):
        try:
            await call
        except StoreError as error:
            print(f"{type(error).__name__}: {error}")

async def check(**options):
    check_store(FOLDER, **options)

FOLDER = Path(sys.argv[1])
asyncio.run(main())
"""


def open_without_room(folder: Path) -> list[str]:
    """Return what opening, checking and repairing a store say where no file may be written."""
    result = subprocess.run(
        [sys.executable, "-c", OPENING, str(folder)], capture_output=True, text=True, check=True
    )
    return result.stdout.splitlines()


async def test_a_store_that_cannot_be_opened_for_want_of_room_is_not_damaged_nor_rebuilt(
    tmp_path: Path,
) -> None:
    engine = await leveldb.open_engine(EngineOptions(folder=tmp_path))
    await engine.write([Put("ns", b"key", b"v" * 1000)])
    await engine.close()
    before = {file.name for file in (tmp_path / "leveldb").iterdir()}

    told = open_without_room(tmp_path)

    assert len(told) == 3
    for line in told:
        assert line.startswith(f"EngineError: the KV store {tmp_path}/leveldb cannot be opened: ")
        assert line.endswith("File too large; nothing in it is damaged by that: make room first")
    assert {file.name for file in (tmp_path / "leveldb").iterdir()} - before <= {"LOG.old"}
    engine = await leveldb.open_engine(EngineOptions(folder=tmp_path))
    assert await engine.get("ns", b"key") == Record(b"v" * 1000)
    await engine.close()


@pytest.mark.parametrize(
    ("said", "advice"),
    [
        ("IO error: 7.ldb: No space left on device", "nothing in it is damaged by that: make room"),
        ("IO error: LOCK: Permission denied", "nothing in it is damaged by that: see to that"),
        ("IO error: MANIFEST-000004: No such file or directory", "runtime kv check --repair"),
        ("Corruption: not an sstable", "runtime kv check --repair"),
    ],
)
def test_what_to_do_about_a_store_depends_on_what_hinders_it(
    tmp_path: Path, said: str, advice: str
) -> None:
    error = unreadable_store(tmp_path / "leveldb", said)

    assert f"{tmp_path}/leveldb cannot be opened: {said}" in str(error)
    assert advice in str(error)
    assert isinstance(error, CorruptStoreError) == ("--repair" in advice)


async def test_while_there_is_no_room_each_write_is_refused(
    store: LevelDBEngine, full_disk: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_room(folder: Path, length: int) -> None:
        raise OSError(28, "No space left on device")

    await store.write([Put("ns", b"old", b"v")])
    batch = store._store._database.write_batch

    class FailsAtItsEnd:
        """A database whose batches are not written."""

        def __getattr__(self, name: str) -> Any:
            return getattr(database, name)

        def write_batch(self, **options: Any) -> Any:
            return Fails(batch(**options))

    class Fails:
        def __init__(self, batch: Any) -> None:
            self.batch = batch

        def __enter__(self) -> Any:
            return self.batch.__enter__()

        def __exit__(self, *_: object) -> None:
            raise leveldb.plyvel.IOError(b"IO error: No space left on device")

    database = store._store._database
    vars(store._store)["_database"] = FailsAtItsEnd()
    with pytest.raises(EngineError, match="IO error: No space left"):
        await store.write([Put("ns", b"a", b"v")])
    vars(store._store)["_database"] = database
    with monkeypatch.context() as patch:
        patch.setattr(leveldb, "require_room", no_room)
        for _ in range(2):
            with pytest.raises(EngineError, match="No space left on device; make room"):
                await store.write([Put("ns", b"b", b"v")])
    await store.write([Put("ns", b"c", b"v")])

    entries, _ = await store.list("ns", b"", None, 10)
    assert [entry.key for entry in entries] == [b"c", b"old"]


def test_room_is_asked_of_the_file_system(tmp_path: Path) -> None:
    require_room(tmp_path, 1000)

    assert list(tmp_path.iterdir()) == []
    with pytest.raises(OSError):
        require_room(tmp_path / "none", 1000)
