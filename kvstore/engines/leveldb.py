"""Records on disk, in one LevelDB for all namespaces; the only module that imports plyvel."""

import asyncio
import logging
import os
from collections.abc import AsyncGenerator, Callable, Iterator, MutableSequence, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any, Final, TypeVar

import plyvel

from kvstore._commit import GroupCommit
from kvstore._damaged import check_command, damaged_store, text_of, unreadable_store
from kvstore._format import require_format
from kvstore._keys import PIECE_BYTES, STORE_END, namespace_prefix, range_end
from kvstore._large_values import LargeValues
from kvstore._lock import StoreLock
from kvstore._log_damage import has_lost_confirmed_batches, read_logs, since_break
from kvstore._operations import Operations
from kvstore._record_store import RecordStore, Write
from kvstore._record_view import WHOLE_MAX_BYTES
from kvstore._records import DetachedValue, StoredRecord, check_storable
from kvstore._room import require_room
from kvstore._threads import run_in_thread
from kvstore._turns import in_turns
from kvstore._value_files import ValueFiles
from kvstore.checking import CheckReport, check_files
from kvstore.engine import Durability, EngineOptions, Entry, Operation, Put, Record
from kvstore.errors import (
    CorruptStoreError,
    EngineClosedError,
    EngineError,
    EngineLockedError,
)

__all__ = ["LevelDBEngine", "check_store", "open_engine"]

_STORE_NAME: Final = "leveldb"
_VALUES_NAME: Final = "values"
_READERS: Final = 2
# Each of them holds a page in memory while it grows.
_LISTINGS: Final = 8
# How long closing waits for values that are still on their way in.
_CLOSING_S: Final = 5.0
_CACHE_BYTES: Final = 16 * 1024 * 1024
_BLOOM_BITS: Final = 10
# What LevelDB needs to begin a new log: it puts the records of the old one into a table.
_NEW_LOG_BYTES: Final = 16 * 1024 * 1024

_T = TypeVar("_T")

logger = logging.getLogger(__name__)


async def open_engine(options: EngineOptions) -> "LevelDBEngine":
    """Open, or make, the store in the options' folder.

    Raises EngineLockedError where it is open already, FormatTooNewError where a newer version wrote
    it, EngineError where the disk refuses.
    """
    path = options.folder / _STORE_NAME
    lock, database = await asyncio.to_thread(_open_database, path, options.durability)
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
        return check_files(
            partial(_open_for_check, path),
            partial(_rebuild, path),
            ValueFiles(folder / _VALUES_NAME, sync=True),
            repair=repair,
            on_progress=on_progress,
        )
    finally:
        lock.release()


