"""A client's connection to an owner: questions, their answers, and values in pieces."""

import asyncio
import itertools
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, TypeVar

from kvstore._connection import Connection
from kvstore._socket_path import short_socket_path
from kvstore._threads import settled
from kvstore._wire import (
    CHUNK_BYTES,
    MAX_UNDER_WAY,
    PROTOCOL,
    Abort,
    Answer,
    Beat,
    Change,
    Chunk,
    CloseSnapshot,
    Done,
    Failed,
    Found,
    FoundMany,
    FrameError,
    Hello,
    Invalidate,
    OpenSnapshot,
    Piece,
    ReadOn,
    Records,
    Release,
    Request,
    Taken,
    WireRecord,
    WireWrite,
    Write,
    decode_owner_message,
    error_for,
)
from kvstore.engine import Record
from kvstore.errors import EngineError, FormatTooNewError, OwnerUnavailableError

__all__ = ["Link", "OnPush"]

_GREETING_S: Final = 5.0
# How long what is under way may take when the link is closed.
_CLOSING_S: Final = 2.0
_SLICE_BYTES: Final = 65_536

A = TypeVar("A", bound=Answer)

OnPush = Callable[["Link", Beat | Invalidate | Found, Request | None], None]


class Link:
    """One connection; when it is lost, everything that waits for an answer raises."""

    def __init__(self, path: Path, on_push: OnPush) -> None:
        """Connect to the socket at `path`.

        `on_push(link, message, request)` sees, in the order in which they were sent, what the owner
        says by itself, and what it says of single keys with the question for it.
        """
        self.connection = Connection(self._receive, self._lost)
        self.numbers = itertools.count(1)
        self._path = path
        self._on_push = on_push
        self._greeting: asyncio.Future[Hello] = asyncio.get_running_loop().create_future()
        self._waiting: dict[int, tuple[asyncio.Future[Any], Request]] = {}
        self._ready: dict[int, asyncio.Event] = {}
        self._turns = asyncio.Semaphore(MAX_UNDER_WAY)

    async def open(self, *, caches: bool) -> None:
        """Connect and agree on the protocol; raise OwnerUnavailableError, FormatTooNewError."""
        try:
            with short_socket_path(self._path) as name:
                await asyncio.get_running_loop().create_unix_connection(
                    lambda: self.connection, name
                )
            self.connection.send(Hello(PROTOCOL, caches))
            hello = await asyncio.wait_for(self._greeting, _GREETING_S)
        except BaseException as error:
            self.connection.abort()
            if not isinstance(error, OSError | TimeoutError):
                raise
            raise OwnerUnavailableError(
                f"nobody serves the KV store at {self._path}: {str(error) or 'no answer in time'}"
            ) from error
        if hello.protocol != PROTOCOL:
            await self.close()
            raise FormatTooNewError(
                f"the process that serves the KV store at {self._path} speaks protocol "
                f"{hello.protocol}, this version {PROTOCOL}; use one version of edgestead for both"
            )

    @property
    def is_lost(self) -> bool:
        """Whether the connection has ended."""
        return self.connection.closed.is_set()

    async def ask(self, make_request: Callable[[int], Request], answer: type[A]) -> A:
        """Send a request and return its answer; raise the error that the owner answers with.

        A caller that is cancelled once it has asked for a change hears of it when the owner has
        answered or is gone: so nothing changes any more after this has raised.
        """
        await self._turns.acquire()
        try:
            await self.connection.drain()
            if self.is_lost:
                raise self._gone()
            id_ = next(self.numbers)
            request = make_request(id_)
            self.connection.send(request)
        except BaseException as error:
            self._turns.release()
            if isinstance(error, FrameError):
                raise EngineError(f"this cannot be asked of a KV store: {error}") from error
            raise
        # Until the answer is there, whether or not somebody still waits for it: what the owner has
        # opened for it has to be closed, and it counts what it has not answered.
        future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._waiting[id_] = (future, request)
        try:
            reply = await (asyncio.shield(future) if isinstance(request, Change) else future)
        except asyncio.CancelledError:
            if isinstance(request, Change):
                await settled(future)
            elif not future.cancelled() and future.exception() is None:
                # The answer was there, and this task about to go on.
                self._let_go(request, future.result())
            raise
        if isinstance(reply, Failed):
            raise error_for(reply)
        assert isinstance(reply, answer)  # an owner that speaks our protocol keeps it
        return reply

    async def write(
        self, writes: Sequence[WireWrite], streams: Mapping[int, AsyncIterator[bytes]]
    ) -> None:
        """Carry out writes, in which a number stands for the value in the stream of that number.

        When this has raised, no stream is being read any more, and nothing is carried out any more.
        """
        if not streams:
            await self.ask(lambda id_: Write(id_, [*writes]), Done)
            return
        writing = asyncio.create_task(self.ask(lambda id_: Write(id_, [*writes]), Done))
        sending = asyncio.create_task(self._send_streams(streams))
        try:
            await asyncio.wait([writing, sending], return_when=asyncio.FIRST_COMPLETED)
            if not writing.done():
                await sending
            await writing
        except BaseException:
            for stream in streams:
                self.connection.send(Abort(stream))
            raise
        finally:
            for task in (writing, sending):
                task.cancel()
                await settled(task)
                # What is of interest has been raised.
                _ = task.cancelled() or task.exception()

    async def _send_streams(self, streams: Mapping[int, AsyncIterator[bytes]]) -> None:
        """Send values, one after the other, chunk by chunk as the owner takes them."""
        self._ready.update({stream: asyncio.Event() for stream in streams})
        try:
            for stream, chunks in streams.items():
                async for chunk in _with_end(chunks):
                    await self._ready[stream].wait()
                    self._ready[stream].clear()
                    self.connection.send(Chunk(stream, chunk))
                    await self.connection.drain()
        finally:
            for stream in streams:
                del self._ready[stream]

    def record_of(self, found: WireRecord | None) -> Record | None:
        """Return a record that has arrived; a large value is read when it is iterated over."""
        if found is None:
            return None
        if isinstance(found.value, bytes):
            return Record(found.value, found.metadata, found.expiration)
        value = _RemoteValue(self, found.value, found.length)
        return Record(value, found.metadata, found.expiration)

    async def close(self) -> None:
        """Let what is under way finish, for a while, then end the connection."""
        waiting = [future for future, _ in self._waiting.values() if not future.done()]
        if waiting:
            await asyncio.wait(waiting, timeout=_CLOSING_S)
        await self.connection.close()

    def _receive(self, connection: Connection, data: bytes) -> None:
        message = decode_owner_message(data)
        if isinstance(message, Beat | Invalidate):
            self._on_push(self, message, None)
        elif isinstance(message, Taken):
            if message.stream in self._ready:
                self._ready[message.stream].set()
        elif isinstance(message, Hello):
            if self._greeting.done():
                raise FrameError("an owner says hello once")
            self._greeting.set_result(message)
        else:
            self._answered(message)

    def _answered(self, message: Answer) -> None:
        if message.id not in self._waiting:
            raise FrameError("an owner answers what was asked")
        future, request = self._waiting.pop(message.id)
        self._turns.release()
        if isinstance(message, Found):
            self._on_push(self, message, request)
        if not future.done():
            future.set_result(message)
            return
        # Nobody waits where the task was cancelled.
        self._let_go(request, message)

    def _let_go(self, request: Request, message: Answer) -> None:
        """Tell the owner that nobody will read what is open for an answer."""
        if isinstance(request, OpenSnapshot) and isinstance(message, Done):
            self.connection.send(CloseSnapshot(message.count))
        for record in _records_in(message):
            if record is not None and isinstance(record.value, int):
                self.connection.send(Release(record.value))

    def _lost(self, connection: Connection) -> None:
        if not self._greeting.done():
            self._greeting.set_exception(ConnectionResetError("the connection was closed"))
            # Whether or not somebody still waits for it.
            self._greeting.exception()
        for future, _ in self._waiting.values():
            self._turns.release()
            if not future.done():
                future.set_exception(self._gone())
        self._waiting.clear()

    def _gone(self) -> OwnerUnavailableError:
        return OwnerUnavailableError(
            f"the process that serves the KV store at {self._path} went away before it answered"
        )


