"""The server adaptor: bytes on a connection in, an invocation, bytes out."""

import asyncio
import json
import logging
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from functools import partial
from typing import Any, NamedTuple

import pytest

from runtime._dev.plugin_pages import PluginPages
from runtime._dev.system_routes import DevSystemRoutes, dev_cf
from runtime._http.front import CLIENT_GONE, Front, RequestRecord
from runtime._http.listening import bind_sockets
from runtime._http.pages import Pages
from runtime._http.server import serve_connections
from runtime._registry import Registry

ECHO = """
    from workers import Response
    async def on_fetch(request):
        return Response.json({
            "method": request.method, "url": request.url, "cf": request.cf.country,
            "headers": dict(request.headers.items()), "body": await request.text(),
        })
    """
HANDLER = """
    import asyncio
    from workers import Response, wait_until
    from workers.body import Body
    from workers.response import incoming_response

    seen = []

    async def chunks(*given):
        for chunk in given:
            yield chunk

    async def on_fetch(request):
        {}
    """
LIMIT = 1000


class Reply(NamedTuple):
    """A response as it came over the wire; `rest` is all that followed its head."""

    status: int
    headers: dict[str, str]
    rest: bytes


class Wire:
    """A served node, and connections to it."""

    def __init__(self, port: int, records: list[RequestRecord]) -> None:
        self.records = records
        self._port = port

    async def open(self, *parts: bytes) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """Send bytes over a new connection and return it."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self._port)
        writer.writelines(parts)
        return reader, writer

    async def send(self, *parts: bytes) -> Reply:
        """Send bytes and take apart all that comes until the server closes."""
        reader, writer = await self.open(*parts)
        try:
            return parse(await reader.read())
        finally:
            writer.close()

    async def get(self, path: str = "/", *headers: str, method: str = "GET") -> Reply:
        """Send the only request of a connection, without a body."""
        return await self.send(head(f"{method} {path}", *headers, "Connection: close"))

    async def post(self, *headers: str, body: bytes = b"") -> Reply:
        """Send the only request of a connection, with a body."""
        return await self.send(head("POST /", *headers, "Connection: close"), body)


def head(line: str, *headers: str) -> bytes:
    return "\r\n".join([f"{line} HTTP/1.1", "Host: test", *headers, "", ""]).encode()


def parse(data: bytes) -> Reply:
    start, _, rest = data.partition(b"\r\n\r\n")
    status_line, *lines = start.decode().split("\r\n")
    fields = (line.split(": ", 1) for line in lines)
    return Reply(int(status_line.split(" ")[1]), {key.lower(): text for key, text in fields}, rest)


@pytest.fixture
async def open_wire(workers: Any) -> AsyncIterator[Callable[..., Awaitable[Wire]]]:
    """Serve a worker of that source: `await open_wire(source, **options of Front)`."""
    async with AsyncExitStack() as stack:

        async def open_(source: str | None, *, mode: Any = "dev", **options: Any) -> Wire:
            if source is not None:
                await workers.load("worker", source)
            records: list[RequestRecord] = []
            front = Front(
                workers.node,
                pages=Pages(mode, lambda text: text.replace("s3cret", "[secret]")),
                system=DevSystemRoutes(
                    legacy_path=False, pages=PluginPages(Registry([]), workers.node)
                ),
                cf=dev_cf,
                on_response=records.append,
                max_body_bytes=LIMIT,
                **options,
            )
            sockets = bind_sockets("localhost", 0, remedy="")
            handler = partial(front.handle, default=lambda: workers.node.workers.get("worker"))
            await stack.enter_async_context(
                serve_connections([(handler, sockets)], tls=None, grace_s=1)
            )
            return Wire(sockets[0].getsockname()[1], records)

        yield open_


@pytest.fixture
def handle(open_wire: Callable[..., Awaitable[Wire]]) -> Callable[..., Awaitable[Wire]]:
    """Serve a worker by the lines of its handler: `await handle(code, **options of Front)`."""
    return lambda code, **options: open_wire(
        HANDLER.format(code.replace("\n", "\n        ")), **options
    )


# What reaches a worker


async def test_url_host_and_headers_reach_a_worker_as_they_were_sent(open_wire) -> None:
    wire = await open_wire(ECHO)

    reply = await wire.get("/a%2Fb/%C3%A9/x?q=%20&q=+", "Origin: https://Else.example")

    seen = json.loads(reply.rest)
    assert seen["url"] == "http://test/a%2Fb/%C3%A9/x?q=%20&q=+"
    assert (seen["method"], seen["cf"], seen["body"]) == ("GET", "DE", "")
    assert seen["headers"]["origin"] == "https://Else.example"
    assert seen["headers"]["host"] == "test"


async def test_what_the_runtime_says_of_a_client_cannot_be_forged(open_wire) -> None:
    wire = await open_wire(ECHO, scheme="https")

    reply = await wire.get(
        "/", "CF-Connecting-IP: 6.6.6.6", "cf-ray: x", "X-Forwarded-Proto: http", "CF-RAY: y"
    )

    headers = json.loads(reply.rest)["headers"]
    assert headers["cf-connecting-ip"] == "127.0.0.1"
    assert headers["x-forwarded-proto"] == "https"
    assert re.fullmatch(r"[0-9a-f]{16}-DEV", headers["cf-ray"])


async def test_header_bytes_that_are_not_utf_8_are_read_as_latin_1(handle) -> None:
    wire = await handle('return Response("", headers={"x-seen": request.headers["x-given"]})')

    latin = await wire.send(head("GET /", "Connection: close")[:-2] + b"X-Given: caf\xe9\r\n\r\n")
    utf_8 = await wire.get("/", "X-Given: café")

    assert latin.headers["x-seen"] == utf_8.headers["x-seen"] == "café"


@pytest.mark.parametrize(
    ("line", "url"),
    [
        ("GET http://other:81/x?q=1", "http://other:81/x?q=1"),
        ("GET http://other?q=1", "http://other/?q=1"),
        ("GET HTTPS://other", "http://other/"),
        ("OPTIONS *", "http://test/"),
        ("GET //double/x", "http://test//double/x"),
    ],
)
async def test_a_target_of_any_form_makes_a_url(open_wire, line: str, url: str) -> None:
    wire = await open_wire(ECHO)

    reply = await wire.send(head(line, "Connection: close"))

    assert json.loads(reply.rest)["url"] == url


async def test_an_old_client_needs_no_host(open_wire) -> None:
    wire = await open_wire(ECHO)

    reply = await wire.send(b"GET /x HTTP/1.0\r\n\r\n")

    assert json.loads(reply.rest)["url"] == "http://localhost/x"


@pytest.mark.parametrize(
    ("request_", "status", "reason"),
    [
        (b"GET / HTTP/1.1\r\nHost: a/b?c\r\n\r\n", 400, b"host name"),
        (b"GET / HTTP/1.1\r\nHost:\r\n\r\n", 400, b"host name"),
        (b"GET / HTTP/1.1\r\nHost: 1.2.3.999\r\n\r\n", 400, b"host name"),
        (b"GET / HTTP/1.1\r\nHost: a:70000\r\n\r\n", 400, b"host name"),
        (b"GET http://user@a/ HTTP/1.1\r\nHost: a\r\n\r\n", 400, b"host name"),
        (b"GET ftp://a/ HTTP/1.1\r\nHost: a\r\n\r\n", 400, b"no http URL"),
        (b"CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n\r\n", 405, b"CONNECT is not allowed"),
        (head("TRACE /"), 405, b"TRACE is not allowed"),
        (head("GET /", "Upgrade: WebSocket", "Connection: upgrade"), 501, b"WebSockets"),
        (head("POST /", f"Content-Length: {LIMIT + 1}"), 413, b"over 1000 bytes"),
    ],
)
async def test_what_no_worker_sees_is_answered_and_ends_the_connection(
    handle, request_: bytes, status: int, reason: bytes
) -> None:
    wire = await handle('raise AssertionError("a worker saw it")')

    reader, writer = await wire.open(request_)
    reply = parse(await reader.readuntil(b"\n\r\n") + await reader.readline())

    assert (reply.status, reply.headers["connection"]) == (status, "close")
    assert reason in reply.rest
    # RFC 9110, 15.5.6: who is refused a method is told which there are.
    assert ("allow" in reply.headers) == (status == 405)
    assert [record.worker for record in wire.records] == ["-"]
    writer.close()


async def test_a_request_that_no_worker_claims_is_a_404(open_wire) -> None:
    wire = await open_wire(None)

    reply = await wire.get()

    assert (reply.status, reply.rest) == (404, b"no worker is routed to test\n")


@pytest.mark.parametrize(
    "path", ["/open/../closed/x", "/open/%2E%2e/closed/x", "/open\\..\\closed/x"]
)
async def test_a_worker_is_chosen_by_the_path_that_it_sees(open_wire, workers, path: str) -> None:
    await workers.load("open", ECHO, config='route = "test/open/*"\n')
    await workers.load("closed", ECHO, config='route = "test/closed/*"\n')
    wire = await open_wire(None)

    reply = await wire.get(path)

    assert json.loads(reply.rest)["url"] == "http://test/closed/x"
    assert [record.worker for record in wire.records] == ["closed"]


async def test_the_runtimes_own_paths_reach_no_worker(handle) -> None:
    wire = await handle('return Response("worker")')

    reply = await wire.get("/cdn-cgi/x")

    assert reply.status == 404
    assert b"reserved" in reply.rest


async def test_bytes_that_are_no_http_are_answered_and_no_news_for_the_log(
    open_wire, caplog: pytest.LogCaptureFixture
) -> None:
    wire = await open_wire(None)
    caplog.set_level(logging.INFO)

    reply = await wire.send(b"garbage\r\n\r\n")

    assert reply.status == 400
    assert caplog.records == []


# Request bodies


async def test_a_body_is_read_whether_it_has_a_length_or_chunks(handle) -> None:
    wire = await handle("return Response(await request.text())")
    chunked = b"3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n"

    with_length = await wire.post("Content-Length: 5", body=b"hello")
    with_chunks = await wire.post("Transfer-Encoding: chunked", body=chunked)

    assert (with_length.rest, with_chunks.rest) == (b"hello", b"abcde")


async def test_a_client_that_waits_for_a_sign_gets_it_when_its_body_is_read(handle) -> None:
    wire = await handle("return Response(await request.text())")
    reader, writer = await wire.open(
        head("POST /", "Content-Length: 5", "Expect: 100-continue", "Connection: close")
    )

    sign = await reader.readuntil(b"\r\n\r\n")
    writer.write(b"hello")
    reply = parse(await reader.read())

    assert sign == b"HTTP/1.1 100 Continue\r\n\r\n"
    assert (reply.status, reply.rest) == (200, b"hello")
    writer.close()


async def test_a_client_that_still_waits_is_answered_and_cannot_go_on(handle) -> None:
    wire = await handle(
        """async def body():
    try:
        yield await request.bytes()
    except OSError as error:
        yield str(error)
