"""Records on disk, in one LevelDB for all namespaces; the only module that imports plyvel."""

import asyncio
import logging
import os
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any, Final, TypeVar

import plyvel

from kvstore._commit import GroupCommit
from kvstore._expiry import (
    EXPIRY_PREFIX,
    expiry_key,
    expiry_range_end,
    has_expired,
    indexed_store_key,
)
from kvstore._keys import (
    FORMAT_KEY,
    PIECE_BYTES,
    RECORDS_END,
    namespace_prefix,
    piece_key,
    piece_keys,
    range_end,
    split_record_key,
)
from kvstore._lock import StoreLock
from kvstore._records import (
    DETACHED_ID_BYTES,
    INLINE_MAX_BYTES,
    DetachedValue,
    StoredRecord,
    corrupt_record,
    decode_record,
    encode_record,
)
from kvstore.engine import EngineOptions, Entry, Operation, Put, Record
from kvstore.errors import (
    EngineClosedError,
    EngineError,
    EngineLockedError,
    FormatTooNewError,
    StoreError,
)

__all__ = ["LevelDBEngine", "open_engine"]

_FORMAT: Final = 1
_STORE_NAME: Final = "leveldb"
_READERS: Final = 2
_CACHE_BYTES: Final = 16 * 1024 * 1024
_BLOOM_BITS: Final = 10
# Work between two chances for others; a batch of this many deletes takes a few milliseconds.
_STEP: Final = 1000
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
    return LevelDBEngine(path, lock, database, options)


