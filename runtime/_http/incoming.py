"""What arrives on a socket, as a worker gets it; and what no worker gets to see."""

import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import ClassVar

from aiohttp import hdrs, web

from runtime._http.header_text import clean_header
from workers import Request

__all__ = [
    "MAX_BODY_BYTES",
    "IncomingBody",
    "RefusedError",
    "client_headers",
    "open_body",
    "read_target",
]

# Cloudflare's limit for a request body on its free and pro plans.
MAX_BODY_BYTES = 100 * 1024 * 1024

# A host and perhaps a port; nothing that could end the authority of a URL.
_HOST = re.compile(r"(?:\[[0-9A-Fa-f:.]+\]|[\w.-]+)(?::[0-9]+)?", re.ASCII)
# What the runtime says of a connection; a client's own are never believed.
_SET_BY_RUNTIME = frozenset({"cf-connecting-ip", "cf-ray", "x-forwarded-proto"})
_REFUSED_METHODS = frozenset({"CONNECT", "TRACE"})


class RefusedError(ValueError):
    """A request that the runtime answers in the worker's place, with `status` and this text."""

    status: ClassVar[int] = 400
    headers: ClassVar[Mapping[str, str]] = {}


class BodyTooLargeError(RefusedError):
    """A request body over the limit."""

    status: ClassVar[int] = 413

    def __init__(self, limit_bytes: int) -> None:
        super().__init__(f"request body over {limit_bytes} bytes")


class MethodRefusedError(RefusedError):
    """A method that Cloudflare's edge keeps from workers."""

    status: ClassVar[int] = 405
    headers: ClassVar[Mapping[str, str]] = {"Allow": "DELETE, GET, HEAD, OPTIONS, PATCH, POST, PUT"}


class WebSocketRefusedError(RefusedError):
    """A client asks to go on in the WebSocket protocol."""

    status: ClassVar[int] = 501

    def __init__(self) -> None:
        super().__init__("WebSockets are not served yet; they come with edgestead 0.2")


def read_target(raw: web.BaseRequest) -> tuple[str, str]:
    """Return the host (with port) and the path with query, both as they were sent.

    A target in absolute form names the host itself and wins over the header, as RFC 9112, 3.2.2
    has it. Raises RefusedError where there is no URL to be made of them.
    """
    target = raw.raw_path
    host = raw.headers.get(hdrs.HOST)
    if not target.startswith("/"):
        host, target = _absolute_target(target, host)
    if host is None:
        # HTTP/1.0 knows no Host; the parser asks for it from 1.1 on.
        host = "localhost"
    if not _is_host(host):
        raise RefusedError("the Host is not a host name")
    return host, target


def client_headers(raw: web.BaseRequest) -> Iterator[tuple[str, str]]:
    """Yield the headers that a client may set."""
    for name, value in raw.headers.items():
        if name.lower() not in _SET_BY_RUNTIME:
            yield name, clean_header(value)


def open_body(raw: web.BaseRequest, limit_bytes: int) -> "IncomingBody | None":
    """Return the body of a request that a worker may see, None where it has none.

    Raises RefusedError for what no worker sees, a body that is announced too large among it.
    """
    if raw.method in _REFUSED_METHODS:
        raise MethodRefusedError(f"{raw.method} is not allowed")
    if raw.headers.get(hdrs.UPGRADE, "").lower() == "websocket":
        raise WebSocketRefusedError
    if not raw.can_read_body:
        return None
    if (raw.content_length or 0) > limit_bytes:
        raise BodyTooLargeError(limit_bytes)
    return IncomingBody(raw, limit_bytes)


class IncomingBody:
    """The chunks of a request body, read from the socket as they are asked for.

    Over the limit it raises RefusedError, which stays in `fault`, so that the client hears of it
    even where a worker has swallowed it; OSError where it breaks off.
    """

    __slots__ = ("_is_awaited", "_limit_bytes", "_raw", "_size", "_was_refused", "fault")

    fault: RefusedError | None

    def __init__(self, raw: web.BaseRequest, limit_bytes: int) -> None:
        self._raw = raw
        self._limit_bytes = limit_bytes
        self._size = 0
        # The client waits for a sign before it sends the body (RFC 9110, 10.1.1).
        self._is_awaited = raw.headers.get(hdrs.EXPECT, "").lower() == "100-continue"
        self._was_refused = False
        self.fault = None

    def leave(self) -> bool:
        """Take note that the answer begins; tell whether the connection can be used after it.

        A client that has waited for a sign until then may or may not send its body now: nobody
        could say where its next request begins.
        """
        self._was_refused = self._is_awaited
        return not self._is_awaited and self.fault is None

    def __aiter__(self) -> "IncomingBody":
        return self

    async def __anext__(self) -> bytes:
        if self._is_awaited:
            await self._give_the_sign()
        chunk = await self._read()
        if not chunk:
            raise StopAsyncIteration
        self._size += len(chunk)
        if self._size > self._limit_bytes:
            self.fault = BodyTooLargeError(self._limit_bytes)
            raise self.fault
        return chunk

    async def _give_the_sign(self) -> None:
        if self._was_refused:
            raise OSError("the client was answered before it sent its body")
        self._is_awaited = False
        await self._raw.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        # The interim response is no part of the final one's size.
        self._raw.writer.output_size = 0

    async def _read(self) -> bytes:
        try:
            return await self._raw.content.readany()
        except web.RequestPayloadError as error:
            raise OSError("the request body is malformed") from error
        except web.PayloadAccessError:
            raise OSError("the request body is gone: its request has been answered") from None


def _absolute_target(target: str, host: str | None) -> tuple[str | None, str]:
    scheme, separator, rest = target.partition("://")
    if not separator:
        # `*`, of OPTIONS, asks about the server as a whole.
        return host, "/" if target == "*" else f"/{target}"
    if scheme.lower() not in ("http", "https"):
        raise RefusedError("the target is no http URL")
    end = next((at for at, char in enumerate(rest) if char in "/?#"), len(rest))
    path = rest[end:]
    return rest[:end], path if path.startswith("/") else f"/{path}"


@lru_cache(maxsize=1024)
def _is_host(host: str) -> bool:
    if _HOST.fullmatch(host) is None:
        return False
    try:
        Request(f"http://{host}/")
    except ValueError:
        # An IP address with a number too many, a port that is too large.
        return False
    return True