return Response(body())"""
    )

    reader, writer = await wire.open(head("POST /", "Content-Length: 5", "Expect: 100-continue"))
    reply = parse(await reader.readuntil(b"0\r\n\r\n"))

    assert (reply.status, reply.headers["connection"]) == (200, "close")
    assert b"answered before it sent its body" in reply.rest
    writer.close()


async def test_a_body_that_grows_too_large_is_a_413_even_if_the_worker_swallows_it(handle) -> None:
    wire = await handle(
        """try:
    await request.bytes()
except ValueError:
    return Response(chunks(b"never mind"))"""
    )
    chunked = b"%x\r\n%b\r\n0\r\n\r\n" % (LIMIT + 1, b"x" * (LIMIT + 1))

    reply = await wire.post("Transfer-Encoding: chunked", body=chunked)

    assert (reply.status, reply.rest) == (413, b"request body over 1000 bytes\n")


async def test_a_body_that_grows_too_large_is_a_413_if_the_worker_does_not_care(
    handle, caplog: pytest.LogCaptureFixture
) -> None:
    wire = await handle("return Response(await request.text())")
    chunked = b"%x\r\n%b\r\n0\r\n\r\n" % (LIMIT + 1, b"x" * (LIMIT + 1))

    reply = await wire.post("Transfer-Encoding: chunked", body=chunked)

    assert reply.status == 413
    assert caplog.records == []


async def test_an_unread_body_does_not_keep_the_connection_from_the_next_request(handle) -> None:
    wire = await handle('return Response("ignored")')
    first = head("POST /", "Content-Length: 5") + b"hello"

    reply = await wire.send(first, head("GET /", "Connection: close"))

    assert reply.rest.count(b"HTTP/1.1 200 OK") == 1
    assert reply.rest.count(b"ignored") == 2


async def test_a_body_cannot_be_read_once_its_request_is_over(handle) -> None:
    wire = await handle(
        """if request.method == "GET":
    seen.append("next")
    while len(seen) < 2:
        await asyncio.sleep(0)
    return Response.json(seen)
