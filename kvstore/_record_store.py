"""Records over an ordered database: what is read and written for each, all of it blocking.

A value of up to 4 KiB stands in its record. A larger one is kept in pieces of 64 KiB under an id of
its own, so that listings do not read values, and those over 256 KiB are streamed. When such a value
is no longer referred to, it is marked (`0xFF d`) in the same batch, and its pieces are deleted
later: somebody may still be reading them, and after a crash the marks tell what is left to delete.
"""

import logging
import os
import time
import zlib
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from typing import Any, Final, NamedTuple

from kvstore._expiry import (
    EXPIRY_PREFIX,
    expiry_key,
    expiry_range_end,
    has_expired,
    indexed_store_key,
)
from kvstore._keys import (
    DOOMED_PREFIX,
    PIECE_BYTES,
    RECORDS_END,
    STORE_END,
    doomed_key,
    doomed_value,
    id_of_doomed,
    namespace_prefix,
    piece_count,
    piece_key,
    piece_keys,
    pieces_of_doomed,
    range_end,
    split_record_key,
)
from kvstore._ordered import OrderedDatabase, read, scan
from kvstore._record_view import WHOLE_MAX_BYTES, RecordView
from kvstore._records import (
    DETACHED_ID_BYTES,
    INCOMPLETE,
    DetachedValue,
    StoredRecord,
    corrupt_record,
    decode_entry,
    decode_record,
    encode_record,
)
from kvstore.engine import Clock, Entry
from kvstore.errors import StoreError

__all__ = ["ListStep", "RecordStore", "Staging", "WHOLE_MAX_BYTES", "Write"]

_INLINE_MAX_BYTES: Final = 4096
# What one call goes through at most, so that no thread keeps the interpreter from the event loop.
_STEP_RECORDS: Final = 400
# What has been deleted occupies the disk until a compaction; one is due after this much, and after
# this part of the store.
_COMPACT_AFTER_BYTES: Final = 32 * 1024 * 1024
_COMPACT_AFTER_PART: Final = 4

logger = logging.getLogger(__name__)


class Write(NamedTuple):
    """What becomes of one key: `record` stands there afterwards, or nothing."""

    record_key: bytes
    record: StoredRecord | None


class Staging:
    """A value on its way in: its pieces are written, but no record refers to it yet."""

    __slots__ = ("_checksum", "id", "length", "pieces")

    def __init__(self) -> None:
        """Make an id."""
        # The time first, so that new values are written behind older ones.
        self.id = time.time_ns().to_bytes(8) + os.urandom(DETACHED_ID_BYTES - 8)
        self.length = 0
        self.pieces = 0
        self._checksum = 0

    def add(self, data: bytes) -> list[tuple[bytes, bytes]]:
        """Return keys and values of the next pieces; all but the last `data` fill whole pieces."""
        found = []
        for start in range(0, len(data), PIECE_BYTES):
            found.append((piece_key(self.id, self.pieces), data[start : start + PIECE_BYTES]))
            self.pieces += 1
        self.length += len(data)
        self._checksum = zlib.crc32(data, self._checksum)
        return found

    def finish(self) -> DetachedValue:
        """Return how a record refers to the value."""
        return DetachedValue(self.id, self.length, self._checksum)


class ListStep(NamedTuple):
    """A part of a listing; it goes on behind the key `last`, which is None at the end."""

    entries: Sequence[Entry]
    last: bytes | None


