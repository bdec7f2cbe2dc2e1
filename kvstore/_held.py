"""What an owner holds open for a client: large values that it reads, and snapshots."""

import asyncio
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Coroutine, Sequence
from typing import Any, Final

from kvstore._wire import CHUNK_BYTES, WireRecord
from kvstore.engine import Record, StoredValue
from kvstore.errors import EngineError

__all__ = ["Held", "IDLE_S"]

IDLE_S: Final = 600.0
"""How long something is held that its client does not read on, in seconds."""

_ANSWER_BYTES: Final = 16 * 1024 * 1024
# What a key, metadata and the rest of a record take in a message, about.
_ENTRY_BYTES: Final = 256

_Snapshot = AsyncGenerator[tuple[bytes, Record], None]


class Held:
    """Values and snapshots by the numbers that a client knows them by."""

    def __init__(self, in_background: Callable[[Coroutine[Any, Any, None]], None]) -> None:
        """`in_background(work)` sees to what nobody waits for."""
        self._in_background = in_background
        self._values: dict[int, _OpenValue] = {}
        self._snapshots: dict[int, _OpenSnapshot] = {}
        self._last_number = 0

    def wired(self, record: Record) -> WireRecord:
        """Return a record as it is sent; a large value is held until it is read."""
        value = record.value
        if isinstance(value, bytes):
            return WireRecord(value, len(value), record.metadata, record.expiration)
        number = self._next_number()
        self._values[number] = _OpenValue(value)
        return WireRecord(number, value.length, record.metadata, record.expiration)

    def wired_many(self, records: Sequence[Record | None]) -> list[WireRecord | None]:
        """Return records as they are sent: as many values as fit in a message, others held."""
        wired: list[WireRecord | None] = []
        size = 0
        for record in records:
            if record is None:
                wired.append(None)
                continue
            if isinstance(record.value, bytes):
                size += len(record.value)
                if size > _ANSWER_BYTES:
                    record = record._replace(value=_ValueInMemory(record.value))
            wired.append(self.wired(record))
        return wired

    async def read_on(self, number: int) -> bytes:
        """Return the next part of a value, nothing at its end."""
        value = self._values.get(number)
        if value is None:
            raise EngineError("a large value is read on after its end")
        try:
            part = await value.read_on()
        except BaseException:
            self._values.pop(number, None)
            raise
        if not part:
            self._values.pop(number, None)
        return part

    def release(self, number: int) -> None:
        """Let a value go."""
        value = self._values.pop(number, None)
        if value is not None:
            self._in_background(value.aclose())

    def open_snapshot(self, snapshot: _Snapshot) -> int:
        """Hold a snapshot; return its number."""
        number = self._next_number()
        self._snapshots[number] = _OpenSnapshot(snapshot)
        return number

    async def next_records(self, number: int) -> list[tuple[bytes, WireRecord]]:
        """Return the next records of a snapshot, none at its end."""
        snapshot = self._snapshots.get(number)
        if snapshot is None:
            raise EngineError("a snapshot of a KV namespace is read on after its end")
        found: list[tuple[bytes, WireRecord]] = []
        size = 0
        async with snapshot.turn:
            snapshot.used_at = time.monotonic()
            async for key, record in snapshot.records:
                wired = self.wired(record)
                found.append((key, wired))
                size += _ENTRY_BYTES + wired.length
                # A value that is read in pieces is read before the next step.
                if size > CHUNK_BYTES or not isinstance(record.value, bytes):
                    break
        if not found:
            self._snapshots.pop(number, None)
        return found

    def close_snapshot(self, number: int) -> None:
        """Let a snapshot go."""
        snapshot = self._snapshots.pop(number, None)
        if snapshot is not None:
            self._in_background(snapshot.aclose())

    def release_all(self, *, unused_since: float | None = None) -> None:
        """Let everything go, or what has not been read on since a moment of the monotonic clock."""
        for number, value in list(self._values.items()):
            if unused_since is None or value.used_at < unused_since:
                self.release(number)
        for number, snapshot in list(self._snapshots.items()):
            if unused_since is None or snapshot.used_at < unused_since:
                self.close_snapshot(number)

    def _next_number(self) -> int:
        self._last_number += 1
        return self._last_number


class _OpenValue:
    """A value that is being read."""

    def __init__(self, value: StoredValue) -> None:
        self.used_at = time.monotonic()
        self._value = value
        self._pieces = aiter(value)

    async def read_on(self) -> bytes:
        self.used_at = time.monotonic()
        part = bytearray()
        async for piece in self._pieces:
            part += piece
            if len(part) >= CHUNK_BYTES:
                break
        return bytes(part)

    async def aclose(self) -> None:
        await self._value.aclose()


class _OpenSnapshot:
    """A snapshot that is being read, by one request at a time."""

    def __init__(self, records: _Snapshot) -> None:
        self.used_at = time.monotonic()
        self.turn = asyncio.Lock()
        self.records = records

    async def aclose(self) -> None:
        async with self.turn:
            await self.records.aclose()


class _ValueInMemory:
    """A value that is at hand and read in one piece."""

    def __init__(self, value: bytes) -> None:
        self._value = value

    @property
    def length(self) -> int:
        """The number of bytes."""
        return len(self._value)

    async def __aiter__(self) -> AsyncIterator[bytes]:
        yield self._value

    async def aclose(self) -> None:
        """Let it go."""
        self._value = b""