async def read_late():
    while not seen:
        await asyncio.sleep(0)
    try:
        seen.append(await request.text())
    except OSError as error:
        seen.append(str(error))
wait_until(read_late())
return Response("")"""
    )

    await wire.post("Content-Length: 5", body=b"hello")
    reply = await wire.get()

    assert b"its request has been answered" in reply.rest


# Answers on the wire


async def test_a_whole_body_has_its_length_and_no_header_that_the_worker_did_not_set(
    handle,
) -> None:
    wire = await handle('return Response(b"abc")')

    reply = await wire.get()

    assert reply.rest == b"abc"
    assert sorted(reply.headers) == ["connection", "content-length", "date", "server"]
    assert (reply.headers["content-length"], reply.headers["server"]) == ("3", "edgestead")


async def test_a_workers_headers_win_but_for_those_of_framing(handle) -> None:
    wire = await handle(
        'return Response("abc", headers=[("Server", "mine"), ("Date", "now"), ("set-cookie", "a"),'
        ' ("set-cookie", "b"), ("content-encoding", "br"), ("Content-Length", "99"),'
        ' ("Connection", "keep-alive"), ("Transfer-Encoding", "gzip"), ("Upgrade", "h2c")])'
    )

    reader, writer = await wire.open(head("GET /", "Connection: close"))
    text = (await reader.read()).decode()

    reply = parse(text.encode())
    assert (reply.headers["server"], reply.headers["date"]) == ("mine", "now")
    assert reply.headers["content-encoding"] == "br"
    assert (reply.headers["content-length"], reply.headers["connection"]) == ("3", "close")
    assert "set-cookie: a\r\nset-cookie: b\r\n" in text
    assert not {"transfer-encoding", "upgrade"} & set(reply.headers)
    writer.close()


@pytest.mark.parametrize(
    ("code", "length"),
    [
        ('Response("hello")', "5"),
        ('Response(Body.trusted(chunks(b"ab"), length=2))', "2"),
        ("Response(None, headers={'Content-Length': '77'})", "77"),
        ("Response(None)", None),
        ('Response(chunks(b"ab"))', None),
    ],
)
async def test_head_is_answered_without_a_body(handle, code: str, length: str | None) -> None:
    wire = await handle(f"return {code}")

    reply = await wire.get(method="HEAD")

    assert (reply.status, reply.rest) == (200, b"")
    assert reply.headers.get("content-length") == length
    assert "transfer-encoding" not in reply.headers


@pytest.mark.parametrize("status", [204, 304])
async def test_a_status_without_body_has_no_length(handle, status: int) -> None:
    wire = await handle(f"return Response(None, status={status})")

    reply = await wire.get()

    assert (reply.status, reply.rest) == (status, b"")
    assert not {"content-length", "transfer-encoding"} & set(reply.headers)


async def test_a_streamed_body_of_unknown_length_is_chunked(handle) -> None:
    wire = await handle('return Response(chunks(b"ab", b"", "cde"))')

    reply = await wire.get()

    assert reply.headers["transfer-encoding"] == "chunked"
    assert reply.rest == b"2\r\nab\r\n3\r\ncde\r\n0\r\n\r\n"


async def test_a_streamed_body_of_known_length_is_not_chunked(handle) -> None:
    wire = await handle("return Response(request.body)")

    reply = await wire.post("Content-Length: 5", body=b"hello")

    assert (reply.headers["content-length"], reply.rest) == ("5", b"hello")
    assert "transfer-encoding" not in reply.headers


async def test_to_an_old_client_a_body_ends_with_the_connection(handle) -> None:
    wire = await handle('return Response(chunks(b"ab", b"cd"))')

    reply = await wire.send(b"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")

    assert reply.rest == b"abcd"
    assert not {"connection", "content-length", "transfer-encoding"} & set(reply.headers)


async def test_an_old_client_may_keep_its_connection_where_the_length_is_known(handle) -> None:
    wire = await handle('return Response("hi")')

    reader, writer = await wire.open(b"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
    first = parse(await reader.readuntil(b"hi"))
    writer.write(b"GET / HTTP/1.0\r\n\r\n")

    assert first.headers["connection"] == "keep-alive"
    assert parse(await reader.read()).rest == b"hi"
    writer.close()


async def test_a_connection_carries_one_request_after_another(handle) -> None:
    wire = await handle('return Response(chunks("streamed"))')

    reply = await wire.send(head("GET /"), head("GET /"), head("GET /", "Connection: close"))

    assert reply.rest.count(b"streamed") == 3
    assert [record.status for record in wire.records] == [200, 200, 200]


async def test_answers_end_their_connections_when_the_server_ends(handle) -> None:
    wire = await handle('return Response("hi")', is_ending=lambda: True)

    reply = await wire.send(head("GET /"))

    assert (reply.status, reply.headers["connection"]) == (200, "close")


# Streams that do not come to their end


async def test_a_stream_that_fails_breaks_off_visibly_and_is_logged(
    handle, caplog: pytest.LogCaptureFixture
) -> None:
    wire = await handle(
        """async def body():
    yield b"begun"
    raise ValueError("boom")
