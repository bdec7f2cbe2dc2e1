"""The seam for storage engines: what stands under a KV namespace.

An engine keeps records by namespace and key and lists them in byte order. It promises atomicity for
one key, and order within one call of `write`; no transaction over keys. Whatever KV promises beyond
that (limits, messages, cursors) is made above it. `kvstore.testing.EngineConformance` is the
executable form of this contract.
"""

import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, NamedTuple, Protocol, TypeAlias

__all__ = [
    "Clock",
    "Delete",
    "Durability",
    "EngineOptions",
    "Entry",
    "KVEngine",
    "OpenEngine",
    "Operation",
    "Put",
    "Record",
]

Clock: TypeAlias = Callable[[], float]
"""Returns the time in seconds since the epoch."""

Durability = Literal["sync", "buffered"]
"""What a finished write survives: `sync` a power cut, `buffered` the end of the process."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineOptions:
    """What an engine is opened with; `folder` is its own and may not exist yet."""

    folder: Path
    durability: Durability = "sync"
    clock: Clock = time.time


class Record(NamedTuple):
    """A stored value; `metadata` is JSON text, `expiration` in seconds since the epoch."""

    value: bytes
    metadata: bytes | None = None
    expiration: int | None = None


class Put(NamedTuple):
    """Store `record` under a key, in place of whatever is there."""

    namespace: str
    key: bytes
    record: Record


class Delete(NamedTuple):
    """Remove a key; one that is absent is no error."""

    namespace: str
    key: bytes


Operation: TypeAlias = Put | Delete


class Entry(NamedTuple):
    """A key as a listing shows it, without its value."""

    key: bytes
    metadata: bytes | None = None
    expiration: int | None = None


class KVEngine(Protocol):
    """Keeps records; every method may raise EngineError, and EngineClosedError after `close`.

    A namespace is named by 1 to 254 bytes of UTF-8 and exists as long as it holds a key. A record
    is gone from the second of its expiration on, by the clock that the engine was opened with.
    """

    async def get(self, namespace: str, key: bytes) -> Record | None:
        """Return the record of a key, None when there is none."""

    async def get_many(self, namespace: str, keys: Sequence[bytes]) -> Sequence[Record | None]:
        """Return the records of several keys, in their order."""

    async def write(self, operations: Sequence[Operation]) -> None:
        """Carry out puts and deletes in order; afterwards every reader sees them."""

    async def list(
        self, namespace: str, prefix: bytes, after: bytes | None, limit: int
    ) -> tuple[Sequence[Entry], bool]:
        """Return up to `limit` keys that start with `prefix`, and whether more follow.

        They come in byte order; with `after`, only keys greater than it.
        """

    async def namespaces(self) -> Sequence[str]:
        """Return the names of the namespaces that hold something, in byte order."""

    async def drop(self, namespace: str) -> None:
        """Remove a namespace with all that it holds."""

    async def sweep(self, limit: int) -> int:
        """Free what up to `limit` expired records occupy; return how many there were.

        Fewer than `limit` means that none is left. An engine that frees them by itself returns 0.
        """

    async def close(self) -> None:
        """Finish what is under way, then free the store; a second call does nothing."""


OpenEngine: TypeAlias = Callable[[EngineOptions], Awaitable[KVEngine]]
"""Opens an engine: what stands behind a name in the entry-point group `edgestead.kv_engines`."""
