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
from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager
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
    doomed_key,
    id_of_doomed,
    namespace_prefix,
    piece_count,
    piece_key,
    piece_keys,
    pieces_prefix,
    range_end,
    split_record_key,
)
from kvstore._ordered import OrderedDatabase, read, scan
from kvstore._records import (
    DETACHED_ID_BYTES,
    INCOMPLETE,
    DetachedValue,
    StoredRecord,
    corrupt_record,
    decode_record,
    encode_record,
)
from kvstore.engine import Clock, Entry
from kvstore.errors import StoreError

__all__ = ["RecordStore", "RecordView", "Staging", "WHOLE_MAX_BYTES", "Write"]

WHOLE_MAX_BYTES: Final = 4 * PIECE_BYTES
"""The largest value that is always read and written as a whole."""

_INLINE_MAX_BYTES: Final = 4096

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


class RecordStore:
    """Reads and writes the records of all namespaces in one database."""

    def __init__(self, database: OrderedDatabase, *, clock: Clock, sync: bool) -> None:
        """With `sync`, a write has reached the disk when its method returns."""
        self._database = database
        self._clock = clock
        self._sync = sync
        self.freed_bytes = 0
        """What has been deleted since this was last set to 0, about."""

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

    def list(
        self, namespace: str, prefix: bytes, after: bytes | None, limit: int
    ) -> tuple[Sequence[Entry], bool]:
        """Return a page of keys, and whether more follow."""
        base = namespace_prefix(namespace)
        is_behind = after is not None and after >= prefix
        start = base + (after if after is not None and is_behind else prefix)
        now = self._clock()
        entries: list[Entry] = []
        stop = range_end(base + prefix)
        with scan(self._database, start, stop, include_start=not is_behind) as items:
            for record_key, data in items:
                record = _decoded(record_key, data)
                if record is None:
                    # Its name is known still, and without it nobody could delete it.
                    entry = Entry(record_key[len(base) :])
                elif has_expired(record.expiration, now):
                    continue
                else:
                    entry = Entry(record_key[len(base) :], record.metadata, record.expiration)
                if len(entries) == limit:
                    return entries, True
                entries.append(entry)
        return entries, False

    def namespaces(self) -> Sequence[str]:
        """Return the namespaces that hold something, in byte order."""
        now = self._clock()
        names: list[str] = []
        start: bytes | None = b"\x00"
        while start is not None:
            next_start = None
            with scan(self._database, start, RECORDS_END) as items:
                for record_key, data in items:
                    record = _decoded(record_key, data)
                    if record is None or not has_expired(record.expiration, now):
                        name, _ = split_record_key(record_key)
                        names.append(name)
                        next_start = range_end(namespace_prefix(name))
                        break
            start = next_start
        return sorted(names, key=str.encode)

    # Writing

    def apply(self, writes: Iterable[Write]) -> Sequence[bytes]:
        """Carry out writes in one batch; return the ids of values that are to be reaped."""
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
        return doomed

    def stage(self, staging: Staging, data: bytes) -> None:
        """Write the next part of a value on its way in."""
        with self._write_batch() as batch:
            if not staging.pieces:
                # Until a record refers to it, a crash leaves something to be deleted.
                batch.put(doomed_key(staging.id), b"")
            for at, piece in staging.add(data):
                batch.put(at, piece)

    def delete_range(self, prefix: bytes, limit: int) -> tuple[int, Sequence[bytes]]:
        """Delete up to `limit` records whose keys start with `prefix`.

        Returns how many there were, and the ids of values that are to be reaped.
        """
        doomed: list[bytes] = []
        with scan(self._database, prefix, range_end(prefix)) as items:
            found = list(islice(items, limit))
        with self._write_batch() as batch:
            for record_key, data in found:
                record = _decoded(record_key, data)
                if record is not None:
                    doomed += self._forget(batch, record_key, record)
                batch.delete(record_key)
        return len(found), doomed

    def sweep(self, limit: int) -> tuple[int, Sequence[bytes]]:
        """Delete up to `limit` expired records; return as `delete_range` does."""
        now = self._clock()
        doomed: list[bytes] = []
        with scan(self._database, EXPIRY_PREFIX, expiry_range_end(now)) as index:
            expired = [index_key for index_key, _ in islice(index, limit)]
        with self._write_batch() as batch:
            for index_key in expired:
                record_key = indexed_store_key(index_key)
                data = read(self._database, record_key)
                record = None if data is None else _decoded(record_key, data)
                # Never trust the entry alone: the record may have been written again.
                if record is not None and has_expired(record.expiration, now):
                    doomed += self._forget(batch, record_key, record)
                    batch.delete(record_key)
                batch.delete(index_key)
        return len(expired), doomed

    def doomed(self) -> Sequence[bytes]:
        """Return the ids of all values that are to be reaped."""
        with scan(self._database, DOOMED_PREFIX, range_end(DOOMED_PREFIX)) as marks:
            return [id_of_doomed(mark) for mark, _ in marks]

    def reap(self, value_ids: Iterable[bytes]) -> None:
        """Delete the pieces of values that no record refers to and nobody reads."""
        for value_id in value_ids:
            prefix = pieces_prefix(value_id)
            with (
                scan(self._database, prefix, range_end(prefix)) as pieces,
                self._write_batch() as batch,
            ):
                for at, _ in pieces:
                    batch.delete(at)
                batch.delete(doomed_key(value_id))

    def _write_batch(self) -> AbstractContextManager[Any]:
        # Without `transaction` a block that raises would leave its first half behind.
        return self._database.write_batch(transaction=True, sync=self._sync)

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
            batch.put(expiry_key(record.expiration, record_key), b"")
        return record

    def _forget(self, batch: Any, record_key: bytes, record: StoredRecord) -> Sequence[bytes]:
        """Delete what belongs to a record that goes, but not the record itself.

        Returns the id of its value if that is to be reaped, once nobody reads it any more.
        """
        if record.expiration is not None:
            batch.delete(expiry_key(record.expiration, record_key))
        value = record.value
        if not isinstance(value, DetachedValue):
            self.freed_bytes += len(record_key) + len(value)
            return ()
        self.freed_bytes += value.length
        if value.length > WHOLE_MAX_BYTES:
            batch.put(doomed_key(value.id), b"")
            return (value.id,)
        for at in piece_keys(value.id, value.length):
            batch.delete(at)
        return ()


