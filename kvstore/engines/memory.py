"""Records in memory: for tests, and for state that need not outlive the process."""

from bisect import bisect_left, bisect_right
from collections.abc import AsyncGenerator, Iterator, Sequence
from typing import Final

from kvstore._expiry import has_expired
from kvstore.engine import Clock, EngineOptions, Entry, Operation, Put, Record
from kvstore.errors import EngineClosedError

__all__ = ["MemoryEngine", "open_engine"]


async def open_engine(options: EngineOptions) -> "MemoryEngine":
    """Open an empty engine; of the options only the clock matters."""
    return MemoryEngine(options.clock)


class MemoryEngine:
    """Keeps each namespace as a dict, and its keys in order for as long as they are listed."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._namespaces: dict[str, _Namespace] = {}
        self._closed = False

    async def get(self, namespace: str, key: bytes) -> Record | None:
        """Return the record of a key."""
        return self._find(self._open_namespace(namespace), key)

    async def get_many(self, namespace: str, keys: Sequence[bytes]) -> Sequence[Record | None]:
        """Return the records of several keys."""
        found = self._open_namespace(namespace)
        return [self._find(found, key) for key in keys]

    async def write(self, operations: Sequence[Operation]) -> None:
        """Carry out puts and deletes; once values are read nothing is awaited, so all at once."""
        self._require_open()
        values = [await _whole(operation) for operation in operations]
        self._require_open()
        for operation, value in zip(operations, values, strict=True):
            if isinstance(operation, Put):
                namespace = self._namespaces.setdefault(operation.namespace, _Namespace())
                namespace.put(
                    operation.key, Record(value, operation.metadata, operation.expiration)
                )
            elif operation.namespace in self._namespaces:
                self._namespaces[operation.namespace].records.pop(operation.key, None)

    async def list(
        self, namespace: str, prefix: bytes, after: bytes | None, limit: int
    ) -> tuple[Sequence[Entry], bool]:
        """Return a page of keys."""
        found = self._open_namespace(namespace)
        entries: list[Entry] = []
        for key in () if found is None else found.keys_from(prefix, after):
            if not key.startswith(prefix):
                break
            record = self._find(found, key)
            if record is None:
                continue
            if len(entries) == limit:
                return entries, True
            entries.append(Entry(key, record.metadata, record.expiration))
        return entries, False

    async def snapshot(self, namespace: str) -> AsyncGenerator[tuple[bytes, Record], None]:
        """Iterate over the records of a namespace as they stand now."""
        found = self._open_namespace(namespace)
        for key, record in sorted(found.records.items()) if found is not None else ():
            if not has_expired(record.expiration, self._clock()):
                yield key, record

    async def namespaces(self) -> Sequence[str]:
        """Return the namespaces that hold something."""
        self._require_open()
        names = [
            name
            for name, namespace in self._namespaces.items()
            if any(self._find(namespace, key) is not None for key in namespace.records)
        ]
        return sorted(names, key=str.encode)

    async def drop(self, namespace: str) -> None:
        """Remove a namespace."""
        self._require_open()
        self._namespaces.pop(namespace, None)

    async def sweep(self, limit: int) -> int:
        """Forget up to `limit` expired records."""
        self._require_open()
        now = self._clock()
        swept = 0
        for namespace in self._namespaces.values():
            expired = [
                key
                for key, record in namespace.records.items()
                if has_expired(record.expiration, now)
            ]
            for key in expired[: limit - swept]:
                del namespace.records[key]
                swept += 1
        return swept

    async def close(self) -> None:
        """Forget everything."""
        self._closed = True
        self._namespaces.clear()

    def _open_namespace(self, name: str) -> "_Namespace | None":
        self._require_open()
        return self._namespaces.get(name)

    def _find(self, namespace: "_Namespace | None", key: bytes) -> Record | None:
        record = None if namespace is None else namespace.records.get(key)
        if record is None or has_expired(record.expiration, self._clock()):
            return None
        return record

    def _require_open(self) -> None:
        if self._closed:
            raise EngineClosedError("the KV store in memory is closed")


async def _whole(operation: Operation) -> bytes:
    if not isinstance(operation, Put):
        return b""
    value = operation.value
    return value if isinstance(value, bytes) else b"".join([chunk async for chunk in value])


class _Namespace:
    """The records of one namespace; their order is worked out when a listing asks for it."""

    __slots__ = ("_added", "_sorted", "records")

    def __init__(self) -> None:
        self.records: Final[dict[bytes, Record]] = {}
        # Keys in order; those that have gone since stay in it, those in `_added` are missing.
        self._sorted: list[bytes] = []
        self._added: set[bytes] = set()

    def put(self, key: bytes, record: Record) -> None:
        if key not in self.records:
            self._added.add(key)
        self.records[key] = record

    def keys_from(self, prefix: bytes, after: bytes | None) -> Iterator[bytes]:
        """Iterate over the keys behind `after` from `prefix` on; some may be gone."""
        if self._added or len(self._sorted) > 2 * len(self.records):
            self._merge()
        keys = self._sorted
        start = bisect_left(keys, prefix)
        if after is not None:
            start = max(start, bisect_right(keys, after))
        for index in range(start, len(keys)):
            yield keys[index]

    def _merge(self) -> None:
        added = self._added
        self._sorted = [key for key in self._sorted if key in self.records and key not in added]
        self._sorted += sorted(key for key in added if key in self.records)
        # Two sorted runs: merging them takes one pass.
        self._sorted.sort()
        self._added = set()
