"""Records over an ordered database: what is read and written for each, all of it blocking.

A value of up to 4 KiB stands in its record. A larger one is kept in pieces of 64 KiB under an id of
its own, so that listings do not read values, and those over 256 KiB are streamed: they stand in
files (`_value_files`). When such a value is no longer referred to, it is marked (`0xFF d`) in the
same batch, and its file is deleted later: somebody may still be reading it, and after a crash the
marks tell what is left to delete.
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
    id_of_doomed,
    namespace_prefix,
    piece_key,
    piece_keys,
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
    is_gone,
    stored_moment,
)
from kvstore._value_files import ValueFiles
from kvstore.engine import Clock, Entry
from kvstore.errors import StoreError

__all__ = ["ListStep", "RecordStore", "Staging", "WHOLE_MAX_BYTES", "Write"]

_INLINE_MAX_BYTES: Final = 4096
# What one call goes through at most, so that no thread keeps the interpreter from the event loop
# for long: records that are read, that are changed, and that are passed over.
_STEP_RECORDS: Final = 400
_STEP_CHANGES: Final = 200
_STEP_GONE: Final = 2000
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
    """A value on its way in, to which no record refers yet."""

    __slots__ = ("_checksum", "id", "length")

    def __init__(self) -> None:
        """Make an id."""
        # The time first, so that new values are written behind older ones.
        self.id = time.time_ns().to_bytes(8) + os.urandom(DETACHED_ID_BYTES - 8)
        self.length = 0
        self._checksum = 0

    def add(self, data: bytes) -> None:
        """Take note of the next part."""
        self.length += len(data)
        self._checksum = zlib.crc32(data, self._checksum)

    def finish(self) -> DetachedValue:
        """Return how a record refers to the value."""
        return DetachedValue(self.id, self.length, self._checksum)


class ListStep(NamedTuple):
    """A part of a listing; it goes on behind the key `last`, which is None at the end."""

    entries: Sequence[Entry]
    last: bytes | None


class RecordStore:
    """Reads and writes the records of all namespaces in one database, large values beside it.

    Reading is for any thread, writing for one at a time.
    """

    def __init__(
        self,
        database: OrderedDatabase,
        files: ValueFiles,
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
        self._files = files
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
        if record.expiration is not None and has_expired(record.expiration, self._clock()):
            return None
        return record

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
        """Return pieces of a value that is streamed; one that is missing is empty."""
        return self._files.pieces(value_id, numbers)

    def open_view(self) -> "RecordView":
        """Return the store as it stands now, whatever is written from now on."""
        return RecordView(self._database.snapshot(), self._files, self._clock)

    def list_step(self, namespace: str, prefix: bytes, after: bytes | None, limit: int) -> ListStep:
        """Return the next keys of a listing: up to `limit`, of a bounded number of records."""
        base = namespace_prefix(namespace)
        is_behind = after is not None and after >= prefix
        start = base + (after if after is not None and is_behind else prefix)
        entries: list[Entry] = []
        stop = range_end(base + prefix)
        moment = stored_moment(self._clock())
        most = min(limit, _STEP_RECORDS)
        with scan(self._database, start, stop, include_start=not is_behind) as items:
            for count, (record_key, data) in enumerate(items, start=1):
                # There may be very many of them, and this is quicker than decoding.
                if not is_gone(data, moment):
                    entries.append(_listed(data, namespace, record_key[len(base) :]))
                if len(entries) == most or count == _STEP_GONE:
                    return ListStep(entries, record_key[len(base) :])
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
        if not staging.length:
            # Until a record refers to it, a crash leaves something to be deleted.
            with self._write_batch() as batch:
                batch.put(doomed_key(staging.id), b"")
        self._files.append(staging.id, data)
        staging.add(data)

    def settle(self, staging: Staging) -> DetachedValue:
        """Return how a record may refer to a value that has been written to its end."""
        self._files.settle(staging.id)
        return staging.finish()

    def delete_range(self, start: bytes, stop: bytes) -> bytes | None:
        """Delete the next records from `start` to before `stop`; return where to go on, if at all.

        The next call goes on from there: from `start`, it would pass all that is deleted again.
        """
        doomed: list[bytes] = []
        with scan(self._database, start, stop) as items:
            found = list(islice(items, _STEP_CHANGES))
        with self._write_batch() as batch:
            for record_key, data in found:
                record = _decoded(record_key, data)
                if record is not None:
                    doomed += self._forget(batch, record_key, record)
                batch.delete(record_key)
        self._doomed.extend(doomed)
        return found[-1][0] if len(found) == _STEP_CHANGES else None

    def sweep(self, limit: int) -> tuple[int, bool]:
        """Delete the next expired records, up to `limit`; return how many, and whether all are."""
        now = self._clock()
        wanted = min(limit, _STEP_CHANGES)
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

    def reap(self, value_id: bytes) -> None:
        """Delete a value that no record refers to."""
        self._files.delete(value_id)
        with self._write_batch(sync=False) as batch:
            batch.delete(doomed_key(value_id))

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
            staging.add(value)
            for number, at in enumerate(piece_keys(staging.id, len(value))):
                batch.put(at, value[number * PIECE_BYTES : (number + 1) * PIECE_BYTES])
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
        if value.length > WHOLE_MAX_BYTES:
            batch.put(doomed_key(value.id), b"")
            return (value.id,)
        self._freed_bytes += value.length
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
