"""What a client keeps of what it has read, until the owner tells it to forget it."""

from collections import OrderedDict
from typing import Final

from kvstore.engine import Record

__all__ = ["ReadCache"]

# What a key, a record and their place in the cache take, beside their bytes.
_ENTRY_BYTES: Final = 400


class ReadCache:
    """The records read last, absent ones included, up to a number of bytes."""

    def __init__(self, limit_bytes: int) -> None:
        self._limit_bytes = limit_bytes
        self._bytes = 0
        self._records: OrderedDict[tuple[str, bytes], Record | None] = OrderedDict()

    def __len__(self) -> int:
        return len(self._records)

    def find(self, namespace: str, key: bytes) -> tuple[bool, Record | None]:
        """Return whether a key is known, and its record."""
        at = (namespace, key)
        if at not in self._records:
            return False, None
        self._records.move_to_end(at)
        return True, self._records[at]

    def keep(self, namespace: str, key: bytes, record: Record | None) -> None:
        """Note what stands under a key; what was read longest ago makes room for it."""
        self.forget(namespace, key)
        self._records[namespace, key] = record
        self._bytes += _size_of(key, record)
        while self._bytes > self._limit_bytes:
            (_, oldest), dropped = self._records.popitem(last=False)
            self._bytes -= _size_of(oldest, dropped)

    def forget(self, namespace: str, key: bytes) -> None:
        """Forget one key."""
        at = (namespace, key)
        if at in self._records:
            self._bytes -= _size_of(key, self._records.pop(at))

    def clear(self) -> None:
        """Forget everything."""
        self._records.clear()
        self._bytes = 0


def _size_of(key: bytes, record: Record | None) -> int:
    size = _ENTRY_BYTES + len(key)
    if record is not None and isinstance(record.value, bytes):
        size += len(record.value) + len(record.metadata or b"")
    return size
