"""From a worker's response to bytes on the wire."""

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Mapping
from email.utils import formatdate
from functools import lru_cache

from aiohttp import web

from workers import Response

__all__ = ["BrokenOffError", "UnsendableError", "send_response", "was_cancelled"]

# Framing is the server's: a worker's own could contradict what is sent.
_FRAMING = frozenset({"connection", "content-length", "keep-alive", "transfer-encoding", "upgrade"})
_BODILESS = frozenset({204, 304})
_SERVER = "edgestead"
# Up to here, what the client has not taken yet need not hold its sender up.
_MOST_UNSENT_BYTES = 32 * 1024

logger = logging.getLogger(__name__)


class UnsendableError(Exception):
    """A response that cannot be put on the wire; nothing of it was sent. The cause says why."""


class BrokenOffError(Exception):
    """A streamed response that could not be sent to its end, which its client sees.

    The cause says why: what the body's maker raised.
    """


async def send_response(raw: web.BaseRequest, response: Response, *, keep_alive: bool) -> bool:
    """Send `response`; tell whether the connection can carry another one.

    A streamed body is pulled no faster than the client reads, and closed however sending ends.
    Raises UnsendableError before anything is sent, BrokenOffError where the body fails,
    ConnectionError where the client has gone away.
    """
    length = response.body_length
    try:
        if response.status == 101:
            raise NotImplementedError("a response with status 101 has nothing to go on with")
        payload = response.take_body()
    except (NotImplementedError, OSError) as error:
        raise UnsendableError from error
    has_body = raw.method != "HEAD" and response.status not in _BODILESS
    if payload is None or isinstance(payload, bytes):
        head = _head(raw, response, length, keep_alive)
        if not _write(raw, head + payload if payload and has_body else head):
            await raw.writer.drain()
        return keep_alive
    try:
        # Without a length, HTTP/1.0 knows only the end of the connection as that of the body.
        keep_alive = keep_alive and (length is not None or raw.version >= (1, 1))
        _write(raw, _head(raw, response, length, keep_alive))
        if has_body:
            await _send_chunks(raw, payload, length)
        return keep_alive
    finally:
        await _close(payload)


def was_cancelled() -> bool:
    """Tell whether the running task was cancelled from outside, as it is when its client goes."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


def _head(raw: web.BaseRequest, response: Response, length: int | None, keep_alive: bool) -> bytes:
    """Return status line and headers, framed for a body of `length` bytes, or for chunks."""
    is_http_1_1 = raw.version >= (1, 1)
    ours = _default_headers(int(time.time()))
    declared = None
    lines = [f"HTTP/1.{1 if is_http_1_1 else 0} {response.status} {response.status_text}"]
    for name, value in response.header_pairs():
        lower = name.lower()
        if lower in _FRAMING:
            if lower == "content-length" and value.isascii() and value.isdigit():
                declared = int(value)
            continue
        if lower in ours:
            ours = {key: line for key, line in ours.items() if key != lower}
        lines.append(f"{name}: {value}")
    if raw.method == "HEAD" and not length:
        # A worker that answers HEAD itself may know the size that GET would have.
        length = declared
    if response.status not in _BODILESS:
        if length is not None:
            lines.append(f"content-length: {length}")
        elif is_http_1_1 and raw.method != "HEAD":
            lines.append("transfer-encoding: chunked")
    if keep_alive != is_http_1_1:
        lines.append(f"connection: {'keep-alive' if keep_alive else 'close'}")
    lines += ours.values()
    text = "\r\n".join(lines)
    if not text.count("\r") == text.count("\n") == len(lines) - 1:
        raise UnsendableError from ValueError("a header or the status text has a line break")
    return f"{text}\r\n\r\n".encode()


async def _send_chunks(
    raw: web.BaseRequest, chunks: AsyncIterator[bytes], length: int | None
) -> None:
    """Send a body's chunks as they come; no more and no fewer bytes than the head has announced."""
    is_chunked = length is None and raw.version >= (1, 1)
    sent = 0
    try:
        while chunk := await _pull(chunks):
            sent += len(chunk)
            if length is not None and sent > length:
                break
            if not _write(raw, b"%x\r\n%b\r\n" % (len(chunk), chunk) if is_chunked else chunk):
                await raw.writer.drain()
            # A body that is at hand must not keep the loop from everybody else.
            await asyncio.sleep(0)
        if length is not None and sent != length:
            told = f"{sent} bytes or more" if sent > length else f"{sent} bytes"
            raise BrokenOffError from ValueError(f"a body of {told} was announced as {length}")
    except BrokenOffError:
        # Before the body's promised end, so that the client sees that it is not whole.
        if raw.transport is not None:
            raw.transport.close()
        raise
    if is_chunked:
        _write(raw, b"0\r\n\r\n")


async def _pull(chunks: AsyncIterator[bytes]) -> bytes:
    """Return the next chunk, empty at the end."""
    try:
        return await anext(chunks, b"")
    except asyncio.CancelledError as error:
        if was_cancelled():
            raise
        raise BrokenOffError from error
    except (Exception, SystemExit) as error:
        raise BrokenOffError from error


def _write(raw: web.BaseRequest, data: bytes) -> bool:
    """Hand `data` to the socket; tell whether the client takes it fast enough to go on."""
    transport = raw.transport
    if transport is None or transport.is_closing():
        raise ConnectionResetError("the client has gone away")
    transport.write(data)
    return transport.get_write_buffer_size() <= _MOST_UNSENT_BYTES


async def _close(chunks: object) -> None:
    close = getattr(chunks, "aclose", None)
    if close is None:
        return
    try:
        await close()
    except (Exception, SystemExit):
        # The answer is sent, or nobody is left to take it: only the log can tell.
        logger.exception("a streamed body failed when it was closed")


@lru_cache(maxsize=1)
def _default_headers(seconds: int) -> Mapping[str, str]:
    """Return the lines that every response has at that time unless it says otherwise itself."""
    return {"server": f"server: {_SERVER}", "date": f"date: {formatdate(seconds, usegmt=True)}"}
