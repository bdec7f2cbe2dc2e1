"""A client's connection to an owner: questions, their answers, and values in pieces."""

import asyncio
import itertools
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any, Final, TypeVar

from kvstore._connection import Connection
from kvstore._socket_path import short_socket_path
from kvstore._wire import (
    CHUNK_BYTES,
    PROTOCOL,
    Abort,
    Answer,
    Beat,
    Chunk,
    Failed,
    Found,
    FoundMany,
    FrameError,
    Hello,
    Invalidate,
    Piece,
    ReadOn,
    Release,
    Request,
    Taken,
    WireRecord,
    decode_owner_message,
    error_for,
)
from kvstore.engine import Record
from kvstore.errors import FormatTooNewError, OwnerUnavailableError

__all__ = ["Link", "OnPush"]

_MAX_UNDER_WAY: Final = 1024
_GREETING_S: Final = 5.0

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
        self._turns = asyncio.Semaphore(_MAX_UNDER_WAY)

    async def open(self, *, caches: bool) -> None:
        """Connect and agree on the protocol; raise OwnerUnavailableError, FormatTooNewError."""
        try:
            with short_socket_path(self._path) as name:
                await asyncio.get_running_loop().create_unix_connection(
                    lambda: self.connection, name
                )
            self.connection.send(Hello(PROTOCOL, caches))
            hello = await asyncio.wait_for(self._greeting, _GREETING_S)
        except (OSError, TimeoutError) as error:
            self.connection.abort()
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
        """Send a request and return its answer; raise the error that the owner answers with."""
        async with self._turns:
            await self.connection.drain()
            id_ = next(self.numbers)
            request = make_request(id_)
            future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
            self._waiting[id_] = (future, request)
            try:
                if self.is_lost:
                    raise self._gone()
                self.connection.send(request)
                reply = await future
            finally:
                self._waiting.pop(id_, None)
        if isinstance(reply, Failed):
            raise error_for(reply)
        assert isinstance(reply, answer)  # an owner that speaks our protocol keeps it
        return reply

    async def send_stream(
        self, stream: int, chunks: AsyncIterator[bytes], writing: asyncio.Future[Any]
    ) -> None:
        """Send a value, chunk by chunk as the owner takes it, unless `writing` has ended before."""
        self._ready[stream] = ready = asyncio.Event()
        writing.add_done_callback(lambda _: ready.set())
        try:
            async for chunk in _with_end(chunks):
                await ready.wait()
                if writing.done():
                    return
                ready.clear()
                self.connection.send(Chunk(stream, chunk))
                await self.connection.drain()
        except BaseException:
            self.connection.send(Abort(stream))
            raise
        finally:
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
        """End the connection."""
        if not self.is_lost:
            self.connection.close()
            await self.connection.closed.wait()

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
        future, request = self._waiting.pop(message.id, (None, None))
        if isinstance(message, Found):
            self._on_push(self, message, request)
        if future is not None and not future.done():
            future.set_result(message)
            return
        # Nobody waits where the task was cancelled; then nobody will read what is open for it.
        records = [message.record] if isinstance(message, Found) else []
        for record in message.records if isinstance(message, FoundMany) else records:
            if record is not None and isinstance(record.value, int):
                self.connection.send(Release(record.value))

    def _lost(self, connection: Connection) -> None:
        if not self._greeting.done():
            self._greeting.set_exception(ConnectionResetError("the connection was closed"))
        for future, _ in self._waiting.values():
            if not future.done():
                future.set_exception(self._gone())

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
                yield piece.data
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