return Response(body())"""
    )

    reply = await wire.send(head("GET /x"))

    assert reply.rest == b"5\r\nbegun\r\n"
    assert [record.status for record in wire.records] == [200]
    assert "boom" in caplog.text
    assert 'worker "worker": GET http://test/x failed' in caplog.text


async def test_a_stream_that_is_cancelled_from_inside_breaks_off_too(
    handle, caplog: pytest.LogCaptureFixture
) -> None:
    wire = await handle(
        """async def body():
    yield b"begun"
    raise asyncio.CancelledError
return Response(body())"""
    )

    reply = await wire.send(head("GET /"))

    assert reply.rest == b"5\r\nbegun\r\n"
    assert "CancelledError" in caplog.text


@pytest.mark.parametrize(("length", "told"), [(9, "5 bytes"), (4, "5 bytes or more")])
async def test_a_stream_of_another_length_than_announced_breaks_off(
    handle, caplog: pytest.LogCaptureFixture, length: int, told: str
) -> None:
    wire = await handle(f'return Response(Body.trusted(chunks(b"12", b"345"), length={length}))')

    reply = await wire.send(head("GET /"))

    assert reply.headers["content-length"] == str(length)
    assert reply.rest == b"12345"[: 2 if length == 4 else 5]
    assert f"a body of {told} was announced as {length}" in caplog.text


async def test_a_client_that_leaves_closes_the_stream_it_was_sent(handle) -> None:
    wire = await handle(
        """if request.url.endswith("/seen"):
    while not seen:
        await asyncio.sleep(0)
    return Response.json(seen)