class RecordView:
    """The records as they stood at one moment; to be closed."""

    def __init__(self, snapshot: Any, clock: Clock) -> None:
        self._snapshot = snapshot
        self._clock = clock

    def records(
        self, namespace: str, after: bytes | None, max_bytes: int
    ) -> Sequence[tuple[bytes, StoredRecord]]:
        """Return the next records of a namespace, their values joined where they are whole ones.

        They are as many as `max_bytes` hold, one at least, and end behind one that is not whole.
        Raises CorruptRecordError for a record that is not what was written.
        """
        base = namespace_prefix(namespace)
        found: list[tuple[bytes, StoredRecord]] = []
        size = 0
        start = base + (after or b"")
        with scan(self._snapshot, start, range_end(base), include_start=after is None) as items:
            for record_key, data in items:
                key = record_key[len(base) :]
                record = decode_record(data, namespace, key)
                if has_expired(record.expiration, self._clock()):
                    continue
                value = record.value
                if isinstance(value, DetachedValue) and value.length <= WHOLE_MAX_BYTES:
                    joined = b"".join(self.pieces(value.id, range(piece_count(value.length))))
                    if not value.matches(joined):
                        raise corrupt_record(namespace, key, INCOMPLETE)
                    record = record._replace(value=joined)
                found.append((key, record))
                size += len(data) if isinstance(value, bytes) else value.length
                if size >= max_bytes or isinstance(record.value, DetachedValue):
                    break
        return found

    def pieces(self, value_id: bytes, numbers: Iterable[int]) -> Sequence[bytes]:
        """Return pieces of a value; one that is missing is empty."""
        return [read(self._snapshot, piece_key(value_id, number)) or b"" for number in numbers]

    def close(self) -> None:
        """Let the moment go."""
        self._snapshot.close()


def _decoded(record_key: bytes, data: bytes) -> StoredRecord | None:
    """Decode a record that is met on the way; a damaged one is logged and None."""
    try:
        return decode_record(data, *split_record_key(record_key))
    except StoreError as error:
        logger.error("%s", error)
        return None