class LevelDBEngine:
    """One open LevelDB.

    Reads of small values run on the event loop, in a few microseconds. Everything else runs in
    threads: one that writes, and so sees each write complete before the next, and two that read.
    """

    def __init__(self, path: Path, lock: StoreLock, database: Any, options: EngineOptions) -> None:
        self._path = path
        self._lock = lock
        self._database = database
        self._clock = options.clock
        self._sync = options.durability == "sync"
        self._pid = os.getpid()
        self._closed = False
        self._writer = ThreadPoolExecutor(1, thread_name_prefix="kv-writer")
        self._readers = ThreadPoolExecutor(_READERS, thread_name_prefix="kv-reader")
        self._commits = GroupCommit(self._apply, partial(self._in_thread, self._writer))
        self._freed_bytes = 0

    async def get(self, namespace: str, key: bytes) -> Record | None:
        """Return the record of a key: on the loop up to 64 KiB, else in a thread."""
        self._require_usable()
        record_key = namespace_prefix(namespace) + key
        try:
            data = self._database.get(record_key)
            if data is None:
                return None
            stored = decode_record(data, namespace, key)
            if has_expired(stored.expiration, self._clock()):
                return None
            value = stored.value
            if isinstance(value, DetachedValue):
                piece = None
                if value.length <= PIECE_BYTES:
                    piece = self._database.get(piece_key(value.id, 0))
                if piece is None or not value.matches(piece):
                    # It is large, or was overwritten between the two reads.
                    return await self._in_thread(
                        self._readers, partial(self._read_whole, namespace, key)
                    )
                value = piece
        except plyvel.Error as error:
            raise self._refused("cannot read", error) from error
        return Record(value, stored.metadata, stored.expiration)

    async def get_many(self, namespace: str, keys: Sequence[bytes]) -> Sequence[Record | None]:
        """Return the records of several keys."""
        self._require_usable()

        def read() -> Sequence[Record | None]:
            return [self._read_whole(namespace, key) for key in keys]

        return await self._in_thread(self._readers, read)

    async def write(self, operations: Sequence[Operation]) -> None:
        """Carry out puts and deletes together with all others of this loop turn, in one batch."""
        self._require_usable()
        await self._commits.submit(operations)

    async def list(
        self, namespace: str, prefix: bytes, after: bytes | None, limit: int
    ) -> tuple[Sequence[Entry], bool]:
        """Return a page of keys."""
        self._require_usable()
        return await self._in_thread(
            self._readers, partial(self._list, namespace, prefix, after, limit)
        )

    async def namespaces(self) -> Sequence[str]:
        """Return the namespaces that hold something."""
        self._require_usable()
        return await self._in_thread(self._readers, self._list_namespaces)

    async def drop(self, namespace: str) -> None:
        """Remove a namespace, step by step, and give its disk space back."""
        self._require_usable()
        start = namespace_prefix(namespace)
        while await self._in_thread(self._writer, partial(self._delete_range, start)):
            pass
        await self._in_thread(
            self._readers, partial(self._database.compact_range, start=start, stop=range_end(start))
        )

    async def sweep(self, limit: int) -> int:
        """Delete up to `limit` expired records; compact where much has been freed."""
        self._require_usable()
        swept = await self._in_thread(self._writer, partial(self._sweep, limit))
        if swept < limit and self._freed_bytes >= _COMPACT_AFTER_BYTES:
            self._freed_bytes = 0
            # Without bounds LevelDB does next to nothing.
            await self._in_thread(
                self._readers,
                partial(self._database.compact_range, start=b"\x00", stop=b"\xff" * 16),
            )
        return swept

    async def close(self) -> None:
        """Finish what is under way, then close the store and let its lock go."""
        if self._closed:
            return
        self._closed = True
        await self._commits.finish()
        await asyncio.to_thread(self._close)

    # In threads

    def _close(self) -> None:
        # Waits for every operation, whoever has stopped waiting for its result.
        self._writer.shutdown()
        self._readers.shutdown()
        self._database.close()
        self._lock.release()

    def _read_whole(self, namespace: str, key: bytes) -> Record | None:
        with self._database.snapshot() as snapshot:
            data = snapshot.get(namespace_prefix(namespace) + key)
            if data is None:
                return None
            stored = decode_record(data, namespace, key)
            if has_expired(stored.expiration, self._clock()):
                return None
            value = stored.value
            if isinstance(value, DetachedValue):
                pieces = [snapshot.get(at) for at in piece_keys(value.id, value.length)]
                joined = b"".join(piece for piece in pieces if piece is not None)
                if not value.matches(joined):
                    raise corrupt_record(namespace, key, "its value is incomplete or changed")
                value = joined
        return Record(value, stored.metadata, stored.expiration)

    def _apply(self, operations: Sequence[Operation]) -> None:
        written: dict[bytes, bytes | None] = {}
        with self._database.write_batch(transaction=True, sync=self._sync) as batch:
            for operation in operations:
                record_key = namespace_prefix(operation.namespace) + operation.key
                if record_key in written:
                    old = written[record_key]
                else:
                    old = self._database.get(record_key)
                if old is not None:
                    self._forget(batch, record_key, old)
                if isinstance(operation, Put):
                    written[record_key] = _put(batch, record_key, operation.record)
                else:
                    batch.delete(record_key)
                    written[record_key] = None

    def _forget(self, batch: Any, record_key: bytes, data: bytes) -> None:
        """Delete what belongs to a record that goes or is replaced, but not the record itself."""
        stored = _decoded(record_key, data)
        self._freed_bytes += len(data)
        if stored is None:
            return
        if stored.expiration is not None:
            batch.delete(expiry_key(stored.expiration, record_key))
        if isinstance(stored.value, DetachedValue):
            self._freed_bytes += stored.value.length
            for at in piece_keys(stored.value.id, stored.value.length):
                batch.delete(at)

    def _list(
        self, namespace: str, prefix: bytes, after: bytes | None, limit: int
    ) -> tuple[Sequence[Entry], bool]:
        base = namespace_prefix(namespace)
        is_behind = after is not None and after >= prefix
        start = base + (after if after is not None and is_behind else prefix)
        now = self._clock()
        entries: list[Entry] = []
        with self._database.iterator(
            start=start, include_start=not is_behind, stop=range_end(base + prefix)
        ) as items:
            for record_key, data in items:
                stored = _decoded(record_key, data)
                if stored is None:
                    # Its name is known still, and without it nobody could delete it.
                    entry = Entry(record_key[len(base) :])
                elif has_expired(stored.expiration, now):
                    continue
                else:
                    entry = Entry(record_key[len(base) :], stored.metadata, stored.expiration)
                if len(entries) == limit:
                    return entries, True
                entries.append(entry)
        return entries, False

    def _list_namespaces(self) -> Sequence[str]:
        now = self._clock()
        names: list[str] = []
        with self._database.iterator(stop=RECORDS_END) as items:
            for record_key, data in items:
                stored = _decoded(record_key, data)
                if stored is None or not has_expired(stored.expiration, now):
                    name, _ = split_record_key(record_key)
                    names.append(name)
                    items.seek(range_end(namespace_prefix(name)))
        return sorted(names, key=str.encode)

    def _delete_range(self, prefix: bytes) -> bool:
        """Delete some of the records whose keys start with `prefix`; tell whether any were left."""
        with self._database.iterator(prefix=prefix) as items:
            found = list(islice(items, _STEP))
        with self._database.write_batch(transaction=True, sync=self._sync) as batch:
            for record_key, data in found:
                self._forget(batch, record_key, data)
                batch.delete(record_key)
        return bool(found)

    def _sweep(self, limit: int) -> int:
        now = self._clock()
        with self._database.iterator(
            start=EXPIRY_PREFIX, stop=expiry_range_end(now), include_value=False
        ) as index:
            expired = list(islice(index, limit))
        with self._database.write_batch(transaction=True, sync=self._sync) as batch:
            for index_key in expired:
                record_key = indexed_store_key(index_key)
                data = self._database.get(record_key)
                stored = None if data is None else _decoded(record_key, data)
                # Never trust the entry alone: the record may have been written again.
                if stored is not None and has_expired(stored.expiration, now):
                    self._forget(batch, record_key, data)
                    batch.delete(record_key)
                batch.delete(index_key)
        return len(expired)

    # Common to all

    def _require_usable(self) -> None:
        if self._closed:
            raise EngineClosedError(f"the KV store {self._path} is closed")
        if os.getpid() != self._pid:
            raise EngineClosedError(
                f"the KV store {self._path} was opened by process {self._pid}, of which this one "
                "is a fork; open stores after forking"
            )

    async def _in_thread(self, threads: ThreadPoolExecutor, work: Callable[[], _T]) -> _T:
        try:
            return await asyncio.get_running_loop().run_in_executor(threads, work)
        except plyvel.Error as error:
            raise self._refused("cannot do what it was asked", error) from error

    def _refused(self, what: str, error: Exception) -> EngineError:
        return EngineError(f"the KV store {self._path} {what}: {_text_of(error)}")


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
    except plyvel.IOError as error:
        if "lock" in _text_of(error):
            raise EngineLockedError(path, None) from error
        raise EngineError(f"the KV store {path} cannot be opened: {_text_of(error)}") from error
    except plyvel.Error as error:
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


