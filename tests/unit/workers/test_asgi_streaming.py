"""Bodies that stream through an ASGI application, both ways."""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from workers import Request, asgi

URL = "https://test.com/"
START = {"type": "http.response.start", "status": 200, "headers": []}


def body(data: bytes, more: bool = True) -> dict[str, Any]:
    return {"type": "http.response.body", "body": data, "more_body": more}


def application(answer: Callable[..., Any]) -> Callable[..., Any]:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        assert scope["type"] == "http"
        await answer(scope, receive, send)

    return app


async def settle() -> None:
    """Let every task run until it waits."""
    for _ in range(10):
        await asyncio.sleep(0)


async def test_chunks_are_sent_as_they_are_written(host) -> None:
    gate = asyncio.Event()

    async def answer(scope: Any, receive: Any, send: Any) -> None:
        await send(START)
        await send(body(b"first"))
        await gate.wait()
        await send(body(b"second", more=False))

    response = await asgi.fetch(application(answer), Request(URL), None)
    assert response.body is not None
    chunks = aiter(response.body)

    assert await anext(chunks) == b"first"
    gate.set()
    assert [chunk async for chunk in chunks] == [b"second"]
    assert await host.finish() == [None]


async def test_an_empty_first_chunk_is_passed_over(host) -> None:
    async def answer(scope: Any, receive: Any, send: Any) -> None:
        await send(START)
        await send(body(b""))
        await send(body(b"a"))
        await send({"type": "http.response.body"})

    response = await asgi.fetch(application(answer), Request(URL), None)

    assert [chunk async for chunk in response.body] == [b"a"]


async def test_a_promised_size_is_the_size_of_the_body(host) -> None:
    async def answer(scope: Any, receive: Any, send: Any) -> None:
        await send({**START, "headers": [(b"x-a", b"1"), (b"Content-Length", b"2")]})
        await send(body(b"a"))
        await send(body(b"b", more=False))

    response = await asgi.fetch(application(answer), Request(URL), None)

    assert response.body_length == 2
    assert await response.bytes() == b"ab"


async def test_without_a_promise_the_size_is_not_known(host) -> None:
    async def answer(scope: Any, receive: Any, send: Any) -> None:
        await send({**START, "headers": [(b"content-length", b"many")]})
        await send(body(b"a"))
        await send(body(b"", more=False))

    response = await asgi.fetch(application(answer), Request(URL), None)

    assert response.body_length is None
    assert await response.bytes() == b"a"


async def test_writing_waits_while_much_is_unread(host) -> None:
    written: list[int] = []

    async def answer(scope: Any, receive: Any, send: Any) -> None:
        await send(START)
        for number in range(6):
            await send(body(bytes(30_000)))
            written.append(number)
        await send(body(b"", more=False))

    response = await asgi.fetch(application(answer), Request(URL), None)
    await settle()
    assert written == [0, 1]

    chunks = aiter(response.body)
    await anext(chunks)
    await settle()
    assert written == [0, 1, 2]

    assert sum([len(chunk) async for chunk in chunks]) == 5 * 30_000
    assert written == [0, 1, 2, 3, 4, 5]


async def test_a_body_that_is_never_sent_does_not_hold_the_loop(host) -> None:
    turns: list[int] = []

    async def answer(scope: Any, receive: Any, send: Any) -> None:
        await send(START)
        for number in range(3):
            await send(body(bytes(100_000)))
            turns.append(number)
        await send(body(b"", more=False))

    head = Request(URL, method="HEAD")
    response = await asgi.fetch(application(answer), head, None)

    assert response.body is None
    assert len(turns) < 3
    assert await host.finish() == [None]
    assert turns == [0, 1, 2]


async def test_the_request_is_pulled_as_the_application_receives(host) -> None:
    pulled: list[bytes] = []
    received: list[tuple[bytes, bool]] = []

    async def upload() -> AsyncIterator[bytes]:
        for chunk in (b"a", b"b"):
            pulled.append(chunk)
            yield chunk

    async def answer(scope: Any, receive: Any, send: Any) -> None:
        for step in range(3):
            assert len(pulled) == min(step, 2)
            event = await receive()
            received.append((event["body"], event["more_body"]))
        await send(START)
        await send({"type": "http.response.body"})

    await asgi.fetch(application(answer), Request(URL, method="POST", body=upload()), None)

    assert received == [(b"a", True), (b"b", True), (b"", False)]


async def test_bodies_stream_both_ways_at_once(host) -> None:
    async def upload() -> AsyncIterator[bytes]:
        for chunk in (b"a", b"b"):
            yield chunk

    async def echo(scope: Any, receive: Any, send: Any) -> None:
        await send(START)
        while (event := await receive())["more_body"]:
            await send(body(event["body"].upper()))
        await send({"type": "http.response.body"})

    response = await asgi.fetch(application(echo), Request(URL, method="POST", body=upload()), None)

    assert [chunk async for chunk in response.body] == [b"A", b"B"]


