"""One client of an owner: what it asks, what it is answered, and what it has open."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from typing import TYPE_CHECKING, Any, Final, Protocol, runtime_checkable

from kvstore._connection import Connection
from kvstore._held import IDLE_S, Held
from kvstore._wire import (
    MAX_UNDER_WAY,
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
    Records,
    Release,
    Request,
    Sweep,
    Taken,
    WireWrite,
    Write,
    decode_client_message,
    failure_of,
)
from kvstore.engine import Delete, Operation, Put, Record
from kvstore.errors import EngineError, StoreError

if TYPE_CHECKING:
    from kvstore.owner import SharedEngine

__all__ = ["ReadsAtOnce", "Session"]

# How long requests may take to end when the owner closes.
_CLOSING_S: Final = 2.0

logger = logging.getLogger(__name__)


@runtime_checkable
class ReadsAtOnce(Protocol):
    """An engine that has most answers without waiting."""

    def get_at_once(self, namespace: str, key: bytes) -> tuple[bool, Record | None]:
        """Return whether the answer is at hand, and the record."""


class Session:
    """Answers one client; its requests run side by side, and begin in their order."""

    def __init__(
        self,
        owner: "SharedEngine",
        *,
        on_lost: Callable[["Session"], None],
        on_end: Callable[["Session"], None],
    ) -> None:
        """`on_lost` hears of it when the client is gone, `on_end` when all is done for it."""
        self.connection = Connection(self._receive, self._lost)
        self.caches = False
        self._owner = owner
        self._reads_at_once = owner.engine if isinstance(owner.engine, ReadsAtOnce) else None
        self._on_lost = on_lost
        self._on_end = on_end
        self._greeted = False
        self._trusted_until = 0.0
        self._requests: set[asyncio.Task[None]] = set()
        self._cleaning: set[asyncio.Task[None]] = set()
        self._ending: asyncio.Task[None] | None = None
        self._uploads: dict[int, _Upload] = {}
        self._held = Held(self._in_background)

    @property
    def trusted_until(self) -> float:
        """Until when the client may trust what it keeps, by the monotonic clock."""
        return self._trusted_until

    def trust(self, until: float) -> None:
        """Tell the client until when it may trust what it keeps; before its next request."""
        # What it was told before holds until it has heard of this.
        self._trusted_until = max(self._trusted_until, until)
        self.connection.send(Beat(until))

    def let_go_of_idle(self, now: float) -> None:
        """Let go what the client has not read on for a long time."""
        self._held.release_all(unused_since=now - IDLE_S)

    async def close(self) -> None:
        """Let requests finish, for a while, then end the connection."""
        if self._requests:
            await asyncio.wait(self._requests, timeout=_CLOSING_S)
        await self.connection.close()
        if self._ending is not None:
            await self._ending

    # What arrives

    def _receive(self, connection: Connection, data: bytes) -> None:
        message = decode_client_message(data)
        if not self._greeted:
            self._greet(message)
        elif isinstance(message, Get) and self._reads_at_once is not None:
            self._get_at_once(message, self._reads_at_once)
        elif isinstance(message, Request):
            self._begin(message)
        elif isinstance(message, Chunk):
            # What is still under way for a write that has failed goes nowhere.
            if message.stream in self._uploads:
                self._uploads[message.stream].add(message.data)
        elif isinstance(message, Abort):
            if message.stream in self._uploads:
                self._uploads[message.stream].writing.cancel()
        elif isinstance(message, Release):
            self._held.release(message.value)
        elif isinstance(message, CloseSnapshot):
            self._held.close_snapshot(message.snapshot)
        elif isinstance(message, Invalidated):
            self._owner.confirm(self, message.number)
        else:
            raise FrameError("a client says hello once")

    def _greet(self, message: object) -> None:
        if not isinstance(message, Hello):
            raise FrameError("a client says hello first")
        self.connection.send(Hello(PROTOCOL))
        if message.protocol != PROTOCOL:
            self._in_background(self.connection.close())
            return
        self._greeted = True
        if message.caches:
            self.caches = True
            self._owner.begin_trust(self)

    def _get_at_once(self, request: Get, engine: ReadsAtOnce) -> None:
        if not self.connection.is_writable:
            self._begin(request)
            return
        try:
            at_hand, record = engine.get_at_once(request.namespace, request.key)
        except Exception as error:
            self._fail(request, error)
            return
        if at_hand:
            wired = None if record is None else self._held.wired(record)
            self.connection.send(Found(request.id, wired, True))
        else:
            self._begin(request)

    def _lost(self, connection: Connection) -> None:
        self.caches = False
        for upload in self._uploads.values():
            # Without its value the write cannot go on. Others are carried out; the client cannot
            # know.
            upload.writing.cancel()
        self._on_lost(self)
        self._ending = asyncio.create_task(self._end_all())

    async def _end_all(self) -> None:
        self._held.release_all()
        while self._requests:
            await asyncio.wait(self._requests)
        self._held.release_all()
        while self._cleaning:
            await asyncio.wait(self._cleaning)
        self._on_end(self)

    # What is answered

    def _begin(self, request: Request) -> None:
        if len(self._requests) >= MAX_UNDER_WAY:
            raise FrameError(f"a client has sent more than {MAX_UNDER_WAY} requests at once")
        streams = _streams_of(request)
        if len(set(streams)) < len(streams) or not self._uploads.keys().isdisjoint(streams):
            raise FrameError("a client has given two streams one number")
        task = asyncio.create_task(self._finish(request))
        self._requests.add(task)
        for stream in streams:
            # Now: the next message may be about it.
            self._uploads[stream] = _Upload(stream, self.connection, task)
        task.add_done_callback(lambda task: self._end(task, request))

    def _end(self, task: asyncio.Task[None], request: Request) -> None:
        self._requests.discard(task)
        for stream in _streams_of(request):
            del self._uploads[stream]
        if task.cancelled():
            fault = "a value on its way to the KV store broke off: the client gave it up"
            self.connection.send(Failed(request.id, EngineError.code, fault))

    async def _finish(self, request: Request) -> None:
        invalidations = self._owner.invalidations
        try:
            answer = await self._answer(request)
            await self.connection.drain()
            if isinstance(answer, Found):
                # Somebody may have written meanwhile, and the client have been told before this.
                may_cache = self._owner.invalidations == invalidations
                answer = Found(answer.id, answer.record, may_cache)
            self.connection.send(answer)
        except Exception as error:
            self._fail(request, error)

    def _fail(self, request: Request, error: Exception) -> None:
        if isinstance(error, StoreError):
            self.connection.send(failure_of(request.id, error))
            return
        logger.error("a request of a KV client failed", exc_info=error)
        fault = f"the owner of the KV store failed: {type(error).__name__}"
        self.connection.send(Failed(request.id, EngineError.code, fault))

    async def _answer(self, request: Request) -> Answer:
        owner, held = self._owner, self._held
        match request:
            case Get(id_, namespace, key):
                record = await owner.get(namespace, key)
                return Found(id_, None if record is None else held.wired(record), False)
            case GetMany(id_, namespace, keys):
                return FoundMany(id_, held.wired_many(await owner.get_many(namespace, keys)))
            case Write(id_, writes):
                await owner.write([self._operation(write) for write in writes], self)
                return Done(id_)
            case List(id_, namespace, prefix, after, limit):
                entries, more = await owner.list(namespace, prefix, after, limit)
                return Page(id_, [*entries], more)
            case Namespaces(id_):
                return Names(id_, [*await owner.namespaces()])
            case OpenSnapshot(id_, namespace):
                return Done(id_, held.open_snapshot(owner.snapshot(namespace)))
            case NextRecords(id_, number):
                return Records(id_, await held.next_records(number))
            case Drop(id_, namespace):
                await owner.drop(namespace, self)
                return Done(id_)
            case Sweep(id_, limit):
                return Done(id_, await owner.sweep(limit))
        return Piece(request.id, await held.read_on(request.value))

    def _operation(self, write: WireWrite) -> Operation:
        if write.value is None:
            return Delete(write.namespace, write.key)
        if isinstance(write.value, bytes):
            value: bytes | AsyncIterator[bytes] = write.value
        else:
            value = self._uploads[write.value].chunks()
        return Put(write.namespace, write.key, value, write.metadata, write.expiration)

    def _in_background(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._cleaning.add(task)
        task.add_done_callback(self._cleaning.discard)


def _streams_of(request: Request) -> Sequence[int]:
    """Return the numbers of the streams in which values of a request arrive."""
    if not isinstance(request, Write):
        return ()
    return [write.value for write in request.writes if isinstance(write.value, int)]


class _Upload:
    """A value on its way from a client: the next chunk is asked for when one has been taken."""

    def __init__(self, stream: int, connection: Connection, writing: asyncio.Task[None]) -> None:
        self.writing = writing
        self._stream = stream
        self._connection = connection
        self._chunk = b""
        self._is_asked_for = False
        self._arrived = asyncio.Event()

    def add(self, chunk: bytes) -> None:
        """Take a chunk that has arrived; raise FrameError where none was asked for."""
        if not self._is_asked_for:
            raise FrameError("a client has sent a part of a value that was not asked for")
        self._is_asked_for = False
        self._chunk = chunk
        self._arrived.set()

    async def chunks(self) -> AsyncIterator[bytes]:
        """Yield the chunks as they come."""
        while True:
            self._is_asked_for = True
            self._connection.send(Taken(self._stream))
            await self._arrived.wait()
            self._arrived.clear()
            if not self._chunk:
                return
            yield self._chunk
