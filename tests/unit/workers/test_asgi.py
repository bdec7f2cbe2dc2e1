"""One request and its response through an ASGI application."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from workers import Request, Response, WorkerEntrypoint, asgi
from workers.body import Body
from workers.request import incoming_request

URL = "https://test.com/"


class App:
    """An application without a lifespan: keeps its scopes and sends `events`."""

    def __init__(self, *events: dict[str, Any]) -> None:
        self.events = events or (START, {"type": "http.response.body", "body": b"ok"})
        self.scopes: list[dict[str, Any]] = []

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            raise ValueError(f"can only handle http, not {scope['type']}")
        self.scopes.append(scope)
        for event in self.events:
            await send(event)


START = {"type": "http.response.start", "status": 200, "headers": [(b"x-a", b"1")]}
END = {"type": "http.response.body"}


def start(status: int = 200, *headers: tuple[bytes, bytes]) -> dict[str, Any]:
    return {"type": "http.response.start", "status": status, "headers": headers}


def body(data: bytes, more: bool = False) -> dict[str, Any]:
    return {"type": "http.response.body", "body": data, "more_body": more}


def application(answer: Callable[..., Any]) -> Callable[..., Any]:
    """Make an application of what answers its requests; it has no lifespan."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        assert scope["type"] == "http"
        await answer(scope, receive, send)

    return app


async def scope_of(request: Request, env: object = None) -> dict[str, Any]:
    app = App()
    await asgi.fetch(app, request, env)
    return app.scopes[0]


async def test_the_scope_is_that_of_the_specification(host) -> None:
    request = Request(
        "https://Test.com:8443/caf%C3%A9/a%2Fb;c?q=%20&r#frag",
        method="POST",
        headers={"X-Name": "grün", "CF-Connecting-IP": "192.0.2.1"},
        body="x",
    )

    scope = await scope_of(request, host.env)

    assert scope == {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.4"},
        "http_version": "1.1",
        "method": "POST",
        "scheme": "https",
        "path": "/café/a/b;c",
        "raw_path": b"/caf%C3%A9/a%2Fb;c",
        "query_string": b"q=%20&r",
        "root_path": "",
        "headers": [
            (b"x-name", "grün".encode()),
            (b"cf-connecting-ip", b"192.0.2.1"),
            (b"content-type", b"text/plain;charset=UTF-8"),
        ],
        "client": ("192.0.2.1", 0),
        "server": ("test.com", 8443),
        "env": host.env,
        "state": {},
    }
    assert scope["env"] is host.env
    assert type(scope["method"]) is str


@pytest.mark.parametrize(
    ("url", "server"),
    [
        ("http://test.com/", ("test.com", 80)),
        ("https://test.com/", ("test.com", 443)),
        ("http://[::1]/", ("::1", 80)),
        ("http://[::1]:8080/", ("::1", 8080)),
    ],
)
async def test_the_server_is_that_of_the_url(host, url: str, server: tuple[str, int]) -> None:
    scope = await scope_of(Request(url))

    assert (scope["server"], scope["client"]) == (server, None)
    assert (scope["path"], scope["raw_path"], scope["query_string"]) == ("/", b"/", b"")


async def test_headers_of_the_wire_arrive_each_by_itself(host) -> None:
    request = incoming_request(
        "GET", URL, lambda: [("X-A", "1"), ("x-a", "2"), ("x-raw", "\udcff")]
    )

    scope = await scope_of(request)

    assert scope["headers"] == [(b"x-a", b"1"), (b"x-a", b"2"), (b"x-raw", b"\xff")]


async def test_makes_a_response_of_what_is_sent(host) -> None:
    app = App(
        start(
            201, (b"Content-Type", b"text/html"), (b"set-cookie", b"a=1"), (b"set-cookie", b"b=2")
        ),
        body(b"<p>"),
    )

    response = await asgi.fetch(app, Request(URL), host.env, object())

    assert isinstance(response, Response)
    assert response.status == 201
    assert response.headers["content-type"] == "text/html"
    assert response.headers.get_all("set-cookie") == ["a=1", "b=2"]
    assert response.buffered_body == b"<p>"
    assert set(await host.finish()) <= {None}


@pytest.mark.parametrize("raw", [b"gr\xc3\xbcn", b"gr\xfcn"])
async def test_header_values_may_be_utf8_or_latin1(host, raw: bytes) -> None:
    response = await asgi.fetch(App(start(200, (b"x-a", raw)), END), Request(URL), None)

    assert response.headers["x-a"] == "grün"


async def test_headers_and_body_may_be_missing(host) -> None:
    app = App({"type": "http.response.start", "status": 200}, END)

    response = await asgi.fetch(app, Request(URL), None)

    assert dict(response.headers) == {}
    assert await response.bytes() == b""