async def test_what_is_left_of_the_request_is_closed(host) -> None:
    log: list[str] = []

    async def upload() -> AsyncIterator[bytes]:
        try:
            yield b"a"
            yield b"b"
        finally:
            log.append("closed")

    async def answer(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await send(START)
        await send({"type": "http.response.body"})

    await asgi.fetch(application(answer), Request(URL, method="POST", body=upload()), None)
    await host.finish()

    assert log == ["closed"]


async def test_an_error_in_the_middle_breaks_the_body_off_and_is_logged(
    host, caplog: pytest.LogCaptureFixture
) -> None:
    async def answer(scope: Any, receive: Any, send: Any) -> None:
        await send(START)
        await send(body(b"chunk"))
        raise LookupError("in the middle")

    response = await asgi.fetch(application(answer), Request(URL), None)
    chunks = aiter(response.body)

    assert await anext(chunks) == b"chunk"
    with pytest.raises(OSError, match="failed while it sent its response") as caught:
        await anext(chunks)
    assert isinstance(caught.value.__cause__, LookupError)
    await host.finish()
    assert [record.getMessage() for record in caplog.records] == [
        "the ASGI application failed after its response began"
    ]


async def test_an_application_that_returns_in_the_middle_breaks_the_body_off(
    host, caplog: pytest.LogCaptureFixture
) -> None:
    async def answer(scope: Any, receive: Any, send: Any) -> None:
        await send(START)
        await send(body(b"chunk"))

    response = await asgi.fetch(application(answer), Request(URL), None)

    with pytest.raises(OSError, match="failed while it sent") as caught:
        await response.bytes()
    assert "before its response was complete" in str(caught.value.__cause__)
    await host.finish()
    assert len(caplog.records) == 1


async def test_a_cancelled_application_breaks_the_body_off(host) -> None:
    async def answer(scope: Any, receive: Any, send: Any) -> None:
        await send(START)
        await send(body(b"chunk"))
        await asyncio.Event().wait()

    response = await asgi.fetch(application(answer), Request(URL), None)
    [task] = host.pending
    task.cancel()

    with pytest.raises(OSError, match="failed while it sent"):
        await response.bytes()


async def test_an_application_that_writes_learns_that_its_reader_has_gone(
    host, caplog: pytest.LogCaptureFixture
) -> None:
    log: list[str] = []

    async def answer(scope: Any, receive: Any, send: Any) -> None:
        await send(START)
        try:
            while True:
                await send(body(bytes(40_000)))
        except OSError as error:
            log.append(str(error))
            raise

    response = await asgi.fetch(application(answer), Request(URL), None)
    chunks = response.take_body()
    await anext(chunks)
    await settle()
    await chunks.aclose()

    assert await host.finish() == [None]
    assert log == ["the client has disconnected"]
    assert caplog.records == []
    with pytest.raises(StopAsyncIteration):
        await anext(chunks)


async def test_an_application_that_waits_learns_that_its_reader_has_gone(host) -> None:
    log: list[str] = []

    async def answer(scope: Any, receive: Any, send: Any) -> None:
        assert (await receive())["type"] == "http.request"
        await send(START)
        await send(body(b"event"))
        log.append((await receive())["type"])
        with pytest.raises(OSError, match="the client has disconnected"):
            await send(body(b"event"))

    response = await asgi.fetch(application(answer), Request(URL), None)
    chunks = response.take_body()
    assert await anext(chunks) == b"event"
    await chunks.aclose()

    assert await host.finish() == [None]
    assert log == ["http.disconnect"]


async def test_an_error_over_a_client_that_has_gone_is_not_logged(
    host, caplog: pytest.LogCaptureFixture
) -> None:
    class ClientDisconnect(Exception):
        pass

    async def answer(scope: Any, receive: Any, send: Any) -> None:
        await send(START)
        try:
            while True:
                await send(body(bytes(40_000)))
        except OSError:
            raise ClientDisconnect from None

    response = await asgi.fetch(application(answer), Request(URL), None)
    await response.body.cancel()

    assert await host.finish() == [None]
    assert caplog.records == []


async def test_closing_after_the_end_disturbs_nobody(host) -> None:
    done: list[bool] = []
    gate = asyncio.Event()

    async def answer(scope: Any, receive: Any, send: Any) -> None:
        await send(START)
        await send(body(b"a"))
        await send(body(b"b", more=False))
        await gate.wait()
        done.append(True)

    response = await asgi.fetch(application(answer), Request(URL), None)
    chunks = response.take_body()
    assert [chunk async for chunk in chunks] == [b"a", b"b"]
    await chunks.aclose()
    gate.set()

    assert await host.finish() == [None]
    assert done == [True]
