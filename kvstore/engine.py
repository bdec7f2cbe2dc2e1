"""The seam for storage engines: what stands under a KV namespace.

An engine keeps records by namespace and key and lists them in byte order. It promises atomicity for
one key, and order within one call of `write`; no transaction over keys. Whatever KV promises beyond
that (limits, messages, cursors) is made above it. `kvstore.testing.EngineConformance` is the
executable form of this contract.
"""

import time
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Sequence
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
    "StoredValue",
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


class StoredValue(Protocol):
    """A large value, read piece by piece, once; what it reads is whole even if it is replaced."""

    @property
    def length(self) -> int:
        """The number of bytes."""

    def __aiter__(self) -> AsyncIterator[bytes]:
        """Read it; raises CorruptRecordError at the end of what is not what was written."""

    async def aclose(self) -> None:
        """Give up what has not been read; needed only where it is not read to its end."""


class Record(NamedTuple):
    """What stands under a key; `metadata` is JSON text, `expiration` in seconds since the epoch."""

    value: bytes | StoredValue
    metadata: bytes | None = None
    expiration: int | None = None


class Put(NamedTuple):
    """Store a value under a key, with metadata and expiration as in a `Record`.

    A value that is an iterator is read to its end first; when it raises, the call does, and
    nothing of it is stored.
    """

    namespace: str
    key: bytes
    value: bytes | AsyncIterator[bytes]
    metadata: bytes | None = None
    expiration: int | None = None


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
    Values of up to 64 KiB are always returned as bytes.
    """

    async def get(self, namespace: str, key: bytes) -> Record | None:
        """Return the record of a key, None when there is none."""

    async def get_many(self, namespace: str, keys: Sequence[bytes]) -> Sequence[Record | None]:
        """Return the records of several keys, in their order."""

    async def write(self, operations: Sequence[Operation]) -> None:
        """Carry out puts and deletes in order; afterwards every reader sees them.

        Where it raises, each key holds what it held before or what the call says, and where a
        value that is an iterator raised, what it held before. Where it is cancelled, the call is
        carried out or not, but never after what is asked later, and no iterator is read any more.
        """

    async def list(
        self, namespace: str, prefix: bytes, after: bytes | None, limit: int
    ) -> tuple[Sequence[Entry], bool]:
        """Return up to `limit` keys that start with `prefix`, and whether more follow.

        They come in byte order; with `after`, only keys greater than it.
        """

    def snapshot(self, namespace: str) -> AsyncGenerator[tuple[bytes, Record], None]:
        """Iterate over a namespace's records as they stood when the iteration began, in byte order.

        Writes meanwhile change nothing. A value that is not bytes has to be read before the next
        step. Close an iterator that is given up: it may hold much in place.
        """

    async def namespaces(self) -> Sequence[str]:
        """Return the names of the namespaces that hold something, in byte order."""

    async def drop(self, namespace: str) -> None:
        """Remove a namespace with all that it holds.

        Where it is cancelled, a part may be left, but nothing is removed after that.
        """

    async def sweep(self, limit: int) -> int:
        """Free what up to `limit` expired records occupy; return how many there were.

        Fewer than `limit` means that none is left. An engine that frees them by itself returns 0.
        """

    async def close(self) -> None:
        """Finish what is under way, then free the store; a second call does nothing."""


OpenEngine: TypeAlias = Callable[[EngineOptions], Awaitable[KVEngine]]
"""Opens an engine: what stands behind a name in the entry-point group `edgestead.kv_engines`."""
