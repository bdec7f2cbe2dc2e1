"""Requests that leave the node, against a server on this machine."""

import asyncio
import gzip
import ssl
import zlib
from collections.abc import AsyncIterator, Awaitable, Callable

import brotli
import pytest
from aiohttp import web

from runtime._http.certificates import local_tls_context
from runtime._http.client import open_outbound
from workers import Request, Response
from workers.body import Body

Send = Callable[..., Awaitable[Response]]

TEXT = b"hello " * 1000
# A frame of one raw block: which module makes one depends on the version of Python.
ZSTD = bytes.fromhex("28b52ffd2005290000") + b"hello"


async def answer(raw: web.BaseRequest) -> web.StreamResponse:
    """Echo what came, or send a body that its path names."""
    encoded = {
        "/gzip": gzip.compress(TEXT),
        "/deflate": zlib.compress(TEXT),
        "/br": brotli.compress(TEXT),
        "/rot13": TEXT,
        "/gzip, br": brotli.compress(gzip.compress(TEXT)),
        "/x-gzip": gzip.compress(TEXT),
    }
    path = raw.path
    if path in encoded:
        return web.Response(body=encoded[path], headers={"Content-Encoding": path[1:]})
    if path == "/not-gzip":
        return web.Response(body=b"plain", headers={"Content-Encoding": "gzip"})
    if path == "/redirect":
        return web.Response(status=302, headers={"Location": "/elsewhere"})
    if path.startswith("/status/"):
        return web.Response(status=int(path.removeprefix("/status/")))
    body = await raw.read()
    headers = {name.lower(): value for name, value in raw.headers.items()}
    return web.json_response(
        {"METHOD": raw.method, "PATH": raw.raw_path, "BODY": body.decode(), **headers}
    )


@pytest.fixture
async def base() -> AsyncIterator[str]:
    """The URL of a server that answers."""
    server = web.Server(answer)
    listener = await asyncio.get_running_loop().create_server(server, "127.0.0.1", 0)
    yield f"http://127.0.0.1:{listener.sockets[0].getsockname()[1]}"
    listener.close()
    await server.shutdown(0.01)


@pytest.fixture
async def raw_server() -> AsyncIterator[Callable[[bytes], Awaitable[str]]]:
    """Serve bytes to whoever asks: `await raw_server(b"HTTP/1.1 …")` is the URL."""
    servers = []

    async def serve(data: bytes) -> str:
        async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.readuntil(b"\r\n\r\n")
            writer.write(data)
            writer.close()

        server = await asyncio.start_server(handle, "127.0.0.1", 0)
        servers.append(server)
        return f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"

    yield serve
    for server in servers:
        server.close()


@pytest.fixture
async def send() -> AsyncIterator[Send]:
    """Send a request: `await send(url, **options of Request)`."""
    async with open_outbound() as outbound:
        yield lambda url, **options: outbound.send(Request(url, **options))


async def chunks(*given: bytes) -> AsyncIterator[bytes]:
    for chunk in given:
        yield chunk


async def test_a_request_goes_out_as_it_is_without_what_belongs_to_another_hop(send, base) -> None:
    headers = {
        "Connection": "upgrade",
        "Content-Length": "99",
        "CF-Connecting-IP": "1.2.3.4",
        "Host": "else.example",
        "X-Own": "é",
    }

    response = await send(f"{base}/a%2Fb?q=%20", method="PUT", headers=headers, body=b"abc")

    seen = await response.json()
    assert (seen["METHOD"], seen["PATH"], seen["BODY"]) == ("PUT", "/a%2Fb?q=%20", "abc")
    assert (seen["content-length"], seen["x-own"], seen["host"]) == ("3", "é", base[7:])
    assert seen["user-agent"] == "edgestead"
    assert not {"accept", "cf-connecting-ip", "connection", "content-type"} & set(seen)
    assert response.url == f"{base}/a%2Fb?q=%20"


@pytest.mark.parametrize(
    ("make_body", "framing"),
    [
        (lambda: chunks(b"ab", b"cde"), ("transfer-encoding", "chunked")),
        (lambda: Body.trusted(chunks(b"ab", b"cde"), length=5), ("content-length", "5")),
    ],
)
async def test_a_streamed_body_is_sent_with_its_length_where_that_is_known(
    send, base, make_body, framing: tuple[str, str]
) -> None:
    response = await send(base, method="POST", body=make_body())

    seen = await response.json()
    assert seen["BODY"] == "abcde"
    assert framing in seen.items()