@pytest.mark.parametrize("status", [204, 205, 304])
async def test_a_status_without_a_body_drops_it(host, status: int) -> None:
    app = App(start(status, (b"x-a", b"1")), body(b"dropped", more=True), body(b"too"))

    response = await asgi.fetch(app, Request(URL), None)

    assert (response.status, response.headers["x-a"]) == (status, "1")
    assert response.body is None
    assert await host.finish() == [None]


async def test_head_drops_the_body_and_keeps_the_headers(host) -> None:
    app = App(start(200, (b"content-length", b"11")), body(b"hello ", more=True), body(b"world"))

    whole = await asgi.fetch(app, Request(URL), None)
    head = await asgi.fetch(app, Request(URL, method="HEAD"), None)

    assert await whole.text() == "hello world"
    assert head.headers["content-length"] == "11"
    assert await head.text() == ""
    assert app.scopes[1]["method"] == "HEAD"
    assert set(await host.finish()) == {None}


async def test_the_body_is_received_in_one_piece_when_it_is_in_memory(host) -> None:
    events: list[dict[str, Any]] = []

    async def answer(scope: Any, receive: Any, send: Any) -> None:
        events.append(await receive())
        await send(START)
        await send(END)
        events.append(await receive())

    await asgi.fetch(application(answer), Request(URL, method="POST", body=b"abc"), None)
    await host.finish()

    assert events == [
        {"type": "http.request", "body": b"abc", "more_body": False},
        {"type": "http.disconnect"},
    ]


async def test_without_a_body_an_empty_one_is_received(host) -> None:
    events: list[dict[str, Any]] = []

    async def answer(scope: Any, receive: Any, send: Any) -> None:
        events.append(await receive())
        await send(START)
        await send(END)

    await asgi.fetch(application(answer), Request(URL), None)

    assert events == [{"type": "http.request", "body": b"", "more_body": False}]


