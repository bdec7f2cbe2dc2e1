"""Outbound requests: one pooled aiohttp session for all workers of a node."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

import aiohttp
from multidict import CIMultiDict
from yarl import URL

from runtime._http.header_text import clean_header
from workers import Request, Response
from workers.body import Body
from workers.response import incoming_response

__all__ = ["AiohttpOutbound", "open_outbound"]

# What the client sets itself for each hop; a worker that forwards a request must not repeat them.
_HOP_HEADERS = frozenset(
    {
        "cf-connecting-ip",
        "cf-ray",
        "connection",
        "content-length",
        "expect",
        "host",
        "keep-alive",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    }
)
_FRAMING = frozenset({"connection", "keep-alive", "transfer-encoding"})
# The codings that aiohttp takes off; under any other name, or several, a body stays as it came.
_DECODED = frozenset({"br", "deflate", "gzip", "zstd"})
_BODILESS = frozenset({101, 204, 205, 304})
_TIMEOUT = aiohttp.ClientTimeout(total=None, connect=30, sock_read=300)


class AiohttpOutbound:
    """Sends single requests through a pool of connections; bodies stream both ways."""

    def __init__(self, session: aiohttp.ClientSession) -> None:
        self._session = session

    async def send(self, request: Request) -> Response:
        """Return the response to `request` as soon as its head has arrived.

        Raises OSError where none arrives, TypeError on a URL that is not http or https, and what
        the request's own body raises.
        """
        url = request.url
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https"):
            raise TypeError(f"fetch can only send to http and https URLs, not {parts.scheme}:")
        where = f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"
        headers = CIMultiDict(
            (name, value)
            for name, value in request.header_pairs()
            if name.lower() not in _HOP_HEADERS
        )
        length = request.body_length
        content = request.take_body()
        body = None if content is None or isinstance(content, bytes) else _RequestBody(content)
        if body is not None and length is not None:
            headers["Content-Length"] = str(length)
        try:
            answer = await self._session.request(
                str(request.method),
                URL(url, encoded=True),
                headers=headers,
                data=body or content,
                allow_redirects=False,
            )
        except (aiohttp.ClientError, TimeoutError, UnicodeError) as error:
            if body is not None and body.error is not None:
                raise body.error from None
            raise OSError(f"no response from {where}: {_reason(error)}") from error
        return _response(answer, url, where)


class _RequestBody:
    """The chunks of a request body; what ended them too early stays in `error`."""

    __slots__ = ("_chunks", "error")

    def __init__(self, chunks: AsyncIterator[bytes]) -> None:
        self._chunks = chunks
        self.error: Exception | None = None

    def __aiter__(self) -> "_RequestBody":
        return self

    async def __anext__(self) -> bytes:
        try:
            return await anext(self._chunks)
        except StopAsyncIteration:
            raise
        except Exception as error:
            self.error = error
            raise


class _AnswerBody:
    """The chunks of a response; closing it early, even unread, ends the connection."""

    __slots__ = ("_answer", "_where")

    def __init__(self, answer: aiohttp.ClientResponse, where: str) -> None:
        self._answer = answer
        self._where = where

    def __aiter__(self) -> "_AnswerBody":
        return self

    async def __anext__(self) -> bytes:
        try:
            chunk = await self._answer.content.readany()
        except (aiohttp.ClientError, TimeoutError) as error:
            self._answer.close()
            raise OSError(f"the response of {self._where} broke off: {_reason(error)}") from error
        if not chunk:
            self._answer.release()
            raise StopAsyncIteration
        return chunk

    async def aclose(self) -> None:
        self._answer.close()


def _response(answer: aiohttp.ClientResponse, url: str, where: str) -> Response:
    body: Body | None = None
    dropped = _FRAMING
    if answer.method == "HEAD" or answer.status in _BODILESS:
        answer.release()
    elif answer.headers.get("Content-Encoding", "").strip().lower() in _DECODED:
        # The body is handed on decoded, so what described the encoded one no longer holds.
        dropped = _FRAMING | {"content-encoding", "content-length"}
        body = Body.trusted(_AnswerBody(answer, where))
    else:
        body = Body.trusted(_AnswerBody(answer, where), length=answer.content_length)
    pairs = [
        (name, clean_header(value))
        for name, value in answer.headers.items()
        if name.lower() not in dropped
    ]
    reason = clean_header(answer.reason or "")
    return incoming_response(answer.status, reason, lambda: pairs, body, url)


def _reason(error: Exception) -> str:
    """Say what went wrong without the URL, whose query may hold a secret."""
    if isinstance(error, TimeoutError):
        return "it took too long"
    return error.message if isinstance(error, aiohttp.ClientResponseError) else str(error)


@asynccontextmanager
async def open_outbound() -> AsyncIterator[AiohttpOutbound]:
    """Open the pool; it keeps no cookies and reads no proxy settings of the environment."""
    session = aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=512, ttl_dns_cache=30),
        cookie_jar=aiohttp.DummyCookieJar(),
        timeout=_TIMEOUT,
        # A worker's own headers are sent as they are, and nothing is made up beside them.
        skip_auto_headers=("Accept", "Content-Type", "User-Agent"),
        headers={"User-Agent": "edgestead"},
    )
    async with session:
        yield AiohttpOutbound(session)
