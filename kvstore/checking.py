"""Walking through a whole store: is everything in it what was written, and is nothing left over?"""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
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
    piece_count,
    piece_key,
    piece_keys,
    range_end,
    split_record_key,
)
from kvstore._ordered import OrderedDatabase, read, scan
from kvstore._record_view import WHOLE_MAX_BYTES
from kvstore._records import INCOMPLETE, DetachedValue, StoredRecord, corrupt_record, decode_record
from kvstore._value_files import ValueFiles
from kvstore.errors import CorruptStoreError, StoreError

__all__ = ["CheckReport", "DamagedRecord", "check_database", "check_files", "mend_database"]

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
    """Keys in the store that belong to no record: pieces of values, entries of the index.

    Of a value in a file it is the key that its first piece would have.
    """

    unindexed: list[bytes] = field(default_factory=list)
    """Keys of index entries that are missing, so that their records would never be swept."""

    unreadable: str = ""
    """What the database itself says of damage that hides an unknown part of the store."""

    lost: list[tuple[str, bytes]] = field(default_factory=list)
    """Namespace and key of what a repair of that could not keep, as far as that can be known."""

    @property
    def is_sound(self) -> bool:
        """Whether every record can be trusted, and none is hidden."""
        return not self.damaged and not self.unreadable


def check_files(
    open_database: Callable[[], AbstractContextManager[OrderedDatabase]],
    rebuild: Callable[[], None],
    files: ValueFiles,
    *,
    repair: bool,
    on_progress: Callable[[int], None],
) -> CheckReport:
    """Check a store that may be damaged beyond its records; with `repair`, mend it.

    `open_database` raises CorruptStoreError for what cannot be read, in its block too; `rebuild`
    makes a database of what can. Raises CorruptStoreError where that does not help.
    """
    seen: set[bytes] = set()
    report = CheckReport()
    try:
        _check(open_database, files, report, seen, repair=repair, on_progress=on_progress)
    except CorruptStoreError as error:
        report.unreadable = error.fault or str(error)
        if repair:
            rebuild()
            report = CheckReport(unreadable=report.unreadable)
            _check(open_database, files, report, seen, repair=True, on_progress=on_progress)
            # Those that are damaged themselves are told of already.
            damaged = {(one.namespace, one.key) for one in report.damaged}
            report.lost = sorted({split_record_key(key) for key in seen} - damaged)
    return report


def _check(
    open_database: Callable[[], AbstractContextManager[OrderedDatabase]],
    files: ValueFiles,
    report: CheckReport,
    seen: set[bytes],
    *,
    repair: bool,
    on_progress: Callable[[int], None],
) -> None:
    """Check, and perhaps mend; `seen` loses what is sound, and gains all where there is damage."""
    with open_database() as database:
        try:
            check_database(database, files, report, on_progress=on_progress, on_sound=seen.discard)
        except Exception:
            seen |= _unverified_keys(database)
            raise
        if repair:
            mend_database(database, files, report)


def _unverified_keys(database: OrderedDatabase) -> set[bytes]:
    """Return the keys of all records that can be seen, in damaged parts too: some may be wrong."""
    with database.iterator(start=b"\x00", stop=RECORDS_END, verify_checksums=False) as items:
        return {key for key, _ in items}


def check_database(
    database: OrderedDatabase,
    files: ValueFiles,
    report: CheckReport,
    *,
    on_progress: Callable[[int], None] = lambda count: None,
    on_sound: Callable[[bytes], None] = lambda record_key: None,
) -> None:
    """Read all of `database` and `files` and note in `report` what is wrong; changes nothing.

    `on_sound` is told the key in the store of each record that can be trusted. Raises what the
    database raises where it cannot be read on.
    """
    value_ids: set[bytes] = set()
    count = 0
    for record_key, data in _items(database, b"\x00", RECORDS_END):
        record = _checked(database, files, record_key, data, report)
        if record is not None:
            on_sound(record_key)
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
    report.left_over += [piece_key(one, 0) for one in files.ids() if one not in value_ids]
    for at, _ in _items(database, EXPIRY_PREFIX):
        if not _is_indexed(database, at):
            report.left_over.append(at)


def mend_database(database: OrderedDatabase, files: ValueFiles, report: CheckReport) -> None:
    """Delete what `report` has as damaged or left over, and index what is not."""
    with database.write_batch(transaction=True, sync=True) as batch:
        for damaged in report.damaged:
            batch.delete(namespace_prefix(damaged.namespace) + damaged.key)
        for at in report.left_over:
            batch.delete(at)
        for at in report.unindexed:
            batch.put(at, b"")
    for at in report.left_over:
        if at.startswith(PIECES_PREFIX):
            files.delete(id_of_piece(at))


def _checked(
    database: OrderedDatabase,
    files: ValueFiles,
    record_key: bytes,
    data: bytes,
    report: CheckReport,
) -> StoredRecord | None:
    namespace, key = split_record_key(record_key)
    record = _decoded(record_key, data)
    if isinstance(record, StoredRecord) and isinstance(record.value, DetachedValue):
        if not record.value.matches(_joined(database, files, record.value)):
            record = corrupt_record(namespace, key, INCOMPLETE)
    if isinstance(record, StoreError):
        report.damaged.append(DamagedRecord(namespace=namespace, key=key, fault=str(record)))
        return None
    if record.expiration is not None:
        at = expiry_key(record.expiration, record_key)
        if read(database, at) is None:
            report.unindexed.append(at)
    return record


def _joined(database: OrderedDatabase, files: ValueFiles, value: DetachedValue) -> bytes:
    if value.length > WHOLE_MAX_BYTES:
        return b"".join(files.pieces(value.id, range(piece_count(value.length))))
    pieces = [read(database, at) for at in piece_keys(value.id, value.length)]
    return b"".join(piece for piece in pieces if piece is not None)


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