@pytest.mark.parametrize("coding", ["gzip", "deflate", "br"])
async def test_a_coded_body_arrives_decoded(send, base, coding: str) -> None:
    response = await send(f"{base}/{coding}")

    assert await response.bytes() == TEXT
    assert not {"content-encoding", "content-length"} & set(response.headers)


async def test_zstd_is_decoded_too(send, raw_server) -> None:
    url = await raw_server(
        b"HTTP/1.1 200 OK\r\nContent-Encoding: zstd\r\nContent-Length: %d\r\n\r\n%b"
        % (len(ZSTD), ZSTD)
    )

    assert await (await send(url)).bytes() == b"hello"


@pytest.mark.parametrize("coding", ["rot13", "gzip, br", "x-gzip"])
async def test_a_coding_that_is_not_taken_off_stays_named(send, base, coding: str) -> None:
    response = await send(f"{base}/{coding}")

    assert response.headers["content-encoding"] == coding
    assert len(await response.bytes()) == int(response.headers["content-length"])


async def test_head_tells_the_size_of_what_get_would_send(send, base) -> None:
    response = await send(f"{base}/gzip", method="HEAD")

    assert response.body is None
    assert response.headers["content-encoding"] == "gzip"
    assert int(response.headers["content-length"]) == len(gzip.compress(TEXT))


async def test_a_redirect_is_returned_and_not_followed(send, base) -> None:
    response = await send(f"{base}/redirect")

    assert (response.status, response.headers["location"]) == (302, "/elsewhere")


@pytest.mark.parametrize("status", [204, 205, 304])
async def test_a_status_without_body_has_none(send, base, status: int) -> None:
    response = await send(f"{base}/status/{status}")

    assert (response.status, response.body) == (status, None)


async def test_bytes_that_are_not_utf_8_are_read_as_latin_1(send, raw_server) -> None:
    url = await raw_server(b"HTTP/1.1 200 f\xefn\r\nX-A: caf\xe9\r\nContent-Length: 0\r\n\r\n")

    response = await send(url)

    assert (response.status_text, response.headers["x-a"]) == ("fïn", "café")


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:1/path?token=abc",
        "http://label-that-is-too-long-" + "a" * 60 + ".example/?token=abc",
    ],
)
async def test_a_network_failure_is_an_oserror_that_names_the_host_and_no_more(send, url) -> None:
    with pytest.raises(OSError, match=r"no response from http://[^/]*: ") as caught:
        await send(url)

    assert "abc" not in str(caught.value)


async def test_an_answer_that_is_no_http_is_an_oserror(send, raw_server) -> None:
    url = await raw_server(b"garbage\r\n\r\n")

    with pytest.raises(OSError, match="no response from") as caught:
        await send(f"{url}?token=abc")

    assert "abc" not in str(caught.value)


@pytest.mark.parametrize(
    "data",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nabc",
        b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 5\r\n\r\nplain",
    ],
)
async def test_a_body_that_breaks_off_is_an_oserror(send, raw_server, data: bytes) -> None:
    response = await send(await raw_server(data))

    with pytest.raises(OSError, match="broke off"):
        await response.bytes()


@pytest.mark.parametrize("url", ["ftp://example.com/x", "data:,x"])
async def test_only_http_and_https_go_out(send, url: str) -> None:
    with pytest.raises(TypeError, match="http and https"):
        await send(url)


async def test_what_a_request_body_raises_is_raised(send, base) -> None:
    async def failing() -> AsyncIterator[bytes]:
        yield b"begun"
        raise LookupError("mine")

    with pytest.raises(LookupError, match="mine"):
        await send(base, method="POST", body=failing())


async def test_a_body_that_is_given_up_ends_its_connection(send, base) -> None:
    response = await send(f"{base}/rot13")

    await response.body.cancel()

    assert (await send(f"{base}/rot13")).status == 200


async def test_an_untrusted_certificate_is_refused(send, tmp_path) -> None:
    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.close()

    tls: ssl.SSLContext = local_tls_context(tmp_path)
    server = await asyncio.start_server(handle, "127.0.0.1", 0, ssl=tls)
    port = server.sockets[0].getsockname()[1]

    with pytest.raises(OSError, match="certificate verify failed"):
        await send(f"https://127.0.0.1:{port}/")

    server.close()