class _RemoteValue:
    """A large value in the owner's store, read piece by piece."""

    def __init__(self, link: Link, number: int, length: int) -> None:
        self._link = link
        self._number = number
        self._length = length
        self._is_open = True
        self._loop = asyncio.get_running_loop()

    @property
    def length(self) -> int:
        """The number of bytes."""
        return self._length

    async def __aiter__(self) -> AsyncIterator[bytes]:
        try:
            while True:
                piece = await self._link.ask(lambda id_: ReadOn(id_, self._number), Piece)
                if not piece.data:
                    self._is_open = False
                    return
                for start in range(0, len(piece.data), _SLICE_BYTES):
                    yield piece.data[start : start + _SLICE_BYTES]
        finally:
            self._release()

    async def aclose(self) -> None:
        """Tell the owner that nothing more will be read."""
        self._release()

    def __del__(self) -> None:
        if self._is_open and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._release)

    def _release(self) -> None:
        if self._is_open:
            self._is_open = False
            self._link.connection.send(Release(self._number))


async def _with_end(chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """Yield chunks in slices that fit in a frame, and the empty one that says that it is over."""
    async for chunk in chunks:
        for start in range(0, len(chunk), CHUNK_BYTES):
            yield chunk[start : start + CHUNK_BYTES]
    yield b""


def _records_in(message: Answer) -> Iterator[WireRecord | None]:
    if isinstance(message, Found):
        yield message.record
    elif isinstance(message, FoundMany):
        yield from message.records
    elif isinstance(message, Records):
        yield from (record for _, record in message.records)