def _put(batch: Any, record_key: bytes, record: Record) -> bytes:
    detached = None
    value = record.value
    if len(value) > INLINE_MAX_BYTES:
        detached = DetachedValue.of(_new_value_id(), value)
        view = memoryview(value)
        for number, at in enumerate(piece_keys(detached.id, len(value))):
            batch.put(at, bytes(view[number * PIECE_BYTES : (number + 1) * PIECE_BYTES]))
    data = encode_record(record, detached)
    batch.put(record_key, data)
    if record.expiration is not None:
        batch.put(expiry_key(record.expiration, record_key), b"")
    return data


def _new_value_id() -> bytes:
    # The time first, so that new values are written behind older ones.
    return time.time_ns().to_bytes(8) + os.urandom(DETACHED_ID_BYTES - 8)


def _decoded(record_key: bytes, data: bytes) -> StoredRecord | None:
    """Decode a record that is met on the way; a damaged one is logged and None."""
    try:
        return decode_record(data, *split_record_key(record_key))
    except StoreError as error:
        logger.error("%s", error)
        return None


def _text_of(error: Exception) -> str:
    """Return what LevelDB says; plyvel wraps bytes."""
    said = error.args[0] if error.args else ""
    return said.decode(errors="replace") if isinstance(said, bytes) else str(said)