class LevelDBEngine:
    """One open LevelDB.

    Reads of up to 64 KiB run on the event loop, in a few microseconds. Everything else runs in
    threads, long work in short steps: one thread that writes, and so sees each write complete
    before the next, two that read, and one that waits while LevelDB compacts.
    """

    def __init__(self, path: Path, lock: StoreLock, database: Any, options: EngineOptions) -> None:
        self._path = path
        self._lock = lock
        self._database = database
        sync = options.durability == "sync"
        self._store = RecordStore(
            database,
            ValueFiles(options.folder / _VALUES_NAME, sync=sync),
            clock=options.clock,
            sync=sync,
            begin_new_log=partial(_begin_new_log, path, database),
        )
        self._pid = os.getpid()
        self._operations = Operations()
        self._closed = False
        self._closing: asyncio.Task[None] | None = None
        self._writer = ThreadPoolExecutor(1, thread_name_prefix="kv-writer")
        self._readers = ThreadPoolExecutor(_READERS, thread_name_prefix="kv-reader")
        self._compactor = ThreadPoolExecutor(1, thread_name_prefix="kv-compactor")
        self._listings = asyncio.Semaphore(_LISTINGS)
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
            if isinstance(value, bytes):
                return True, Record(value, record.metadata, record.expiration)
            if value.length > WHOLE_MAX_BYTES:
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
        with self._operation():
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
        with self._operation():
            staged: list[bytes] = []
            try:
                writes: list[Write] = []
                async for part in in_turns(operations):
                    writes += [await self._prepared(operation, staged) for operation in part]
            except BaseException:
                self._large_values.reap(staged)
                raise
            await self._commits.submit(writes)

    async def list(
        self, namespace: str, prefix: bytes, after: bytes | None, limit: int
    ) -> tuple[Sequence[Entry], bool]:
        """Return a page of keys."""
        entries: list[Entry] = []
        with self._operation():
            async with self._listings:
                while len(entries) <= limit:
                    wanted = limit + 1 - len(entries)
                    step = await self._read(
                        partial(self._store.list_step, namespace, prefix, after, wanted)
                    )
                    entries += step.entries
                    if step.last is None:
                        return entries, False
                    after = step.last
        return entries[:limit], True

    async def snapshot(self, namespace: str) -> AsyncGenerator[tuple[bytes, Record], None]:
        """Iterate over the records of a namespace as they stand now."""
        self._require_usable()
        with self._large_values.kept():
            view = await self._read(self._store.open_view)
            after: bytes | None = None
            try:
                while True:
                    self._require_usable()
                    found, after = await self._read(partial(view.records, namespace, after))
                    for key, record in found:
                        yield key, self._large_values.viewed(view, namespace, key, record)
                    if after is None:
                        return
            finally:
                # Where the store has been closed, so are its snapshots.
                with suppress(RuntimeError):
                    self._readers.submit(view.close)

    async def namespaces(self) -> Sequence[str]:
        """Return the namespaces that hold something."""
        names: list[str] = []
        start: bytes | None = b"\x00"
        with self._operation():
            while start is not None:
                name, start = await self._read(partial(self._store.next_namespace, start))
                if name is not None:
                    names.append(name)
        return sorted(names, key=str.encode)

    async def drop(self, namespace: str) -> None:
        """Remove a namespace, step by step, and give its disk space back."""
        prefix = namespace_prefix(namespace)
        stop = range_end(prefix)
        start: bytes | None = prefix
        with self._operation():
            while start is not None:
                start = await self._write(partial(self._store.delete_range, start, stop))
            await self._compact(prefix, stop)

    async def sweep(self, limit: int) -> int:
        """Delete up to `limit` expired records; compact where much has been freed."""
        swept, is_done = 0, False
        with self._operation():
            while swept < limit and not is_done:
                count, is_done = await self._write(partial(self._store.sweep, limit - swept))
                swept += count
            if is_done and await self._write(self._store.begins_compaction):
                await self._compact(b"\x00", STORE_END)
        return swept

    async def close(self) -> None:
        """Finish what is under way, then close the store and let its lock go."""
        if os.getpid() != self._pid:
            # What a fork has inherited is its parent's.
            return
        self._closed = True
        if self._closing is None:
            self._closing = asyncio.create_task(self._finish())
        await asyncio.shield(self._closing)

    async def reap_leftovers(self) -> None:
        """Delete what a process that died has left behind half written or half deleted."""
        try:
            self._large_values.reap(await self._read(self._store.all_doomed))
        except EngineError as error:
            # What can be read still can.
            logger.error("%s", error)

    async def _prepared(self, operation: Operation, staged: MutableSequence[bytes]) -> Write:
        record_key = namespace_prefix(operation.namespace) + operation.key
        if not isinstance(operation, Put):
            return Write(record_key, None)
        value: bytes | DetachedValue
        if isinstance(operation.value, bytes) and len(operation.value) <= WHOLE_MAX_BYTES:
            value = operation.value
        else:
            value = await self._large_values.stage(operation.value, staged)
        record = StoredRecord(value, operation.metadata, operation.expiration)
        # In a batch it would fail for everyone.
        check_storable(record)
        return Write(record_key, record)

    # Threads

    async def _apply(self, writes: Sequence[Write]) -> None:
        try:
            await self._write(partial(self._store.apply, writes))
        except Exception:
            values = [write.record.value for write in writes if write.record is not None]
            self._large_values.reap(v.id for v in values if isinstance(v, DetachedValue))
            raise

    async def _compact(self, start: bytes, stop: bytes) -> None:
        await self._large_values.finish()
        # Without bounds LevelDB does next to nothing.
        compact = partial(self._database.compact_range, start=start, stop=stop)
        await asyncio.get_running_loop().run_in_executor(self._compactor, compact)

    async def _read(self, work: Callable[[], _T], /) -> _T:
        return await self._in_thread(self._readers, work)

    async def _write(self, work: Callable[[], _T], /) -> _T:
        try:
            return await self._in_thread(self._writer, work)
        finally:
            self._large_values.reap(self._store.take_doomed())

    async def _in_thread(self, threads: ThreadPoolExecutor, work: Callable[[], _T]) -> _T:
        try:
            return await run_in_thread(threads, work)
        except plyvel.Error as error:
            raise self._refused(error) from error
        except RuntimeError as error:
            # The pool takes nothing more once the store is being closed.
            self._require_usable()
            raise error

    async def _finish(self) -> None:
        await self._operations.finish(_CLOSING_S)
        await self._commits.finish()
        await self._large_values.finish()
        await asyncio.to_thread(self._close)

    def _close(self) -> None:
        # Waits for every operation, whoever has stopped waiting for its result.
        for threads in (self._writer, self._readers, self._compactor):
            threads.shutdown()
        self._database.close()
        self._lock.release()

    def _operation(self) -> Operations:
        self._require_usable()
        return self._operations

    def _require_usable(self) -> None:
        if self._closed:
            raise EngineClosedError(f"the KV store {self._path} is closed")
        if os.getpid() != self._pid:
            raise EngineClosedError(
                f"the KV store {self._path} was opened by process {self._pid}, of which this one "
                "is a fork; open stores after forking"
            )

    def _refused(self, error: Exception) -> EngineError:
        if isinstance(error, plyvel.CorruptionError):
            return damaged_store(self._path, f"is damaged: {text_of(error)}")
        return EngineError(
            f"the KV store {self._path} cannot do what it was asked: {text_of(error)}; where that "
            "has been seen to and writes are still refused, open the store again"
        )


