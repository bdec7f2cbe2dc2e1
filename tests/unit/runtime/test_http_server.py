"""Serving connections: until told to stop, and then to the end."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiohttp import web

from runtime._http.listening import bind_sockets
from runtime._http.server import Handler, serve_connections

GET = b"GET / HTTP/1.1\r\nHost: test\r\n\r\n"


@asynccontextmanager
async def served(handler: Handler, grace_s: float = 5) -> AsyncIterator[int]:
    sockets = bind_sockets("127.0.0.1", 0, remedy="")
    port = sockets[0].getsockname()[1]
    async with serve_connections([(handler, sockets)], tls=None, grace_s=grace_s):
        yield port


async def connect(port: int, *parts: bytes) -> Any:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.writelines(parts)
    return reader, writer


async def hello(raw: web.BaseRequest) -> web.StreamResponse:
    return web.Response(text="hello")


async def test_idle_connections_are_closed_and_no_new_one_is_taken_at_the_end() -> None:
    async with served(hello) as port:
        reader, writer = await connect(port, GET)
        assert b"hello" in await reader.readuntil(b"hello")

    assert await reader.read() == b""
    writer.close()
    with pytest.raises(ConnectionRefusedError):
        await connect(port)


async def test_a_request_in_flight_is_answered_even_if_its_body_is_still_coming() -> None:
    begun = asyncio.Event()

    async def count(raw: web.BaseRequest) -> web.StreamResponse:
        begun.set()
        return web.Response(text=f"{len(await raw.read())} bytes")

    upload = b"POST / HTTP/1.1\r\nHost: test\r\nContent-Length: 6\r\n\r\nabc"
    async with served(count) as port:
        reader, writer = await connect(port, upload)
        await begun.wait()
        sender = asyncio.create_task(_write_after_close(port, writer))

    assert b"6 bytes" in await reader.read()
    await sender
    writer.close()


async def _write_after_close(port: int, writer: asyncio.StreamWriter) -> None:
    """Send the rest of a body once nobody can connect any more: the server is ending then."""
    while True:
        try:
            _, probe = await asyncio.open_connection("127.0.0.1", port)
        except ConnectionRefusedError:
            break
        probe.close()
    writer.write(b"def")


async def test_a_request_that_takes_longer_than_the_grace_is_cut() -> None:
    cancelled = asyncio.Event()
    begun = asyncio.Event()

    async def wait(raw: web.BaseRequest) -> web.StreamResponse:
        begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            cancelled.set()
        raise AssertionError("unreachable")

    async with served(wait, grace_s=0.05) as port:
        reader, writer = await connect(port, GET)
        await begun.wait()

    assert await reader.read() == b""
    assert cancelled.is_set()
    writer.close()


async def test_long_urls_and_headers_pass_up_to_cloudflares_limits() -> None:
    async with served(hello) as port:
        answers = []
        for line, header in [(16_000, 1), (17_000, 1), (1, 100_000), (1, 140_000)]:
            head = f"GET /{'a' * line} HTTP/1.0\r\nX: {'b' * header}\r\n\r\n"
            reader, writer = await connect(port, head.encode())
            answers.append((await reader.read())[9:12])
            writer.close()

    assert answers == [b"200", b"400", b"200", b"400"]


async def test_an_error_of_the_protocols_own_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    async def fail(raw: web.BaseRequest) -> web.StreamResponse:
        raise LookupError("not a client's fault")

    async with served(fail) as port:
        reader, writer = await connect(port, GET)
        assert b"500" in await reader.read()
        writer.close()

    assert "not a client's fault" in caplog.text