async def body():
    try:
        yield b"begun"
        await asyncio.Event().wait()
    finally:
        seen.append("closed")
return Response(body())"""
    )
    reader, writer = await wire.open(head("GET /"))
    await reader.readuntil(b"begun")

    writer.close()
    reply = await wire.get("/seen")

    assert reply.rest == b'["closed"]'
    assert [record.status for record in wire.records] == [200, 200]


async def test_a_client_that_leaves_cancels_the_handler_and_is_logged_as_gone(handle) -> None:
    wire = await handle(
        """if request.url.endswith("/seen"):
    while len(seen) < 2:
        await asyncio.sleep(0)
    return Response.json(seen)
seen.append("begun")
try:
    await asyncio.Event().wait()
finally:
    seen.append("cancelled")"""
    )
    _, writer = await wire.open(head("GET /x"))
    while not wire.records:
        await asyncio.sleep(0)
        if not writer.is_closing():
            writer.close()
    reply = await wire.get("/seen")

    assert reply.rest == b'["begun", "cancelled"]'
    assert wire.records[0][:3] == ("GET", "/x", CLIENT_GONE)


async def test_a_slow_client_holds_the_stream_back(handle) -> None:
    wire = await handle(
        """if request.url.endswith("/seen"):
    return Response.json(len(seen))