class RecordStore:
    """Reads and writes the records of all namespaces in one database.

    Reading is for any thread, writing for one at a time.
    """

    def __init__(
        self,
        database: OrderedDatabase,
        *,
        clock: Clock,
        sync: bool,
        begin_new_log: Callable[[], None],
    ) -> None:
        """With `sync`, a write has reached the disk when its method returns.

        `begin_new_log()` is called after a write that failed, before the next one: what is written
        behind the half of a batch could not be read again.
        """
        self._database = database
        self._clock = clock
        self._sync = sync
        self._begin_new_log = begin_new_log
        self._log_is_torn = False
        self._freed_bytes = 0
        # No entry of the expiry index stands before it.
        self._sweep_from = EXPIRY_PREFIX
        self._doomed: deque[bytes] = deque()

    # Reading

    def find(self, namespace: str, key: bytes, view: Any = None) -> StoredRecord | None:
        """Return the record of a key unless it has expired; its value may be elsewhere."""
        data = read(view or self._database, namespace_prefix(namespace) + key)
        if data is None:
            return None
        record = decode_record(data, namespace, key)
        return None if has_expired(record.expiration, self._clock()) else record

    def read_single_piece(self, value: DetachedValue) -> bytes | None:
        """Return a value of one piece; None where it was replaced meanwhile."""
        piece = read(self._database, piece_key(value.id, 0))
        return piece if piece is not None and value.matches(piece) else None

    def read(self, namespace: str, key: bytes) -> StoredRecord | None:
        """Return the record of a key, its value joined where it is read as a whole."""
        with self._database.snapshot() as snapshot:
            record = self.find(namespace, key, snapshot)
            if record is None or not isinstance(record.value, DetachedValue):
                return record
            value = record.value
            if value.length > WHOLE_MAX_BYTES:
                return record
            pieces = [read(snapshot, at) for at in piece_keys(value.id, value.length)]
        joined = b"".join(piece for piece in pieces if piece is not None)
        if not value.matches(joined):
            raise corrupt_record(namespace, key, INCOMPLETE)
        return record._replace(value=joined)

    def pieces(self, value_id: bytes, numbers: Iterable[int]) -> Sequence[bytes]:
        """Return pieces of a value; one that is missing is empty."""
        return [read(self._database, piece_key(value_id, number)) or b"" for number in numbers]

    def open_view(self) -> "RecordView":
        """Return the store as it stands now, whatever is written from now on."""
        return RecordView(self._database.snapshot(), self._clock)

    def list_step(self, namespace: str, prefix: bytes, after: bytes | None, limit: int) -> ListStep:
        """Return the next keys of a listing: up to `limit`, of a bounded number of records."""
        base = namespace_prefix(namespace)
        is_behind = after is not None and after >= prefix
        start = base + (after if after is not None and is_behind else prefix)
        now = self._clock()
        entries: list[Entry] = []
        stop = range_end(base + prefix)
        with scan(self._database, start, stop, include_start=not is_behind) as items:
            for count, (record_key, data) in enumerate(items, start=1):
                key = record_key[len(base) :]
                entry = _listed(data, namespace, key)
                if not has_expired(entry.expiration, now):
                    entries.append(entry)
                if count == _STEP_RECORDS or len(entries) == limit:
                    return ListStep(entries, key)
        return ListStep(entries, None)

    def next_namespace(self, start: bytes) -> tuple[str | None, bytes | None]:
        """Return a namespace that holds something, from the record key `start` on, if one is near.

        Beside it comes the key from which to look for the next one, None at the end.
        """
        now = self._clock()
        with scan(self._database, start, RECORDS_END) as items:
            for count, (record_key, data) in enumerate(items, start=1):
                namespace, key = split_record_key(record_key)
                if not has_expired(_listed(data, namespace, key).expiration, now):
                    return namespace, range_end(namespace_prefix(namespace))
                if count == _STEP_RECORDS:
                    return None, record_key
        return None, None

    # Writing

    def apply(self, writes: Iterable[Write]) -> None:
        """Carry out writes in one batch."""
        written: dict[bytes, StoredRecord | None] = {}
        doomed: list[bytes] = []
        with self._write_batch() as batch:
            for record_key, record in writes:
                if record_key in written:
                    old = written[record_key]
                else:
                    data = read(self._database, record_key)
                    old = None if data is None else _decoded(record_key, data)
                if old is not None:
                    doomed += self._forget(batch, record_key, old)
                if record is None:
                    batch.delete(record_key)
                else:
                    record = self._put(batch, record_key, record)
                written[record_key] = record
        self._doomed.extend(doomed)

    def stage(self, staging: Staging, data: bytes) -> None:
        """Write the next part of a value on its way in."""
        with self._write_batch() as batch:
            for at, piece in staging.add(data):
                batch.put(at, piece)
            # Until a record refers to it, a crash leaves something to be deleted.
            batch.put(doomed_key(staging.id), doomed_value(staging.pieces))

    def delete_range(self, start: bytes, stop: bytes) -> bytes | None:
        """Delete the next records from `start` to before `stop`; return where to go on, if at all.

        The next call goes on from there: from `start`, it would pass all that is deleted again.
        """
        doomed: list[bytes] = []
        with scan(self._database, start, stop) as items:
            found = list(islice(items, _STEP_RECORDS))
        with self._write_batch() as batch:
            for record_key, data in found:
                record = _decoded(record_key, data)
                if record is not None:
                    doomed += self._forget(batch, record_key, record)
                batch.delete(record_key)
        self._doomed.extend(doomed)
        return found[-1][0] if len(found) == _STEP_RECORDS else None

    def sweep(self, limit: int) -> tuple[int, bool]:
        """Delete the next expired records, up to `limit`; return how many, and whether all are."""
        now = self._clock()
        wanted = min(limit, _STEP_RECORDS)
        doomed: list[bytes] = []
        stop = expiry_range_end(now)
        with scan(self._database, min(self._sweep_from, stop), stop) as index:
            expired = [index_key for index_key, _ in islice(index, wanted)]
        # What a power cut brings back is swept again.
        with self._write_batch(sync=False) as batch:
            for index_key in expired:
                record_key = indexed_store_key(index_key)
                data = read(self._database, record_key)
                record = None if data is None else _decoded(record_key, data)
                # Never trust the entry alone: the record may have been written again.
                if record is not None and has_expired(record.expiration, now):
                    doomed += self._forget(batch, record_key, record)
                    batch.delete(record_key)
                batch.delete(index_key)
        self._doomed.extend(doomed)
        if expired:
            self._sweep_from = expired[-1]
        return len(expired), len(expired) < wanted

    def take_doomed(self) -> Sequence[bytes]:
        """Return, once, the ids of values to which a write has removed the last reference."""
        return [self._doomed.popleft() for _ in range(len(self._doomed))]

    def all_doomed(self) -> Sequence[bytes]:
        """Return the ids of all values that are to be reaped."""
        with scan(self._database, DOOMED_PREFIX, range_end(DOOMED_PREFIX)) as marks:
            return [id_of_doomed(mark) for mark, _ in marks]

    def reap(self, value_id: bytes) -> bool:
        """Delete the next pieces of a value that no record refers to; tell whether any is left."""
        mark = doomed_key(value_id)
        count = pieces_of_doomed(read(self._database, mark) or b"")
        first = max(0, count - _STEP_RECORDS)
        with self._write_batch(sync=False) as batch:
            for number in range(first, count):
                batch.delete(piece_key(value_id, number))
            if first:
                batch.put(mark, doomed_value(first))
            else:
                batch.delete(mark)
        return first > 0

    def begins_compaction(self) -> bool:
        """Tell whether so much has been deleted that a compaction is due, which begins now."""
        size = self._database.approximate_size(b"\x00", STORE_END)
        if self._freed_bytes < max(_COMPACT_AFTER_BYTES, size // _COMPACT_AFTER_PART):
            return False
        self._freed_bytes = 0
        return True

    @contextmanager
    def _write_batch(self, *, sync: bool = True) -> Iterator[Any]:
        if self._log_is_torn:
            self._begin_new_log()
        # Without `transaction` a block that raises would leave its first half behind.
        with self._database.write_batch(transaction=True, sync=sync and self._sync) as batch:
            yield batch
            # Until the batch is written, which happens at the end of this block.
            self._log_is_torn = True
        self._log_is_torn = False

    def _put(self, batch: Any, record_key: bytes, record: StoredRecord) -> StoredRecord:
        value = record.value
        if isinstance(value, DetachedValue):
            # Staged: from here on a record refers to it.
            batch.delete(doomed_key(value.id))
        elif len(value) > _INLINE_MAX_BYTES:
            staging = Staging()
            for at, piece in staging.add(value):
                batch.put(at, piece)
            record = record._replace(value=staging.finish())
        batch.put(record_key, encode_record(record))
        if record.expiration is not None:
            index_key = expiry_key(record.expiration, record_key)
            batch.put(index_key, b"")
            self._sweep_from = min(self._sweep_from, index_key)
        return record

    def _forget(self, batch: Any, record_key: bytes, record: StoredRecord) -> Sequence[bytes]:
        """Delete what belongs to a record that goes, but not the record itself.

        Returns the id of its value if that is to be reaped, once nobody reads it any more.
        """
        if record.expiration is not None:
            batch.delete(expiry_key(record.expiration, record_key))
        value = record.value
        if not isinstance(value, DetachedValue):
            self._freed_bytes += len(record_key) + len(value)
            return ()
        self._freed_bytes += value.length
        if value.length > WHOLE_MAX_BYTES:
            batch.put(doomed_key(value.id), doomed_value(piece_count(value.length)))
            return (value.id,)
        for at in piece_keys(value.id, value.length):
            batch.delete(at)
        return ()


def _decoded(record_key: bytes, data: bytes) -> StoredRecord | None:
    """Decode a record that is met on the way; a damaged one is logged and None."""
    try:
        return decode_record(data, *split_record_key(record_key))
    except StoreError as error:
        logger.error("%s", error)
        return None


def _listed(data: bytes, namespace: str, key: bytes) -> Entry:
    """Return what a listing shows of a record; of a damaged one its key, so that it can go."""
    try:
        return decode_entry(data, namespace, key)
    except StoreError as error:
        logger.error("%s", error)
        return Entry(key)
