"""Records on disk, in one LevelDB for all namespaces; the only module that imports plyvel."""

import asyncio
import logging
import os
from collections.abc import (
    AsyncGenerator,
    Callable,
    MutableSequence,
    Sequence,
)
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any, Final, TypeVar

import plyvel

from kvstore._commit import GroupCommit
from kvstore._keys import FORMAT_KEY, PIECE_BYTES, namespace_prefix, range_end
from kvstore._large_values import LargeValues
from kvstore._lock import StoreLock
from kvstore._record_store import WHOLE_MAX_BYTES, RecordStore, Write
from kvstore._records import DetachedValue, StoredRecord
from kvstore.checking import CheckReport, check_database, mend_database
from kvstore.engine import EngineOptions, Entry, Operation, Put, Record
from kvstore.errors import (
    CorruptStoreError,
    EngineClosedError,
    EngineError,
    EngineLockedError,
    FormatTooNewError,
)

__all__ = ["LevelDBEngine", "check_store", "open_engine"]

_FORMAT: Final = 1
_STORE_NAME: Final = "leveldb"
_READERS: Final = 2
_CACHE_BYTES: Final = 16 * 1024 * 1024
_BLOOM_BITS: Final = 10
# What one step of long work takes in one go.
_STEP_RECORDS: Final = 1000
_STEP_BYTES: Final = 1024 * 1024
# What has been deleted occupies the disk until a compaction; one is due after this much.
_COMPACT_AFTER_BYTES: Final = 32 * 1024 * 1024

_T = TypeVar("_T")

logger = logging.getLogger(__name__)


async def open_engine(options: EngineOptions) -> "LevelDBEngine":
    """Open, or make, the store in the options' folder.

    Raises EngineLockedError where it is open already, FormatTooNewError where a newer version wrote
    it, EngineError where the disk refuses.
    """
    path = options.folder / _STORE_NAME
    lock, database = await asyncio.to_thread(_open_database, path)
    engine = LevelDBEngine(path, lock, database, options)
    await engine.reap_leftovers()
    return engine


def check_store(
    folder: Path, *, repair: bool = False, on_progress: Callable[[int], None] = lambda count: None
) -> CheckReport:
    """Walk through the store in `folder`, which nobody may have open; blocks.

    With `repair`, a store that LevelDB cannot read is rebuilt of what can be read of it, then what
    is damaged or left over is deleted; the report says what that was. Raises EngineError where
    there is no store, or it cannot be opened, EngineLockedError where it is in use.
    """
    path = folder / _STORE_NAME
    if not path.is_dir():
        raise EngineError(f"there is no KV store {path}")
    lock = StoreLock(path)
    try:
        report = CheckReport()
        unreadable = _check(path, report, repair=repair, on_progress=on_progress)
        if unreadable and repair:
            plyvel.repair_db(str(path), bloom_filter_bits=_BLOOM_BITS)
            report = CheckReport()
            unreadable = _check(path, report, repair=True, on_progress=on_progress) or unreadable
        report.unreadable = unreadable
        return report
    finally:
        lock.release()


