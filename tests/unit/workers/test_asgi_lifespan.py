"""The lifespan of an ASGI application: once for each loaded worker."""

import asyncio
import logging
from typing import Any

import pytest

from workers import Request, asgi
from workers import _asgi_lifespan as lifespan
from workers._host import current_host

URL = "https://test.com/"


class App:
    """Notes its events; `startup` and `shutdown` are what it sends at those."""

    def __init__(
        self,
        startup: dict[str, Any] | None = None,
        shutdown: dict[str, Any] | None = None,
    ) -> None:
        self.log: list[str] = []
        self.scopes: list[dict[str, Any]] = []
        self._startup = startup or {"type": "lifespan.startup.complete"}
        self._shutdown = shutdown or {"type": "lifespan.shutdown.complete"}

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        self.scopes.append(scope)
        if scope["type"] == "lifespan":
            self.log.append((await receive())["type"])
            scope["state"]["shop"] = "open"
            await send(self._startup)
            self.log.append((await receive())["type"])
            await send(self._shutdown)
            return
        self.log.append(scope["path"])
        await send({"type": "http.response.start", "status": 200})
        await send({"type": "http.response.body", "body": b"ok"})


async def get(app: Any, path: str = "", env: object = None) -> None:
    response = await asgi.fetch(app, Request(URL + path), env)
    assert await response.text() == "ok"


async def test_it_starts_before_the_first_request_and_stops_with_the_worker(host) -> None:
    app = App()

    await get(app, "1")
    await get(app, "2")
    assert app.log == ["lifespan.startup", "/1", "/2"]
    await host.close()

    assert app.log == ["lifespan.startup", "/1", "/2", "lifespan.shutdown"]


async def test_its_scope_has_version_state_and_env(host) -> None:
    app = App()

    await get(app, env=host.env)

    assert app.scopes[0] == {
        "type": "lifespan",
        "asgi": {"version": "3.0", "spec_version": "2.0"},
        "state": {"shop": "open"},
        "env": host.env,
    }


async def test_each_request_has_a_copy_of_its_state(host) -> None:
    app = App()

    await get(app)
    app.scopes[1]["state"]["shop"] = "changed"
    await get(app)

    assert app.scopes[2]["state"] == {"shop": "open"}


async def test_concurrent_first_requests_wait_for_one_start(host) -> None:
    gate = asyncio.Event()

    class SlowApp(App):
        async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
            if scope["type"] == "lifespan":
                await gate.wait()
            await super().__call__(scope, receive, send)

    app = SlowApp()
    requests = asyncio.gather(get(app), get(app))
    await asyncio.sleep(0)
    gate.set()
    await requests

    assert app.log == ["lifespan.startup", "/", "/"]


async def test_a_cancelled_first_request_does_not_end_the_start(host) -> None:
    gate = asyncio.Event()
    waiting = asyncio.Event()

    class SlowApp(App):
        async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
            if scope["type"] == "lifespan":
                waiting.set()
                await gate.wait()
            await super().__call__(scope, receive, send)

    app = SlowApp()
    first = asyncio.create_task(get(app))
    await waiting.wait()
    first.cancel()
    with pytest.raises(asyncio.CancelledError):
        await first
    gate.set()

    await get(app, "second")
    assert app.log == ["lifespan.startup", "/second"]


async def test_each_worker_has_a_lifespan_of_its_own(host, make_host) -> None:
    app, other = App(), make_host()

    await get(app)
    token = current_host.set(other)
    await get(app)
    current_host.reset(token)
    await other.close()

    assert app.log == ["lifespan.startup", "/", "lifespan.startup", "/", "lifespan.shutdown"]


async def test_an_application_without_a_lifespan_is_served(
    host, caplog: pytest.LogCaptureFixture
) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            raise ValueError("only http")
        await App()(scope, receive, send)

    with caplog.at_level(logging.INFO):
        await get(app)
        await host.close()

    assert caplog.records == []


async def test_an_application_that_ignores_its_lifespan_is_served(host) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http":
            await App()(scope, receive, send)

    await get(app)
    await host.close()


async def test_an_application_may_end_its_lifespan_after_the_start(host) -> None:
    class Brief(App):
        async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
            if scope["type"] == "lifespan":
                await receive()
                await send({"type": "lifespan.startup.complete"})
                return
            await super().__call__(scope, receive, send)

    app = Brief()
    await get(app)
    await get(app)
    await host.close()

    assert app.log == ["/", "/"]


