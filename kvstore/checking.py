"""Walking through a whole store: is everything in it what was written, and is nothing left over?"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Final

from kvstore._expiry import EXPIRY_PREFIX, expiry_key, indexed_store_key
from kvstore._keys import (
    DOOMED_PREFIX,
    PIECES_PREFIX,
    RECORDS_END,
    id_of_doomed,
    id_of_piece,
    namespace_prefix,
    piece_keys,
    range_end,
    split_record_key,
)
from kvstore._ordered import OrderedDatabase, read, scan
from kvstore._records import INCOMPLETE, DetachedValue, StoredRecord, corrupt_record, decode_record
from kvstore.errors import StoreError

__all__ = ["CheckReport", "DamagedRecord", "check_database", "mend_database"]

# How often somebody who waits is told of the progress.
_STEP_RECORDS: Final = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class DamagedRecord:
    """A record that is not what was written; `fault` names it and says why."""

    namespace: str
    key: bytes
    fault: str


@dataclass(slots=True, kw_only=True)
class CheckReport:
    """What was found; `left_over` and `unindexed` do no harm beyond the space that they take."""

    records: dict[str, int] = field(default_factory=dict)
    """How many records are sound, by namespace; expired ones that are not swept yet included."""

    damaged: list[DamagedRecord] = field(default_factory=list)
    left_over: list[bytes] = field(default_factory=list)
    """Keys in the store that belong to no record: pieces of values, entries of the index."""

    unindexed: list[bytes] = field(default_factory=list)
    """Keys of index entries that are missing, so that their records would never be swept."""

    unreadable: str = ""
    """What the database itself says of damage that hides an unknown part of the store."""

    @property
    def is_sound(self) -> bool:
        """Whether every record can be trusted, and none is hidden."""
        return not self.damaged and not self.unreadable


def check_database(
    database: OrderedDatabase,
    report: CheckReport,
    *,
    on_progress: Callable[[int], None] = lambda count: None,
) -> None:
    """Read everything in `database` and note in `report` what is wrong; changes nothing.

    Raises what the database raises where it cannot be read on.
    """
    value_ids: set[bytes] = set()
    count = 0
    for record_key, data in _items(database, b"\x00", RECORDS_END):
        record = _checked(database, record_key, data, report)
        if record is not None:
            namespace, _ = split_record_key(record_key)
            report.records[namespace] = report.records.get(namespace, 0) + 1
            if isinstance(record.value, DetachedValue):
                value_ids.add(record.value.id)
        count += 1
        if count % _STEP_RECORDS == 0:
            on_progress(count)
    on_progress(count)
    # What is marked is about to be deleted anyway.
    value_ids.update(id_of_doomed(mark) for mark, _ in _items(database, DOOMED_PREFIX))
    for at, _ in _items(database, PIECES_PREFIX):
        if id_of_piece(at) not in value_ids:
            report.left_over.append(at)
    for at, _ in _items(database, EXPIRY_PREFIX):
        if not _is_indexed(database, at):
            report.left_over.append(at)


def mend_database(database: OrderedDatabase, report: CheckReport) -> None:
    """Delete what `report` has as damaged or left over, and index what is not."""
    with database.write_batch(transaction=True, sync=True) as batch:
        for damaged in report.damaged:
            batch.delete(namespace_prefix(damaged.namespace) + damaged.key)
        for at in report.left_over:
            batch.delete(at)
        for at in report.unindexed:
            batch.put(at, b"")


def _checked(
    database: OrderedDatabase, record_key: bytes, data: bytes, report: CheckReport
) -> StoredRecord | None:
    namespace, key = split_record_key(record_key)
    record = _decoded(record_key, data)
    if isinstance(record, StoredRecord) and isinstance(record.value, DetachedValue):
        value = record.value
        pieces = [read(database, at) for at in piece_keys(value.id, value.length)]
        if not value.matches(b"".join(piece for piece in pieces if piece is not None)):
            record = corrupt_record(namespace, key, INCOMPLETE)
    if isinstance(record, StoreError):
        report.damaged.append(DamagedRecord(namespace=namespace, key=key, fault=str(record)))
        return None
    if record.expiration is not None:
        at = expiry_key(record.expiration, record_key)
        if read(database, at) is None:
            report.unindexed.append(at)
    return record


def _is_indexed(database: OrderedDatabase, index_key: bytes) -> bool:
    """Tell whether an entry of the index stands for a sound record."""
    record_key = indexed_store_key(index_key)
    data = read(database, record_key)
    if data is None:
        return False
    record = _decoded(record_key, data)
    if isinstance(record, StoreError) or record.expiration is None:
        return False
    return expiry_key(record.expiration, record_key) == index_key


def _decoded(record_key: bytes, data: bytes) -> StoredRecord | StoreError:
    try:
        return decode_record(data, *split_record_key(record_key))
    except StoreError as error:
        return error


def _items(
    database: OrderedDatabase, start: bytes, stop: bytes | None = None
) -> Iterator[tuple[bytes, bytes]]:
    """Read everything from `start` to before `stop`, or that starts with `start`."""
    with scan(database, start, stop or range_end(start)) as items:
        yield from items