class LevelDBEngine:
    """One open LevelDB.

    Reads of up to 64 KiB run on the event loop, in a few microseconds. Everything else runs in
    threads: one that writes, and so sees each write complete before the next, and two that read.
    """

    def __init__(self, path: Path, lock: StoreLock, database: Any, options: EngineOptions) -> None:
        self._path = path
        self._lock = lock
        self._database = database
        self._store = RecordStore(database, clock=options.clock, sync=options.durability == "sync")
        self._pid = os.getpid()
        self._closed = False
        self._writer = ThreadPoolExecutor(1, thread_name_prefix="kv-writer")
        self._readers = ThreadPoolExecutor(_READERS, thread_name_prefix="kv-reader")
        self._commits: GroupCommit[Write] = GroupCommit(self._apply)
        self._large_values = LargeValues(self._store, read=self._read, write=self._write)

    async def get(self, namespace: str, key: bytes) -> Record | None:
        """Return the record of a key: on the loop up to 64 KiB, else in a thread."""
        at_hand, record = self.get_at_once(namespace, key)
        if not at_hand:
            (record,) = await self.get_many(namespace, [key])
        return record

    def get_at_once(self, namespace: str, key: bytes) -> tuple[bool, Record | None]:
        """Return whether the answer can be given without waiting, and the record of a key."""
        self._require_usable()
        try:
            record = self._store.find(namespace, key)
            if record is None:
                return True, None
            value = record.value
            if isinstance(value, bytes) or value.length > WHOLE_MAX_BYTES:
                return True, self._large_values.pinned(namespace, key, record)
            if value.length <= PIECE_BYTES:
                piece = self._store.read_single_piece(value)
                if piece is not None:
                    return True, Record(piece, record.metadata, record.expiration)
        except plyvel.Error as error:
            raise self._refused(error) from error
        # It is longer, or has been replaced since its record was read.
        return False, None

    async def get_many(self, namespace: str, keys: Sequence[bytes]) -> Sequence[Record | None]:
        """Return the records of several keys."""
        self._require_usable()
        found = await self._read(lambda: [self._store.read(namespace, key) for key in keys])
        records: list[Record | None] = []
        for key, record in zip(keys, found, strict=True):
            if record is None:
                records.append(None)
            elif isinstance(record.value, DetachedValue):
                # It may have been replaced while the thread was reading; this pins it.
                records.append(await self.get(namespace, key))
            else:
                records.append(Record(record.value, record.metadata, record.expiration))
        return records

    async def write(self, operations: Sequence[Operation]) -> None:
        """Carry out puts and deletes together with all others of this loop turn, in one batch."""
        self._require_usable()
        staged: list[bytes] = []
        try:
            writes = [await self._prepared(operation, staged) for operation in operations]
            self._require_usable()
        except BaseException:
            self._large_values.reap(staged)
            raise
        try:
            await self._commits.submit(writes)
        except Exception:
            self._large_values.reap(staged)
            raise

    async def list(
        self, namespace: str, prefix: bytes, after: bytes | None, limit: int
    ) -> tuple[Sequence[Entry], bool]:
        """Return a page of keys."""
        self._require_usable()
        return await self._read(partial(self._store.list, namespace, prefix, after, limit))

    async def snapshot(self, namespace: str) -> AsyncGenerator[tuple[bytes, Record], None]:
        """Iterate over the records of a namespace as they stand now."""
        self._require_usable()
        view = await self._read(self._store.open_view)
        after: bytes | None = None
        try:
            while True:
                self._require_usable()
                found = await self._read(partial(view.records, namespace, after, _STEP_BYTES))
                for key, record in found:
                    yield key, self._large_values.viewed(view, namespace, key, record)
                    after = key
                if not found:
                    return
        finally:
            # Does nothing where the store has been closed meanwhile.
            view.close()

    async def namespaces(self) -> Sequence[str]:
        """Return the namespaces that hold something."""
        self._require_usable()
        return await self._read(self._store.namespaces)

    async def drop(self, namespace: str) -> None:
        """Remove a namespace, step by step, and give its disk space back."""
        self._require_usable()
        start = namespace_prefix(namespace)
        count = _STEP_RECORDS
        while count == _STEP_RECORDS:
            count, doomed = await self._write(
                partial(self._store.delete_range, start, _STEP_RECORDS)
            )
            self._large_values.reap(doomed)
        await self._compact(start, range_end(start))

    async def sweep(self, limit: int) -> int:
        """Delete up to `limit` expired records; compact where much has been freed."""
        self._require_usable()
        count, doomed = await self._write(partial(self._store.sweep, limit))
        self._large_values.reap(doomed)
        if count < limit and self._store.freed_bytes >= _COMPACT_AFTER_BYTES:
            self._store.freed_bytes = 0
            await self._compact(b"\x00", b"\xff" * 16)
        return count

    async def close(self) -> None:
        """Finish what is under way, then close the store and let its lock go."""
        if self._closed:
            return
        self._closed = True
        await self._commits.finish()
        await self._large_values.finish()
        await asyncio.to_thread(self._close)

    async def reap_leftovers(self) -> None:
        """Delete what a process that died has left behind half written or half deleted."""
        self._large_values.reap(await self._read(self._store.doomed))

    async def _prepared(self, operation: Operation, staged: MutableSequence[bytes]) -> Write:
        record_key = namespace_prefix(operation.namespace) + operation.key
        if not isinstance(operation, Put):
            return Write(record_key, None)
        value: bytes | DetachedValue
        if isinstance(operation.value, bytes):
            value = operation.value
        else:
            value = await self._large_values.stage(operation.value, staged)
        return Write(record_key, StoredRecord(value, operation.metadata, operation.expiration))

    # Threads

    async def _apply(self, writes: Sequence[Write]) -> None:
        self._large_values.reap(await self._write(partial(self._store.apply, writes)))

    async def _compact(self, start: bytes, stop: bytes) -> None:
        await self._large_values.finish()
        # Without bounds LevelDB does next to nothing.
        await self._read(partial(self._database.compact_range, start=start, stop=stop))

    async def _read(self, work: Callable[[], _T], /) -> _T:
        return await self._in_thread(self._readers, work)

    async def _write(self, work: Callable[[], _T], /) -> _T:
        return await self._in_thread(self._writer, work)

    async def _in_thread(self, threads: ThreadPoolExecutor, work: Callable[[], _T]) -> _T:
        try:
            return await asyncio.get_running_loop().run_in_executor(threads, work)
        except plyvel.Error as error:
            raise self._refused(error) from error
        except RuntimeError as error:
            # The pool takes nothing more once the store is being closed.
            self._require_usable()
            raise error

    def _close(self) -> None:
        # Waits for every operation, whoever has stopped waiting for its result.
        self._writer.shutdown()
        self._readers.shutdown()
        self._database.close()
        self._lock.release()

    def _require_usable(self) -> None:
        if self._closed:
            raise EngineClosedError(f"the KV store {self._path} is closed")
        if os.getpid() != self._pid:
            raise EngineClosedError(
                f"the KV store {self._path} was opened by process {self._pid}, of which this one "
                "is a fork; open stores after forking"
            )

    def _refused(self, error: Exception) -> EngineError:
        kind = CorruptStoreError if isinstance(error, plyvel.CorruptionError) else EngineError
        return kind(f"the KV store {self._path} cannot do what it was asked: {_text_of(error)}")


