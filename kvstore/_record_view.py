"""The records of an ordered database as they stood at one moment; all of it blocks."""

import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final

from kvstore._expiry import has_expired
from kvstore._keys import PIECE_BYTES, namespace_prefix, piece_keys, range_end
from kvstore._ordered import read, scan
from kvstore._records import (
    INCOMPLETE,
    DetachedValue,
    StoredRecord,
    corrupt_record,
    decode_record,
)
from kvstore._value_files import ValueFiles
from kvstore.engine import Clock
from kvstore.errors import EngineError

__all__ = ["RecordView", "WHOLE_MAX_BYTES"]

WHOLE_MAX_BYTES: Final = 4 * PIECE_BYTES
"""The largest value that is always read and written as a whole."""

# What one call returns at most, about.
_STEP_RECORDS: Final = 400
_STEP_BYTES: Final = 1024 * 1024


class RecordView:
    """The records as they stood at one moment; to be closed."""

    def __init__(self, snapshot: Any, files: ValueFiles, clock: Clock) -> None:
        """Take a snapshot of the database; no file may be deleted while this is open."""
        self._snapshot = snapshot
        self._files = files
        self._clock = clock
        # Closing it while another thread reads it would be the end of the process.
        self._use = threading.Lock()
        self._is_open = True

    def records(
        self, namespace: str, after: bytes | None
    ) -> tuple[Sequence[tuple[bytes, StoredRecord]], bytes | None]:
        """Return the next records of a namespace, their values joined where they are whole ones.

        They end behind one whose value is not whole. Beside them comes the key behind which it goes
        on, None at the end. Raises CorruptRecordError for a record that is not what was written.
        """
        base = namespace_prefix(namespace)
        found: list[tuple[bytes, StoredRecord]] = []
        size = 0
        start = base + (after or b"")
        with (
            self._open(),
            scan(self._snapshot, start, range_end(base), include_start=after is None) as items,
        ):
            for count, (record_key, data) in enumerate(items, start=1):
                key = record_key[len(base) :]
                record = decode_record(data, namespace, key)
                if not has_expired(record.expiration, self._clock()):
                    value = record.value
                    if isinstance(value, DetachedValue) and value.length <= WHOLE_MAX_BYTES:
                        record = record._replace(value=self._joined(namespace, key, value))
                    found.append((key, record))
                    size += len(data) if isinstance(value, bytes) else value.length
                is_enough = count == _STEP_RECORDS or size >= _STEP_BYTES
                if is_enough or (found and isinstance(found[-1][1].value, DetachedValue)):
                    return found, key
        return found, None

    def pieces(self, value_id: bytes, numbers: Iterable[int]) -> Sequence[bytes]:
        """Return pieces of a value that is streamed; one that is missing is empty."""
        with self._open():
            return self._files.pieces(value_id, numbers)

    def close(self) -> None:
        """Let the moment go; waits for a thread that reads."""
        with self._use:
            self._is_open = False
            self._snapshot.close()

    @contextmanager
    def _open(self) -> Iterator[None]:
        with self._use:
            if not self._is_open:
                raise EngineError("a snapshot of a KV namespace is read on after it was closed")
            yield

    def _joined(self, namespace: str, key: bytes, value: DetachedValue) -> bytes:
        pieces = [read(self._snapshot, at) for at in piece_keys(value.id, value.length)]
        joined = b"".join(piece for piece in pieces if piece is not None)
        if not value.matches(joined):
            raise corrupt_record(namespace, key, INCOMPLETE)
        return joined
