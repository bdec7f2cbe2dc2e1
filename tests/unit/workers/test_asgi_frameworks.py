"""FastAPI and Starlette as their users write them."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated, Any

import fastapi
import pytest
from fastapi.responses import StreamingResponse
from pydantic import BaseModel
from starlette.applications import Starlette
from starlette.background import BackgroundTask
from starlette.middleware import Middleware
from starlette.middleware.base import BaseHTTPMiddleware
from starlette.responses import PlainTextResponse
from starlette.responses import StreamingResponse as StarletteStream
from starlette.routing import Route

from workers import FormData, Request, asgi

URL = "https://test.com"


class Item(BaseModel):
    name: str
    cents: int


@pytest.fixture
def shop() -> fastapi.FastAPI:
    app = fastapi.FastAPI()

    @app.get("/items/{name}")
    async def read_item(name: str, limit: int = 10) -> Item:
        return Item(name=name, cents=limit)

    @app.put("/items/{name}", status_code=201)
    async def write_item(name: str, item: Item) -> Item:
        return item

    @app.get("/sync")
    def sync() -> str:
        return "from a thread"

    return app


async def test_fastapi_answers(host, shop: fastapi.FastAPI) -> None:
    response = await asgi.fetch(shop, Request(f"{URL}/items/a%20b?limit=3"), host.env)

    assert response.status == 200
    assert response.headers["content-type"] == "application/json"
    assert await response.json() == {"name": "a b", "cents": 3}


async def test_fastapi_reads_bodies(host, shop: fastapi.FastAPI) -> None:
    async def upload() -> AsyncIterator[bytes]:
        yield b'{"name": "pear", '
        yield b'"cents": 45}'

    request = Request(
        f"{URL}/items/pear",
        method="PUT",
        body=upload(),
        headers={"content-type": "application/json"},
    )

    response = await asgi.fetch(shop, request, host.env)

    assert response.status == 201
    assert await response.json() == {"name": "pear", "cents": 45}


async def test_fastapi_reports_what_it_refuses(host, shop: fastapi.FastAPI) -> None:
    missing = await asgi.fetch(shop, Request(f"{URL}/missing"), host.env)
    invalid = await asgi.fetch(shop, Request(f"{URL}/items/a?limit=many"), host.env)

    assert (missing.status, invalid.status) == (404, 422)
    assert await missing.json() == {"detail": "Not Found"}


async def test_fastapi_runs_sync_handlers_in_a_thread(host, shop: fastapi.FastAPI) -> None:
    response = await asgi.fetch(shop, Request(f"{URL}/sync"), host.env)

    assert await response.json() == "from a thread"


async def test_env_is_a_parameter_of_a_fastapi_handler(host) -> None:
    app = fastapi.FastAPI()

    @app.get("/")
    async def by_dependency(env: Annotated[Any, asgi.env]) -> str:
        return env.NAME

    @app.get("/default")
    async def by_default(env=asgi.env) -> str:
        return env.NAME

    @app.get("/scope")
    async def by_scope(request: fastapi.Request) -> str:
        return request.scope["env"].NAME

    for path in ("/", "/default", "/scope"):
        response = await asgi.fetch(app, Request(URL + path), host.env)
        assert await response.json() == "value"


async def test_fastapi_lifespan_and_its_state(host) -> None:
    log: list[str] = []

    @asynccontextmanager
    async def lifespan(app: fastapi.FastAPI) -> AsyncIterator[dict[str, str]]:
        log.append("start")
        yield {"shop": "open"}
        log.append("stop")

    app = fastapi.FastAPI(lifespan=lifespan)

    @app.get("/")
    async def state(request: fastapi.Request) -> str:
        return request.state.shop

    for _ in range(2):
        response = await asgi.fetch(app, Request(URL), host.env)
        assert await response.json() == "open"
    assert log == ["start"]
    await host.close()

    assert log == ["start", "stop"]


async def test_a_fastapi_lifespan_that_fails_names_its_error(
    host, caplog: pytest.LogCaptureFixture
) -> None:
    @asynccontextmanager
    async def lifespan(app: fastapi.FastAPI) -> AsyncIterator[None]:
        raise LookupError("no database")
        yield

    app = fastapi.FastAPI(lifespan=lifespan)

    with pytest.raises(RuntimeError, match="did not start: LookupError: no database") as caught:
        await asgi.fetch(app, Request(URL), host.env)

    assert isinstance(caught.value.__cause__, LookupError)
    assert "Traceback" in caplog.text


async def test_fastapi_streams(host) -> None:
    app = fastapi.FastAPI()

    @app.get("/")
    async def events() -> StreamingResponse:
        async def lines() -> AsyncIterator[str]:
            for number in range(3):
                yield f"data: {number}\n\n"

        return StreamingResponse(lines(), media_type="text/event-stream")

    response = await asgi.fetch(app, Request(URL), host.env)

    assert response.headers["content-type"] == "text/event-stream; charset=utf-8"
    assert [bytes(chunk) async for chunk in response.body] == [
        b"data: 0\n\n",
        b"data: 1\n\n",
        b"data: 2\n\n",
    ]


async def test_fastapi_background_tasks_run_after_the_response(host) -> None:
    app = fastapi.FastAPI()
    log: list[str] = []
    gate = asyncio.Event()

    async def note(text: str) -> None:
        await gate.wait()
        log.append(text)

    @app.post("/")
    async def accept(tasks: fastapi.BackgroundTasks) -> str:
        tasks.add_task(note, "mail")
        return "accepted"

    response = await asgi.fetch(app, Request(URL, method="POST"), host.env)

    assert await response.json() == "accepted"
    assert log == []
    gate.set()
    assert await host.finish() == [None]
    assert log == ["mail"]


async def test_a_fastapi_handler_that_fails_answers_500_and_is_logged(
    host, caplog: pytest.LogCaptureFixture
) -> None:
    app = fastapi.FastAPI()

    @app.get("/")
    async def fail() -> None:
        raise LookupError("no shop")

    response = await asgi.fetch(app, Request(URL), host.env)

    assert (response.status, await response.text()) == (500, "Internal Server Error")
    await host.finish()
    [record] = caplog.records
    assert record.exc_info is not None and str(record.exc_info[1]) == "no shop"


async def test_starlette_middleware_streams_and_hears_of_a_client_that_goes(
    host, caplog: pytest.LogCaptureFixture
) -> None:
    async def endless(request: Any) -> StarletteStream:
        async def chunks() -> AsyncIterator[bytes]:
            while True:
                yield bytes(40_000)

        return StarletteStream(chunks())

    class Pass(BaseHTTPMiddleware):
        async def dispatch(self, request: Any, call_next: Any) -> Any:
            return await call_next(request)

    app = Starlette(routes=[Route("/", endless)], middleware=[Middleware(Pass)])

    response = await asgi.fetch(app, Request(URL), host.env)
    chunks = response.take_body()
    assert len(await anext(chunks)) == 40_000
    await chunks.aclose()

    assert await host.finish() == [None]
    assert caplog.records == []


async def test_starlette_reads_forms_and_runs_background_work(host) -> None:
    log: list[str] = []

    async def accept(request: Any) -> PlainTextResponse:
        body = await request.body()
        name = request.headers["content-type"].partition(";")[0]
        return PlainTextResponse(
            f"{name} {len(body)}", background=BackgroundTask(log.append, "done")
        )

    app = Starlette(routes=[Route("/", accept, methods=["POST"])])
    form = FormData({"a": "1"})

    response = await asgi.fetch(app, Request(URL, method="POST", body=form), host.env)

    assert (await response.text()).startswith("multipart/form-data ")
    await host.finish()
    assert log == ["done"]


async def test_an_entrypoint_serves_an_application(host, shop: fastapi.FastAPI) -> None:
    default = asgi.entrypoint(shop)

    response = await default(object(), host.env).fetch(Request(f"{URL}/items/pear"))

    assert (await response.json())["name"] == "pear"