@contextmanager
def _open_for_check(path: Path) -> Iterator[Any]:
    """Open a store; what cannot be read of it raises CorruptStoreError."""
    try:
        database = _open_locked(path, "sync")
        try:
            yield database
        finally:
            database.close()
    except plyvel.Error as error:
        raise unreadable_store(path, text_of(error), fault="is damaged") from error


def _rebuild(path: Path) -> None:
    try:
        # Strictly, or LevelDB would keep what only looks as if it could be read.
        plyvel.repair_db(str(path), paranoid_checks=True, bloom_filter_bits=_BLOOM_BITS)
    except plyvel.Error as error:
        raise EngineError(f"the KV store {path} cannot be repaired: {text_of(error)}") from error


def _open_database(path: Path, durability: Durability) -> tuple[StoreLock, Any]:
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as error:
        raise EngineError(f"the KV store {path} cannot be made: {error.strerror}") from error
    lock = StoreLock(path)
    try:
        database = _open_locked(path, durability)
    except BaseException:
        lock.release()
        raise
    return lock, database


def _open_locked(path: Path, durability: Durability) -> Any:
    logs = read_logs(path)
    if not (path / "CURRENT").exists() and (logs or any(path.glob("*.ldb"))):
        # LevelDB would begin an empty store in its place.
        raise damaged_store(path, "cannot be opened: its file CURRENT is missing")
    if durability == "sync" and has_lost_confirmed_batches(since_break(logs)):
        raise _damaged_log(path)
    try:
        try:
            return _open_strictly(path)
        except plyvel.CorruptionError as error:
            # After a power cut the log may end in what was never confirmed. LevelDB passes over it
            # where it is not strict; what it keeps is then read strictly again.
            if durability == "sync" and has_lost_confirmed_batches(logs):
                raise _damaged_log(path) from error
            plyvel.DB(str(path)).close()
            database = _open_strictly(path)
            logger.warning(
                "the KV store %s was damaged, as by a power cut: %s; writes that were not "
                "confirmed as durable may be missing, and `%s` reads all of it",
                path,
                text_of(error),
                check_command(path),
            )
            return database
    except plyvel.Error as error:
        if text_of(error).startswith("IO error: lock "):
            raise EngineLockedError(path, None) from error
        raise unreadable_store(path, text_of(error)) from error


def _damaged_log(path: Path) -> CorruptStoreError:
    return damaged_store(
        path, "has lost writes that were confirmed: its log is damaged in the middle"
    )


def _open_strictly(path: Path) -> Any:
    database = plyvel.DB(
        str(path),
        create_if_missing=True,
        paranoid_checks=True,
        bloom_filter_bits=_BLOOM_BITS,
        lru_cache_size=_CACHE_BYTES,
    )
    try:
        require_format(database, path)
    except BaseException:
        database.close()
        raise
    return database


def _begin_new_log(path: Path, database: Any) -> None:
    """Let LevelDB write into a new log, where that is possible; raise EngineError where it is not.

    Where it fails half way, LevelDB takes no writes any more until the store is opened again.
    """
    try:
        require_room(path, _NEW_LOG_BYTES)
    except OSError as error:
        raise EngineError(
            f"the KV store {path} takes no writes since one has failed: {error.strerror}; make room"
        ) from error
    # A range that holds nothing: what counts is that LevelDB empties its log first.
    database.compact_range(start=STORE_END, stop=range_end(STORE_END))