async def body():
    for _ in range(1000):
        seen.append(1)
        yield bytes(100_000)
return Response(body())"""
    )

    reader, writer = await wire.open(head("GET /"))
    await reader.readuntil(b"\r\n\r\n")
    counts = [int((await wire.get("/seen")).rest) for _ in range(50)]

    assert counts[-1] == counts[-2] < 500
    writer.transport.abort()


async def test_a_body_that_fails_when_it_is_closed_is_logged(
    handle, caplog: pytest.LogCaptureFixture
) -> None:
    wire = await handle(
        """class Chunks:
    def __aiter__(self): return self
    async def __anext__(self): return b"x"
    async def aclose(self): raise ValueError("in the end")
return Response(Chunks())"""
    )

    reply = await wire.get(method="HEAD")

    assert reply.status == 200
    assert "in the end" in caplog.text


# Workers that fail


@pytest.mark.parametrize(
    ("code", "told"),
    [
        ("raise ValueError('boom')", "ValueError: boom"),
        ("raise SystemExit(3)", "SystemExit"),
        ("raise asyncio.CancelledError", "CancelledError"),
        ("return None", "it returned NoneType"),
        ("return Response(None, status=101)", "nothing to go on with"),
        ("r = Response('x')\nawait r.text()\nreturn r", "OSError: Body already used"),
        ("return incoming_response(200, '', lambda: [('a', 'b\\nc')])", "has a line break"),
        ("return incoming_response(200, 'a\\rb', lambda: [])", "has a line break"),
    ],
)
async def test_a_worker_that_fails_is_a_readable_500_and_the_next_request_is_answered(
    handle, caplog: pytest.LogCaptureFixture, code: str, told: str
) -> None:
    wire = await handle(f"if request.method == 'HEAD': return Response('fine')\n{code}")

    reply = await wire.get("/path?secret")

    assert reply.status == 500
    assert told in reply.rest.decode()
    assert "error code: 1101" in reply.rest.decode()
    assert 'worker "worker": GET http://test/path failed' in caplog.text
    assert (await wire.get(method="HEAD")).status == 200
    assert [record.status for record in wire.records] == [500, 200]