async def test_an_error_before_the_response_is_raised(host) -> None:
    async def answer(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        raise LookupError("no shop")

    with pytest.raises(LookupError, match="^no shop$"):
        await asgi.fetch(application(answer), Request(URL), None)

    assert host.pending == []


async def test_an_error_between_start_and_body_is_raised(host) -> None:
    async def answer(scope: Any, receive: Any, send: Any) -> None:
        await send(START)
        raise LookupError("no shop")

    with pytest.raises(LookupError, match="^no shop$"):
        await asgi.fetch(application(answer), Request(URL), None)


async def test_an_error_that_is_no_exception_is_raised_too(host) -> None:
    class Stop(BaseException):
        pass

    async def answer(scope: Any, receive: Any, send: Any) -> None:
        raise Stop

    with pytest.raises(Stop):
        await asgi.fetch(application(answer), Request(URL), None)


async def test_an_error_after_the_response_is_logged(
    host, caplog: pytest.LogCaptureFixture
) -> None:
    async def answer(scope: Any, receive: Any, send: Any) -> None:
        await send(START)
        await send(body(b"ok"))
        raise LookupError("afterwards")

    response = await asgi.fetch(application(answer), Request(URL), None)

    assert await response.text() == "ok"
    await host.finish()
    [record] = caplog.records
    assert record.levelno == logging.ERROR
    assert "failed after its response began" in record.getMessage()
    assert record.exc_info is not None and str(record.exc_info[1]) == "afterwards"


async def test_an_interruption_after_the_response_is_for_the_host(host) -> None:
    class Stop(BaseException):
        pass

    gate = asyncio.Event()

    async def answer(scope: Any, receive: Any, send: Any) -> None:
        await send(START)
        await send(body(b"ok"))
        await gate.wait()
        raise Stop

    await asgi.fetch(application(answer), Request(URL), None)
    gate.set()

    [error] = await host.finish()
    assert isinstance(error, Stop)


@pytest.mark.parametrize(
    ("events", "message"),
    [
        ([], "returned without sending a response"),
        ([START], "returned without sending a response"),
        ([END], "unexpected ASGI event 'http.response.body': the response is not begun"),
        ([START, START], "unexpected ASGI event 'http.response.start': the response is begun"),
        ([START, {"type": "websocket.accept"}], "unexpected ASGI event 'websocket.accept'"),
    ],
)
async def test_an_application_that_breaks_the_protocol(
    host, events: list[dict[str, Any]], message: str
) -> None:
    class Silent(App):
        def __init__(self) -> None:
            super().__init__()
            self.events = tuple(events)

    with pytest.raises(RuntimeError, match=message):
        await asgi.fetch(Silent(), Request(URL), None)


async def test_a_body_after_the_whole_one_is_an_error_of_the_application(
    host, caplog: pytest.LogCaptureFixture
) -> None:
    response = await asgi.fetch(App(START, body(b"ok"), body(b"more")), Request(URL), None)

    assert await response.text() == "ok"
    await host.finish()
    [record] = caplog.records
    assert record.exc_info is not None
    assert "the response is whole" in str(record.exc_info[1])


@pytest.mark.parametrize("event", [start(600), start(200, (b"bad name", b"")), start(103)])
async def test_a_response_that_cannot_be_made_is_an_error(host, event: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="status must be|Invalid header name"):
        await asgi.fetch(App(event, END), Request(URL), None)


async def test_background_tasks_go_on_after_the_response(host) -> None:
    log: list[str] = []
    gate = asyncio.Event()

    async def answer(scope: Any, receive: Any, send: Any) -> None:
        await send(START)
        await send(body(b"ok"))
        await gate.wait()
        log.append("done")

    response = await asgi.fetch(application(answer), Request(URL), None)

    assert await response.text() == "ok"
    assert log == []
    assert len(host.pending) == 1
    gate.set()
    assert await host.finish() == [None]
    assert log == ["done"]


async def test_a_cancelled_request_cancels_the_application(host) -> None:
    log: list[str] = []
    started = asyncio.Event()

    async def answer(scope: Any, receive: Any, send: Any) -> None:
        started.set()
        try:
            await asyncio.Event().wait()
        finally:
            log.append("cancelled")

    request = asyncio.create_task(asgi.fetch(application(answer), Request(URL), None))
    await started.wait()
    request.cancel()

    with pytest.raises(asyncio.CancelledError):
        await request
    assert log == ["cancelled"]


async def test_an_application_that_cancels_itself_cancels_the_request(host) -> None:
    async def answer(scope: Any, receive: Any, send: Any) -> None:
        raise asyncio.CancelledError

    with pytest.raises(asyncio.CancelledError):
        await asgi.fetch(application(answer), Request(URL), None)


async def lost(first: bytes) -> AsyncIterator[bytes]:
    yield first
    raise ConnectionResetError("gone")


async def test_a_client_that_goes_while_it_sends_is_told(host) -> None:
    events: list[str] = []

    async def answer(scope: Any, receive: Any, send: Any) -> None:
        events.extend([(await receive())["type"], (await receive())["type"]])
        await send(START)
        await send(END)

    request = Request(URL, method="POST", body=lost(b"a"))

    await asgi.fetch(application(answer), request, None)

    assert events == ["http.request", "http.disconnect"]


async def test_works_only_inside_a_worker() -> None:
    with pytest.raises(RuntimeError, match="asgi.fetch works only inside a running worker"):
        await asgi.fetch(App(), Request(URL), None)


async def test_websockets_are_refused_by_name(host) -> None:
    request = Request(URL, headers={"Upgrade": "WebSocket", "Connection": "Upgrade"})
    app = App()

    with pytest.raises(NotImplementedError, match="^WebSockets come with edgestead 0.2$"):
        await asgi.fetch(app, request, host.env)
    with pytest.raises(NotImplementedError, match="^WebSockets come with edgestead 0.2$"):
        await asgi.websocket(app, request, host.env)
    assert app.scopes == []


async def test_an_entrypoint_answers_by_the_application(host) -> None:
    app = App()

    default = asgi.entrypoint(app, options=asgi.Options(encode_body="manual"))
    response = await default("ctx", host.env).fetch(Request(URL))

    assert issubclass(default, WorkerEntrypoint)
    assert default.__name__ == "Default"
    assert await response.text() == "ok"
    assert app.scopes[0]["env"] is host.env


def test_options_name_what_they_take() -> None:
    assert asgi.Options().encode_body == "automatic"
    with pytest.raises(ValueError, match="not 'gzip'"):
        asgi.Options(encode_body="gzip")


def test_other_names_are_missing() -> None:
    with pytest.raises(AttributeError, match="module 'workers.asgi' has no attribute 'app'"):
        asgi.app  # noqa: B018  # the point of the test


async def test_a_body_that_was_not_received_is_left_alone(host) -> None:
    request = Request(URL, method="POST", body=Body([b"a"]))

    await asgi.fetch(App(), request, None)

    assert not request.body_used


async def test_bytes_of_the_wire_that_are_not_utf8_stay_escaped(host) -> None:
    request = incoming_request("GET", lambda: "http://test.com/gr\udcfcn?\udcfc", lambda: [])

    scope = await scope_of(request)

    assert scope["raw_path"] == b"/gr%FCn"
    assert scope["path"] == "/gr\ufffdn"
    assert scope["query_string"] == b"%FC"
