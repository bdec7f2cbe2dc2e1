"""Large values in a record store: written in parts, read piece by piece, freed when nobody reads.

Which values are being read, and which of them no record refers to any more, belongs to the event
loop's thread; what touches the store runs in threads.
"""

import asyncio
import logging
import zlib
from collections import deque
from collections.abc import (
    AsyncIterator,
    Awaitable,
    Callable,
    Iterable,
    Iterator,
    MutableSequence,
    Sequence,
)
from contextlib import contextmanager
from functools import partial
from typing import Final, Protocol, TypeVar

from kvstore._keys import PIECE_BYTES, piece_count
from kvstore._record_store import RecordStore, Staging
from kvstore._record_view import WHOLE_MAX_BYTES, RecordView
from kvstore._records import INCOMPLETE, DetachedValue, StoredRecord, corrupt_record
from kvstore.engine import Record, StoredValue
from kvstore.errors import EngineClosedError, EngineError

__all__ = ["InThread", "LargeValues"]

_STEP_PIECES: Final = WHOLE_MAX_BYTES // PIECE_BYTES

_T = TypeVar("_T")

logger = logging.getLogger(__name__)


class InThread(Protocol):
    """Runs what blocks in a thread; raises EngineClosedError where the store is closed."""

    async def __call__(self, work: Callable[[], _T], /) -> _T:
        """Return what `work` returns."""


class LargeValues:
    """Brings large values into a store and out of it."""

    def __init__(self, store: RecordStore, *, read: InThread, write: InThread) -> None:
        self._store = store
        self._read = read
        self._write = write
        self._readers: dict[bytes, int] = {}
        self._views = 0
        self._doomed: set[bytes] = set()
        self._free: deque[bytes] = deque()
        self._reaping: asyncio.Task[None] | None = None

    async def stage(
        self, value: bytes | AsyncIterator[bytes], staged: MutableSequence[bytes]
    ) -> bytes | DetachedValue:
        """Read a value to its end; write it in parts when it is over what is kept whole.

        The id of a value that is written is added to `staged`, for `reap` if nothing comes of it.
        """
        buffer = bytearray()
        staging: Staging | None = None
        async for chunk in _single(value) if isinstance(value, bytes) else value:
            rest = memoryview(chunk)
            while rest:
                if len(buffer) == WHOLE_MAX_BYTES:
                    if staging is None:
                        staging = Staging()
                        staged.append(staging.id)
                    await self._write_part(staging, buffer)
                space = WHOLE_MAX_BYTES - len(buffer)
                buffer += rest[:space]
                rest = rest[space:]
        if staging is None:
            return bytes(buffer)
        await self._write_part(staging, buffer)
        return await self._write(partial(self._store.settle, staging))

    def pinned(self, namespace: str, key: bytes, record: StoredRecord) -> Record:
        """Return a record whose value, a large one, stays in the store until it is read."""
        value = record.value
        assert isinstance(value, DetachedValue)  # it is large
        self._readers[value.id] = self._readers.get(value.id, 0) + 1
        release = partial(self._unpin, value.id)
        return self._in_pieces(self._store, namespace, key, record, release)

    def viewed(self, view: RecordView, namespace: str, key: bytes, record: StoredRecord) -> Record:
        """Return a record whose value, if it is large, is read from `view`."""
        return self._in_pieces(view, namespace, key, record, lambda: None)

    def reap(self, value_ids: Iterable[bytes]) -> None:
        """Delete values that no record refers to: now, or when nobody can come to them any more."""
        for value_id in value_ids:
            if self._views or value_id in self._readers:
                self._doomed.add(value_id)
            else:
                self._free.append(value_id)
        if self._free and self._reaping is None:
            self._reaping = asyncio.create_task(self._reap())

    @contextmanager
    def kept(self) -> Iterator[None]:
        """Delete no value while the block runs, which looks at the store as it stood before."""
        self._views += 1
        try:
            yield
        finally:
            self._views -= 1
            if not self._views:
                doomed = self._doomed - self._readers.keys()
                self._doomed -= doomed
                self.reap(doomed)

    async def finish(self) -> None:
        """Wait until every value that could be deleted is."""
        while self._reaping is not None:
            await asyncio.wait([self._reaping])

    async def _reap(self) -> None:
        """Delete values one by one, so that other writes come in between."""
        try:
            while self._free:
                await self._write(partial(self._store.reap, self._free.popleft()))
        except EngineClosedError:
            # They are marked; the next opening goes on.
            self._free.clear()
        except EngineError as error:
            self._free.clear()
            logger.warning("values to be deleted stay until the store is opened again: %s", error)
        finally:
            self._reaping = None

    async def _write_part(self, staging: Staging, buffer: bytearray) -> None:
        part = bytes(buffer)
        buffer.clear()
        await self._write(partial(self._store.stage, staging, part))

    def _in_pieces(
        self,
        source: RecordStore | RecordView,
        namespace: str,
        key: bytes,
        record: StoredRecord,
        release: Callable[[], None],
    ) -> Record:
        value: bytes | StoredValue
        if isinstance(record.value, bytes):
            value = record.value
        else:
            read_pieces = partial(self._read_pieces, source, record.value.id)
            value = _ValueInPieces(record.value, (namespace, key), read_pieces, release)
        return Record(value, record.metadata, record.expiration)

    async def _read_pieces(
        self, source: RecordStore | RecordView, value_id: bytes, numbers: Iterable[int]
    ) -> Sequence[bytes]:
        return await self._read(partial(source.pieces, value_id, numbers))

    def _unpin(self, value_id: bytes) -> None:
        """Note that one reader of a value has ended."""
        self._readers[value_id] -= 1
        if self._readers[value_id] == 0:
            del self._readers[value_id]
            if value_id in self._doomed and not self._views:
                self._doomed.discard(value_id)
                self.reap([value_id])


class _ValueInPieces:
    """A value that is read piece by piece; `release()` is called once it is read or closed."""

    def __init__(
        self,
        value: DetachedValue,
        where: tuple[str, bytes],
        read_pieces: Callable[[Iterable[int]], Awaitable[Sequence[bytes]]],
        release: Callable[[], None],
    ) -> None:
        self._value = value
        self._where = where
        self._read_pieces = read_pieces
        self._release_once: Callable[[], None] | None = release
        self._loop = asyncio.get_running_loop()

    @property
    def length(self) -> int:
        """The number of bytes."""
        return self._value.length

    async def __aiter__(self) -> AsyncIterator[bytes]:
        count = piece_count(self._value.length)
        checksum = 0
        try:
            for first in range(0, count, _STEP_PIECES):
                numbers = range(first, min(first + _STEP_PIECES, count))
                for piece in await self._read_pieces(numbers):
                    checksum = zlib.crc32(piece, checksum)
                    yield piece
            if checksum != self._value.checksum:
                raise corrupt_record(*self._where, INCOMPLETE)
        finally:
            self._release()

    async def aclose(self) -> None:
        """Let the pieces go."""
        self._release()

    def __del__(self) -> None:
        # Whichever thread collects this, the engine's books belong to its loop.
        if self._release_once is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._release_once)

    def _release(self) -> None:
        release, self._release_once = self._release_once, None
        if release is not None:
            release()


async def _single(value: bytes) -> AsyncIterator[bytes]:
    yield value
