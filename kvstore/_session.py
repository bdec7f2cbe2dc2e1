"""One client of an owner: what it asks, what it is answered, and what it has open."""

import asyncio
import logging
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Coroutine, Sequence
from typing import TYPE_CHECKING, Any, Final, Protocol, runtime_checkable

from kvstore._connection import Connection
from kvstore._wire import (
    CHUNK_BYTES,
    PROTOCOL,
    Abort,
    Answer,
    Beat,
    Chunk,
    CloseSnapshot,
    Done,
    Drop,
    Failed,
    Found,
    FoundMany,
    FrameError,
    Get,
    GetMany,
    Hello,
    Invalidated,
    List,
    Names,
    Namespaces,
    NextRecords,
    OpenSnapshot,
    Page,
    Piece,
    ReadOn,
    Records,
    Release,
    Request,
    Sweep,
    Taken,
    WireRecord,
    WireWrite,
    Write,
    decode_client_message,
    failure_of,
)
from kvstore.engine import Delete, Operation, Put, Record, StoredValue
from kvstore.errors import EngineError, StoreError

if TYPE_CHECKING:
    from kvstore.owner import SharedEngine

__all__ = ["ReadsAtOnce", "Session"]

# A client that asks for more at once waits, in its own process.
_MAX_UNDER_WAY: Final = 512
_ANSWER_BYTES: Final = 16 * 1024 * 1024
# What a key, metadata and the rest of a record take in a message, about.
_ENTRY_BYTES: Final = 256

logger = logging.getLogger(__name__)


@runtime_checkable
class ReadsAtOnce(Protocol):
    """An engine that has most answers without waiting."""

    def get_at_once(self, namespace: str, key: bytes) -> tuple[bool, Record | None]:
        """Return whether the answer is at hand, and the record."""


