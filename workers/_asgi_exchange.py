"""One request and its response, as an ASGI application receives and sends them."""

import asyncio
import logging
from collections import deque
from collections.abc import AsyncIterator
from typing import Final

from workers._asgi_types import Application, Event, Scope
from workers._chunks import close_iterator
from workers.body import Body
from workers.request import Request
from workers.response import NULL_BODY_STATUSES, Response

__all__ = ["Exchange"]

logger = logging.getLogger(__name__)

_MAX_BUFFERED_BYTES: Final = 65_536


class Exchange:
    """Carries a request's body to the application and makes a Response of what it sends."""

    __slots__ = (
        "_finished",
        "_headers",
        "_incoming",
        "_received",
        "_request",
        "_status",
        "_stream",
        "response",
    )

    response: asyncio.Future[Response]
    """Has the response, or the application's error, as soon as its body has begun."""

    def __init__(self, request: Request) -> None:
        self.response = asyncio.get_running_loop().create_future()
        self._request = request
        self._incoming: AsyncIterator[bytes] | None = None
        self._received = False
        self._status: int | None = None
        self._headers: list[tuple[str, str]] = []
        self._stream: _ResponseStream | None = None
        # Set when the response is complete, or its reader has gone.
        self._finished = asyncio.Event()

    async def run(self, app: Application, scope: Scope) -> None:
        """Run the application, and end the response whatever becomes of it.

        Raises nothing that `response` or the log has, but for being cancelled.
        """
        try:
            await app(scope, self._receive, self._send)
            if not self.response.done():
                raise RuntimeError("the ASGI application returned without sending a response")
            if not self._finished.is_set():
                raise RuntimeError("the ASGI application returned before its response was complete")
        except asyncio.CancelledError as error:
            self._fail(error)
            raise
        except BaseException as error:
            if not self._fail(error):
                raise
        finally:
            if self._incoming is not None:
                await close_iterator(self._incoming)

    async def _receive(self) -> Event:
        if self._received or self._finished.is_set():
            await self._finished.wait()
            return {"type": "http.disconnect"}
        if self._incoming is None:
            body = self._request.take_body()
            if body is None or isinstance(body, bytes):
                self._received = True
                return {"type": "http.request", "body": body or b"", "more_body": False}
            self._incoming = body
        try:
            chunk = await anext(self._incoming, None)
        except ConnectionError:
            return {"type": "http.disconnect"}
        self._received = chunk is None
        return {"type": "http.request", "body": chunk or b"", "more_body": chunk is not None}

    async def _send(self, event: Event) -> None:
        kind = event["type"]
        if kind == "http.response.start" and self._status is None:
            self._status = event["status"]
            self._headers = [
                (_header_text(name), _header_text(value))
                for name, value in event.get("headers", ())
            ]
        elif kind == "http.response.body" and self._status is not None:
            await self._send_body(event.get("body", b""), event.get("more_body", False))
        else:
            stage = "not begun" if self._status is None else "begun"
            raise RuntimeError(f"unexpected ASGI event {kind!r}: the response is {stage}")

    async def _send_body(self, data: bytes, more: bool) -> None:
        if self._stream is not None and self._stream.closed:
            raise _ClientGoneError
        if self._finished.is_set():
            raise RuntimeError("unexpected ASGI event 'http.response.body': the response is whole")
        if not self.response.done():
            self._begin(bytes(data), streaming=more)
        elif self._stream is not None:
            self._stream.add(bytes(data))
        if not more:
            self._finished.set()
            if self._stream is not None:
                self._stream.finish()
        elif self._stream is None:
            # Nobody reads a body that is not sent, so nothing else lets other requests run.
            await asyncio.sleep(0)
        elif await self._stream.is_abandoned():
            raise _ClientGoneError

    def _begin(self, data: bytes, *, streaming: bool) -> None:
        """Make the response, now that it is known whether its body comes in one piece."""
        assert self._status is not None  # the caller has asked
        body: bytes | Body | None = data
        if self._status in NULL_BODY_STATUSES or self._request.method == "HEAD":
            body = None
        elif streaming:
            self._stream = _ResponseStream(self._finished)
            self._stream.add(data)
            body = Body.trusted(self._stream, length=_declared_length(self._headers))
        self.response.set_result(Response(body, self._status, headers=self._headers))

    def _fail(self, error: BaseException) -> bool:
        """End the response by `error`; tell whether somebody has heard of it."""
        heard = not self.response.done()
        if heard and isinstance(error, asyncio.CancelledError):
            self.response.cancel()
        elif heard:
            self.response.set_exception(error)
        elif isinstance(error, Exception):
            heard = True
            if not _is_caused_by_disconnect(error):
                logger.error("the ASGI application failed after its response began", exc_info=error)
        if self._stream is not None:
            self._stream.finish(error)
        self._finished.set()
        return heard


class _ClientGoneError(OSError):
    """What `send` raises after the reader of the response has gone."""

    def __init__(self) -> None:
        super().__init__("the client has disconnected")


class _ResponseStream:
    """The chunks between an application that writes and a server that reads."""

    __slots__ = ("_changed", "_chunks", "_disconnect", "_ended", "_error", "_size", "closed")

    def __init__(self, disconnect: asyncio.Event) -> None:
        self.closed = False
        self._chunks: deque[bytes] = deque()
        self._size = 0
        self._ended = False
        self._error: BaseException | None = None
        # Reader and writer never wait at the same time: one for no chunks, the other for many.
        self._changed = asyncio.Event()
        self._disconnect = disconnect

    def __aiter__(self) -> "_ResponseStream":
        return self

    async def __anext__(self) -> bytes:
        while not self._chunks:
            if self._error is not None:
                raise OSError("the ASGI application failed while it sent its response") from (
                    self._error
                )
            if self._ended:
                raise StopAsyncIteration
            self._changed.clear()
            await self._changed.wait()
        chunk = self._chunks.popleft()
        self._size -= len(chunk)
        self._changed.set()
        return chunk

    def add(self, chunk: bytes) -> None:
        """Put a chunk at the end; an empty one would read as the end and is passed over."""
        if chunk:
            self._chunks.append(chunk)
            self._size += len(chunk)
            self._changed.set()

    async def is_abandoned(self) -> bool:
        """Wait while much is unread; tell whether the reader has gone."""
        while self._size > _MAX_BUFFERED_BYTES and not self.closed:
            self._changed.clear()
            await self._changed.wait()
        return self.closed

    def finish(self, error: BaseException | None = None) -> None:
        """Let the reader come to the end, or to `error`."""
        if not self._ended:
            self._ended = True
            self._error = error
            self._changed.set()

    async def aclose(self) -> None:
        """Tell the application that its reader has gone, unless all is written."""
        if not self._ended:
            self.closed = self._ended = True
            self._disconnect.set()
        self._chunks.clear()
        self._size = 0
        self._changed.set()


def _declared_length(headers: list[tuple[str, str]]) -> int | None:
    """Return the size that the application promises for what it streams."""
    for name, value in headers:
        if name.lower() == "content-length" and value.isascii() and value.isdigit():
            return int(value)
    return None


def _header_text(raw: bytes) -> str:
    try:
        return raw.decode()
    except UnicodeDecodeError:
        # Such text is sent as UTF-8 then, as every header is.
        return raw.decode("latin-1")


def _is_caused_by_disconnect(error: BaseException | None) -> bool:
    while error is not None and not isinstance(error, _ClientGoneError):
        error = error.__cause__ or error.__context__
    return error is not None
