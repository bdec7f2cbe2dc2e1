"""Records on disk, in one LevelDB for all namespaces; the only module that imports plyvel."""

import asyncio
import os
from collections.abc import (
    AsyncGenerator,
    AsyncIterator,
    Callable,
    Iterable,
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
from kvstore._lock import StoreLock
from kvstore._pieces import ValueInPieces
from kvstore._record_store import WHOLE_MAX_BYTES, RecordStore, RecordView, Staging, Write
from kvstore._records import DetachedValue, StoredRecord
from kvstore.engine import EngineOptions, Entry, Operation, Put, Record, StoredValue
from kvstore.errors import (
    EngineClosedError,
    EngineError,
    EngineLockedError,
    FormatTooNewError,
)

__all__ = ["LevelDBEngine", "open_engine"]

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
        # Values that somebody reads piece by piece, with the number of readers; and those of them
        # that no record refers to any more. Both belong to the loop's thread.
        self._pinned: dict[bytes, int] = {}
        self._doomed: set[bytes] = set()
        self._reaping: set[asyncio.Task[None]] = set()

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
                return True, self._streamed(namespace, key, record)
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
        found = await self._in_thread(
            self._readers, lambda: [self._store.read(namespace, key) for key in keys]
        )
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
            self._reap(staged)
            raise
        try:
            await self._commits.submit(writes)
        except Exception:
            self._reap(staged)
            raise

    async def list(
        self, namespace: str, prefix: bytes, after: bytes | None, limit: int
    ) -> tuple[Sequence[Entry], bool]:
        """Return a page of keys."""
        self._require_usable()
        return await self._in_thread(
            self._readers, partial(self._store.list, namespace, prefix, after, limit)
        )

    async def snapshot(self, namespace: str) -> AsyncGenerator[tuple[bytes, Record], None]:
        """Iterate over the records of a namespace as they stand now."""
        self._require_usable()
        view = await self._in_thread(self._readers, self._store.open_view)
        after: bytes | None = None
        try:
            while True:
                self._require_usable()
                found = await self._in_thread(
                    self._readers, partial(view.records, namespace, after, _STEP_BYTES)
                )
                for key, record in found:
                    yield key, self._viewed(view, namespace, key, record)
                    after = key
                if not found:
                    return
        finally:
            # Does nothing where the store has been closed meanwhile.
            view.close()

    async def namespaces(self) -> Sequence[str]:
        """Return the namespaces that hold something."""
        self._require_usable()
        return await self._in_thread(self._readers, self._store.namespaces)

    async def drop(self, namespace: str) -> None:
        """Remove a namespace, step by step, and give its disk space back."""
        self._require_usable()
        start = namespace_prefix(namespace)
        count = _STEP_RECORDS
        while count == _STEP_RECORDS:
            count, doomed = await self._in_thread(
                self._writer, partial(self._store.delete_range, start, _STEP_RECORDS)
            )
            self._reap(doomed)
        await self._compact(start, range_end(start))

    async def sweep(self, limit: int) -> int:
        """Delete up to `limit` expired records; compact where much has been freed."""
        self._require_usable()
        count, doomed = await self._in_thread(self._writer, partial(self._store.sweep, limit))
        self._reap(doomed)
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
        await self._drain_reaping()
        await asyncio.to_thread(self._close)

    async def reap_leftovers(self) -> None:
        """Delete what a process that died has left behind half written or half deleted."""
        self._reap(await self._in_thread(self._readers, self._store.doomed))

    # Values in pieces

    async def _prepared(self, operation: Operation, staged: MutableSequence[bytes]) -> Write:
        record_key = namespace_prefix(operation.namespace) + operation.key
        if not isinstance(operation, Put):
            return Write(record_key, None)
        value: bytes | DetachedValue
        if isinstance(operation.value, bytes):
            value = operation.value
        else:
            value = await self._stage(operation.value, staged)
        return Write(record_key, StoredRecord(value, operation.metadata, operation.expiration))

    async def _stage(
        self, chunks: AsyncIterator[bytes], staged: MutableSequence[bytes]
    ) -> bytes | DetachedValue:
        """Read a value to its end; write it in parts when it is over what is kept whole."""
        buffer = bytearray()
        staging: Staging | None = None
        async for chunk in chunks:
            rest = memoryview(chunk)
            while rest:
                if len(buffer) == WHOLE_MAX_BYTES:
                    if staging is None:
                        staging = Staging()
                        staged.append(staging.id)
                    await self._write_part(staging, buffer)
                space = WHOLE_MAX_BYTES - len(buffer)
                buffer += rest[:space]
                rest = rest[space:]
        if staging is None:
            return bytes(buffer)
        await self._write_part(staging, buffer)
        return staging.finish()

    async def _write_part(self, staging: Staging, buffer: bytearray) -> None:
        self._require_usable()
        part = bytes(buffer)
        buffer.clear()
        await self._in_thread(self._writer, partial(self._store.stage, staging, part))

    def _streamed(self, namespace: str, key: bytes, record: StoredRecord) -> Record:
        value = record.value
        assert isinstance(value, DetachedValue)  # the caller has asked
        self._pinned[value.id] = self._pinned.get(value.id, 0) + 1
        pinned = ValueInPieces(
            value,
            (namespace, key),
            partial(self._read_pieces, self._store, value.id),
            partial(self._unpin, value.id),
        )
        return Record(pinned, record.metadata, record.expiration)

    def _viewed(self, view: RecordView, namespace: str, key: bytes, record: StoredRecord) -> Record:
        value: bytes | StoredValue
        if isinstance(record.value, DetachedValue):
            value = ValueInPieces(
                record.value,
                (namespace, key),
                partial(self._read_pieces, view, record.value.id),
                lambda: None,
            )
        else:
            value = record.value
        return Record(value, record.metadata, record.expiration)

    async def _read_pieces(
        self, source: RecordStore | RecordView, value_id: bytes, numbers: Iterable[int]
    ) -> Sequence[bytes]:
        self._require_usable()
        return await self._in_thread(self._readers, partial(source.pieces, value_id, numbers))

    def _unpin(self, value_id: bytes) -> None:
        """Note that one reader of a value has ended."""
        self._pinned[value_id] -= 1
        if self._pinned[value_id] == 0:
            del self._pinned[value_id]
            if value_id in self._doomed:
                self._doomed.discard(value_id)
                self._reap([value_id])

    def _reap(self, value_ids: Iterable[bytes]) -> None:
        """Delete values that no record refers to: now, or when their last reader has ended."""
        free = [value_id for value_id in value_ids if value_id not in self._pinned]
        self._doomed.update(value_id for value_id in value_ids if value_id in self._pinned)
        if free and not self._closed:
            work = self._in_thread(self._writer, partial(self._store.reap, free))
            task = asyncio.create_task(work)
            self._reaping.add(task)
            task.add_done_callback(self._reaping.discard)

    async def _drain_reaping(self) -> None:
        """Wait until every value that could be deleted is."""
        await asyncio.gather(*self._reaping)

    # Threads

    async def _apply(self, writes: Sequence[Write]) -> None:
        self._reap(await self._in_thread(self._writer, partial(self._store.apply, writes)))

    async def _compact(self, start: bytes, stop: bytes) -> None:
        await self._drain_reaping()
        # Without bounds LevelDB does next to nothing.
        await self._in_thread(
            self._readers, partial(self._database.compact_range, start=start, stop=stop)
        )

    async def _in_thread(self, threads: ThreadPoolExecutor, work: Callable[[], _T]) -> _T:
        try:
            return await asyncio.get_running_loop().run_in_executor(threads, work)
        except plyvel.Error as error:
            raise self._refused(error) from error

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
        return EngineError(
            f"the KV store {self._path} cannot do what it was asked: {_text_of(error)}"
        )


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
        database = plyvel.DB(
            str(path),
            create_if_missing=True,
            bloom_filter_bits=_BLOOM_BITS,
            lru_cache_size=_CACHE_BYTES,
        )
    except plyvel.Error as error:
        if "lock" in _text_of(error):
            raise EngineLockedError(path, None) from error
        raise EngineError(
            f"the KV store {path} cannot be opened: {_text_of(error)}; move the folder away to "
            "begin with an empty one"
        ) from error
    try:
        _check_format(path, database)
    except BaseException:
        database.close()
        raise
    return database


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