@pytest.mark.parametrize(
    ("message", "shown"),
    [
        ("no database", "no database"),
        ("Traceback:\n  line 1\nKeyError: 'DB'\n", "KeyError: 'DB'"),
        ("", "it gives no reason"),
        (" \n", "it gives no reason"),
    ],
)
async def test_every_request_of_an_application_that_did_not_start_fails(
    host, caplog: pytest.LogCaptureFixture, message: str, shown: str
) -> None:
    app = App(startup={"type": "lifespan.startup.failed", "message": message})

    for _ in range(2):
        with pytest.raises(RuntimeError, match="the ASGI application did not start: ") as caught:
            await get(app)
        assert shown in str(caught.value)
    assert [record.levelname for record in caplog.records] == ["ERROR"]
    assert app.log.count("lifespan.startup") == 1


async def test_the_error_that_kept_it_from_starting_is_the_cause(host) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await send({"type": "lifespan.startup.failed", "message": "failed"})
        raise LookupError("no database")

    with pytest.raises(RuntimeError, match="did not start: failed") as caught:
        await get(app)

    assert isinstance(caught.value.__cause__, LookupError)


async def test_an_interruption_at_the_start_is_no_missing_lifespan(host) -> None:
    class Stop(BaseException):
        pass

    async def app(scope: Any, receive: Any, send: Any) -> None:
        raise Stop("too long")

    with pytest.raises(RuntimeError, match="did not start: Stop too long"):
        await get(app)


async def test_an_error_at_the_shutdown_is_logged(host, caplog: pytest.LogCaptureFixture) -> None:
    app = App(shutdown={"type": "lifespan.shutdown.failed", "message": "still busy"})

    await get(app)
    await host.close()

    assert [record.getMessage() for record in caplog.records] == [
        "the ASGI application did not shut down cleanly: still busy"
    ]


async def test_a_lifespan_that_fails_later_is_logged(
    host, caplog: pytest.LogCaptureFixture
) -> None:
    app = App(shutdown={"type": "lifespan.unknown"})

    await get(app)
    await host.close()

    [record] = caplog.records
    assert record.getMessage() == "the ASGI application's lifespan failed"
    assert record.exc_info is not None
    assert "unexpected ASGI lifespan event 'lifespan.unknown'" in str(record.exc_info[1])


async def test_a_shutdown_that_takes_too_long_is_cut_short(
    host, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    log: list[str] = []

    class Stubborn(App):
        async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
            if scope["type"] != "lifespan":
                await super().__call__(scope, receive, send)
                return
            await receive()
            await send({"type": "lifespan.startup.complete"})
            try:
                await asyncio.Event().wait()
            finally:
                log.append("cancelled")

    monkeypatch.setattr(lifespan, "_SHUTDOWN_S", 0.001)
    await get(Stubborn())
    await host.close()

    assert log == ["cancelled"]
    assert [record.levelname for record in caplog.records] == ["ERROR"]


@pytest.mark.parametrize("turns", [1, 2, 3])
async def test_a_worker_that_closes_does_not_wait_for_a_start(host, turns: int) -> None:
    class Waiting(App):
        async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
            await asyncio.Event().wait()

    first = asyncio.create_task(get(Waiting()))
    for _ in range(turns):
        await asyncio.sleep(0)
    await host.close()

    with pytest.raises(RuntimeError, match="did not start: its worker was closed before"):
        await first


async def test_a_cancelled_lifespan_after_the_start_leaves_the_application(host) -> None:
    class Cancels(App):
        async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
            if scope["type"] == "lifespan":
                await send({"type": "lifespan.startup.complete"})
                raise asyncio.CancelledError
            await super().__call__(scope, receive, send)

    await get(Cancels())


async def test_an_application_that_cannot_be_hashed_is_known_by_its_identity(host) -> None:
    class Unhashable(App):
        __hash__ = None

    app = Unhashable()

    await get(app)
    await get(app)

    assert app.log == ["lifespan.startup", "/", "/"]


async def test_applications_made_for_each_request_are_warned_of_once(
    host, caplog: pytest.LogCaptureFixture
) -> None:
    for _ in range(18):
        await get(App())

    [record] = caplog.records
    assert record.levelname == "WARNING"
    assert "has met 16 different applications in one worker" in record.getMessage()