class Session:
    """Answers one client; its requests run side by side."""

    def __init__(self, owner: "SharedEngine", *, on_end: Callable[["Session"], None]) -> None:
        self.connection = Connection(self._receive, self._lost)
        self.caches = False
        self._owner = owner
        self._reads_at_once = owner.engine if isinstance(owner.engine, ReadsAtOnce) else None
        self._on_end = on_end
        self._greeted = False
        self._confirmed = 0
        self._confirmations: dict[int, asyncio.Future[None]] = {}
        self._under_way: set[asyncio.Task[None]] = set()
        self._uploads: dict[int, _Upload] = {}
        self._values: dict[int, tuple[StoredValue, AsyncIterator[bytes]]] = {}
        self._snapshots: dict[int, AsyncGenerator[tuple[bytes, Record], None]] = {}
        self._next_value = 0

    def confirmation(self, number: int) -> asyncio.Future[None]:
        """Return what is done when the client has confirmed an invalidation, or is gone."""
        future = asyncio.get_running_loop().create_future()
        self._confirmations[number] = future
        return future

    def has_confirmed(self, number: int) -> bool:
        """Tell whether the client has confirmed an invalidation."""
        return self._confirmed >= number

    async def close(self) -> None:
        """Let requests finish, then end the connection."""
        if self._under_way:
            await asyncio.wait(self._under_way)
        self.connection.close()
        await self.connection.closed.wait()

    # What arrives

    def _receive(self, connection: Connection, data: bytes) -> None:
        message = decode_client_message(data)
        if not self._greeted:
            self._greet(message)
        elif isinstance(message, Get) and self._reads_at_once is not None:
            self._get_at_once(message, self._reads_at_once)
        elif isinstance(message, Request):
            self._begin(self._answer(message), message.id)
        elif isinstance(message, Chunk):
            self._upload(message.stream).add(message.data)
        elif isinstance(message, Abort):
            self._upload(message.stream).break_off("the client gave it up")
        elif isinstance(message, Release):
            self._release(message.value)
        elif isinstance(message, CloseSnapshot):
            self._close_snapshot(message.snapshot)
        elif isinstance(message, Invalidated):
            self._confirm(message.number)
        else:
            raise FrameError("a client says hello once")

    def _greet(self, message: object) -> None:
        if not isinstance(message, Hello):
            raise FrameError("a client says hello first")
        self.connection.send(Hello(PROTOCOL))
        if message.protocol != PROTOCOL:
            self.connection.close()
            return
        self._greeted = True
        self.caches = message.caches
        if self.caches:
            self.connection.send(Beat(self._owner.trusted_until))

    def _get_at_once(self, request: Get, engine: ReadsAtOnce) -> None:
        try:
            at_hand, record = engine.get_at_once(request.namespace, request.key)
        except StoreError as error:
            self.connection.send(failure_of(request.id, error))
            return
        if at_hand:
            self.connection.send(Found(request.id, self._wire(record), True))
        else:
            self._begin(self._answer(request), request.id)

    def _confirm(self, number: int) -> None:
        self._confirmed = max(self._confirmed, number)
        confirmation = self._confirmations.pop(number, None)
        if confirmation is not None and not confirmation.done():
            confirmation.set_result(None)

    def _lost(self, connection: Connection) -> None:
        self.caches = False
        for confirmation in self._confirmations.values():
            if not confirmation.done():
                confirmation.set_result(None)
        for upload in self._uploads.values():
            upload.break_off("the client is gone")
        for task in self._under_way:
            # A write that has begun is carried out; its client cannot know.
            task.add_done_callback(lambda _: self._release_all())
        self._release_all()
        self._on_end(self)

    # What is answered

    def _begin(self, work: Coroutine[Any, Any, Answer], id_: int) -> None:
        task = asyncio.create_task(self._finish(work, id_))
        self._under_way.add(task)
        task.add_done_callback(self._end)
        if len(self._under_way) == _MAX_UNDER_WAY:
            self.connection.pause_reading()

    def _end(self, task: asyncio.Task[None]) -> None:
        self._under_way.discard(task)
        if len(self._under_way) == _MAX_UNDER_WAY - 1:
            self.connection.resume_reading()

    async def _finish(self, work: Coroutine[Any, Any, Answer], id_: int) -> None:
        try:
            answer = await work
            await self.connection.drain()
            self.connection.send(answer)
        except StoreError as error:
            self.connection.send(failure_of(id_, error))
        except Exception as error:
            logger.exception("a request of a KV client failed")
            fault = f"the owner of the KV store failed: {type(error).__name__}"
            self.connection.send(Failed(id_, EngineError.code, fault))

    async def _answer(self, request: Request) -> Answer:
        match request:
            case Get():
                return await self._get(request)
            case GetMany():
                records = await self._owner.get_many(request.namespace, request.keys)
                return FoundMany(request.id, self._wire_many(records))
            case Write():
                return await self._write(request)
            case List():
                entries, more = await self._owner.list(
                    request.namespace, request.prefix, request.after, request.limit
                )
                return Page(request.id, [*entries], more)
            case Namespaces():
                return Names(request.id, [*await self._owner.namespaces()])
            case OpenSnapshot():
                self._next_value += 1
                self._snapshots[self._next_value] = self._owner.snapshot(request.namespace)
                return Done(request.id, self._next_value)
            case NextRecords():
                return await self._next_records(request)
            case Drop():
                await self._owner.drop(request.namespace, self)
                return Done(request.id)
            case Sweep():
                return Done(request.id, await self._owner.sweep(request.limit))
            case ReadOn():
                return await self._read_on(request)

    async def _get(self, request: Get) -> Found:
        before = self._owner.invalidations
        record = await self._owner.get(request.namespace, request.key)
        # Another client may have been told of a write while this was read.
        is_current = self._owner.invalidations == before
        return Found(request.id, self._wire(record), is_current)

    async def _write(self, request: Write) -> Done:
        streams = [write.value for write in request.writes if isinstance(write.value, int)]
        for stream in streams:
            self._uploads[stream] = _Upload(stream, self.connection)
        try:
            await self._owner.write([self._operation(write) for write in request.writes], self)
        finally:
            for stream in streams:
                del self._uploads[stream]
        return Done(request.id)

    async def _next_records(self, request: NextRecords) -> Records:
        snapshot = self._snapshots.get(request.snapshot)
        if snapshot is None:
            raise EngineError("a snapshot of a KV namespace is read on after its end")
        found: list[tuple[bytes, WireRecord]] = []
        size = 0
        async for key, record in snapshot:
            wired = self._wire(record)
            assert wired is not None  # there is a record
            found.append((key, wired))
            size += _ENTRY_BYTES + wired.length
            # A value that is read in pieces is read before the next step.
            if size > CHUNK_BYTES or not isinstance(record.value, bytes):
                break
        if not found:
            del self._snapshots[request.snapshot]
        return Records(request.id, found)

    def _operation(self, write: WireWrite) -> Operation:
        if write.value is None:
            return Delete(write.namespace, write.key)
        if isinstance(write.value, bytes):
            value: bytes | AsyncIterator[bytes] = write.value
        else:
            value = self._uploads[write.value].chunks()
        return Put(write.namespace, write.key, value, write.metadata, write.expiration)

    # Values in pieces

    def _upload(self, stream: int) -> "_Upload":
        # What is still under way for a write that has failed goes nowhere.
        return self._uploads.get(stream) or _Upload(stream, self.connection)

    def _wire(self, record: Record | None) -> WireRecord | None:
        if record is None:
            return None
        value = record.value
        if isinstance(value, bytes):
            return WireRecord(value, len(value), record.metadata, record.expiration)
        self._next_value += 1
        self._values[self._next_value] = (value, aiter(value))
        return WireRecord(self._next_value, value.length, record.metadata, record.expiration)

    def _wire_many(self, records: Sequence[Record | None]) -> list[WireRecord | None]:
        """Send as many values along as fit in a message; the others are read in pieces."""
        wired: list[WireRecord | None] = []
        size = 0
        for record in records:
            if record is not None and isinstance(record.value, bytes):
                size += len(record.value)
                if size > _ANSWER_BYTES:
                    record = record._replace(value=_HeldValue(record.value))
            wired.append(self._wire(record))
        return wired

    async def _read_on(self, request: ReadOn) -> Piece:
        if request.value not in self._values:
            raise EngineError("a large value is read on after its end")
        _, pieces = self._values[request.value]
        try:
            return Piece(request.id, await anext(pieces))
        except StopAsyncIteration:
            self._values.pop(request.value, None)
            return Piece(request.id, b"")
        except BaseException:
            self._values.pop(request.value, None)
            raise

    def _release(self, value_id: int) -> None:
        value, _ = self._values.pop(value_id, (None, None))
        if value is not None:
            self._in_background(value.aclose())

    def _close_snapshot(self, number: int) -> None:
        snapshot = self._snapshots.pop(number, None)
        if snapshot is not None:
            self._in_background(snapshot.aclose())

    def _release_all(self) -> None:
        for value_id in list(self._values):
            self._release(value_id)
        for number in list(self._snapshots):
            self._close_snapshot(number)

    def _in_background(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._under_way.add(task)
        task.add_done_callback(self._end)


class _HeldValue:
    """A value in memory that is read in one piece."""

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


class _Upload:
    """A value on its way from a client: the next chunk is asked for when one has been taken."""

    def __init__(self, stream: int, connection: Connection) -> None:
        self._stream = stream
        self._connection = connection
        self._chunk: bytes | None = None
        self._fault: str | None = None
        self._arrived = asyncio.Event()

    def add(self, chunk: bytes) -> None:
        """Take a chunk that has arrived."""
        self._chunk = chunk
        self._arrived.set()

    def break_off(self, fault: str) -> None:
        """End it with an error."""
        self._fault = fault
        self._arrived.set()

    async def chunks(self) -> AsyncIterator[bytes]:
        """Yield the chunks as they come."""
        while True:
            self._connection.send(Taken(self._stream))
            await self._arrived.wait()
            self._arrived.clear()
            if self._fault is not None:
                raise EngineError(f"a value on its way to the KV store broke off: {self._fault}")
            if not self._chunk:
                return
            yield self._chunk