def _check(
    path: Path, report: CheckReport, *, repair: bool, on_progress: Callable[[int], None]
) -> str:
    """Check and perhaps mend; return what LevelDB says of what it cannot read."""
    try:
        database = _open_locked(path)
        try:
            check_database(database, report, on_progress=on_progress)
            if repair:
                mend_database(database, report)
        finally:
            database.close()
    except plyvel.Error as error:
        return _text_of(error)
    except CorruptStoreError as error:
        return str(error)
    return ""


def _open_database(path: Path) -> tuple[StoreLock, Any]:
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as error:
        raise EngineError(f"the KV store {path} cannot be made: {error.strerror}") from error
    lock = StoreLock(path)
    try:
        database = _open_locked(path)
    except BaseException:
        lock.release()
        raise
    return lock, database


def _open_locked(path: Path) -> Any:
    try:
        try:
            database = _open_strictly(path)
        except plyvel.CorruptionError as error:
            # After a power cut the log may end in what was never confirmed. LevelDB passes over it
            # where it is not strict; what it keeps is then read strictly again.
            plyvel.DB(str(path)).close()
            database = _open_strictly(path)
            logger.warning(
                "the KV store %s was damaged, as by a power cut: %s; writes that were not "
                "confirmed as durable may be missing",
                path,
                _text_of(error),
            )
    except plyvel.Error as error:
        if "lock" in _text_of(error):
            raise EngineLockedError(path, None) from error
        raise CorruptStoreError(
            f"the KV store {path} cannot be opened: {_text_of(error)}; "
            "kvstore.engines.leveldb.check_store(folder, repair=True) rebuilds it of what can be "
            "read, or move the folder away to begin with an empty one"
        ) from error
    try:
        _check_format(path, database)
    except BaseException:
        database.close()
        raise
    return database


def _open_strictly(path: Path) -> Any:
    return plyvel.DB(
        str(path),
        create_if_missing=True,
        paranoid_checks=True,
        bloom_filter_bits=_BLOOM_BITS,
        lru_cache_size=_CACHE_BYTES,
    )


def _check_format(path: Path, database: Any) -> None:
    written = database.get(FORMAT_KEY)
    if written is None:
        database.put(FORMAT_KEY, str(_FORMAT).encode(), sync=True)
    elif not written.isdigit() or int(written) > _FORMAT:
        raise FormatTooNewError(
            f"the KV store {path} has format {written.decode(errors='replace')}, this version "
            f"reads up to {_FORMAT}; use the version of edgestead that wrote it, or a newer one"
        )


def _text_of(error: Exception) -> str:
    """Return what LevelDB says; plyvel wraps bytes."""
    said = error.args[0] if error.args else ""
    return said.decode(errors="replace") if isinstance(said, bytes) else str(said)
