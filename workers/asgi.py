"""ASGI applications (FastAPI, Starlette, Django) as workers.

`return await asgi.fetch(app, request, self.env)` answers a request by an application; a worker
that is nothing else can say `Default = asgi.entrypoint(app)`. `env=asgi.env` as a parameter of a
FastAPI handler gives it the worker's bindings.
"""

import asyncio
from dataclasses import dataclass
from typing import Any, Final, NoReturn
from urllib.parse import unquote_to_bytes

from workers._asgi_exchange import Exchange
from workers._asgi_lifespan import lifespan_of
from workers._asgi_types import Application
from workers._host import require_host
from workers.entrypoints import WorkerEntrypoint
from workers.gateway import BaseOptions
from workers.request import Request
from workers.response import NO_WEBSOCKETS, Response
from workers.types import Context

__all__ = ["Options", "entrypoint", "fetch", "websocket"]

# From 2.4 on a server promises that `send` raises OSError once the client is gone.
_VERSION: Final = {"version": "3.0", "spec_version": "2.4"}
_PORTS: Final = {"http": 80, "https": 443}


@dataclass(frozen=True, kw_only=True)
class Options(BaseOptions):
    """Options of the ASGI adapter."""


async def fetch(
    app: Application,
    req: Request,
    env: Any,
    ctx: Context | None = None,
    *,
    options: Options | None = None,
) -> Response:
    """Answer a request by an ASGI application; `scope["env"]` is `env`.

    Bodies stream both ways: the request's is pulled as the application receives, the response's is
    sent as it is written, and writing waits while over 64 KiB are unread. The application's
    lifespan starts before its first request and ends with the loaded worker; what it does after
    the response (background tasks) goes on as `waitUntil` work. `ctx` and `options` are accepted
    for Cloudflare's sake.

    Raises what the application raises before its response, RuntimeError when its lifespan did not
    start or it sends no response, NotImplementedError for a WebSocket. A later error is logged and
    breaks the body off.
    """
    host = require_host("asgi.fetch")
    headers = _scope_headers(req)
    if any(name == b"upgrade" and value.lower() == b"websocket" for name, value in headers):
        await websocket(app, req, env)
    lifespan = lifespan_of(app, env, host)
    if not lifespan.started:
        await lifespan.start()
    exchange = Exchange(req)
    scope = _http_scope(req, headers) | {"env": env, "state": lifespan.state.copy()}
    task = asyncio.create_task(exchange.run(app, scope))
    try:
        response = await exchange.response
    except asyncio.CancelledError:
        task.cancel()
        await asyncio.wait([task])
        raise
    except BaseException:
        await asyncio.wait([task])
        raise
    if not task.done():
        host.wait_until(task)
    return response


async def websocket(app: Application, req: Request, env: Any = None) -> NoReturn:
    """Raise NotImplementedError, which names the version that has WebSockets."""
    raise NotImplementedError(NO_WEBSOCKETS)


def entrypoint(app: Application, *, options: Options | None = None) -> type[WorkerEntrypoint]:
    """Return an entrypoint class, to be named `Default`, whose requests `app` answers."""

    class Default(WorkerEntrypoint):
        """Answers requests by an ASGI application."""

        async def fetch(self, request: Request) -> Response:
            """Hand the request to the application."""
            return await fetch(app, request, self.env, self.ctx, options=options)

    return Default


def __getattr__(name: str) -> Any:
    if name != "env":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    # FastAPI is the worker's own choice; without it nobody asks for this.
    import fastapi

    async def env(request: fastapi.Request) -> Any:
        return request.scope["env"]

    return fastapi.Depends(env)


def _http_scope(request: Request, headers: list[tuple[bytes, bytes]]) -> dict[str, Any]:
    scheme, _, rest = request.url.partition("#")[0].partition("://")
    target, _, query = rest.partition("?")
    authority, slash, path = target.partition("/")
    raw_path = _wire_bytes(slash + path)
    client = next(
        (value.decode("latin-1") for name, value in headers if name == b"cf-connecting-ip"), None
    )
    return {
        "type": "http",
        "asgi": _VERSION,
        "http_version": "1.1",
        "method": str(request.method),
        "scheme": scheme,
        "path": unquote_to_bytes(raw_path).decode("utf-8", "replace"),
        "raw_path": raw_path,
        "query_string": _wire_bytes(query),
        "root_path": "",
        "headers": headers,
        # The runtime knows the client's address, not its port.
        "client": None if client is None else (client, 0),
        "server": _server(authority, scheme),
    }


def _scope_headers(request: Request) -> list[tuple[bytes, bytes]]:
    return [(name.lower().encode(), _wire_bytes(value)) for name, value in request.header_pairs()]


def _server(authority: str, scheme: str) -> tuple[str, int]:
    host, _, port = authority.rpartition(":")
    if port.isdecimal():
        return host.strip("[]"), int(port)
    return authority.strip("[]"), _PORTS.get(scheme, 80)


def _wire_bytes(text: str) -> bytes:
    # A server keeps bytes that are not UTF-8 as surrogates.
    return text.encode("utf-8", "surrogateescape")
