"""aiohttp's low-level server on one side, invocations on the other."""

import asyncio
import itertools
import os
import re
import time
from collections.abc import Callable, Iterator
from functools import partial
from typing import NamedTuple, Protocol
from urllib.parse import urlsplit

from aiohttp import web

from runtime._dispatch.node import Node
from runtime._dispatch.worker import WorkerSlot
from runtime._http.incoming import (
    MAX_BODY_BYTES,
    IncomingBody,
    RefusedError,
    client_headers,
    open_body,
    read_target,
)
from runtime._http.pages import Pages
from runtime._http.sending import (
    BrokenOffError,
    UnsendableError,
    send_response,
    was_cancelled,
)
from workers import Request, Response
from workers.body import Body
from workers.request import incoming_request

__all__ = ["CLIENT_GONE", "Front", "RequestRecord", "SystemRoutes"]

# What makes a path another one when its URL is normalised: segments of dots, backslashes.
_NOT_NORMAL = re.compile(r"/\.|/%2e|\\", re.IGNORECASE)
# What the log says of a client that went away before it was answered; nginx's code for it.
CLIENT_GONE = 499


class RequestRecord(NamedTuple):
    """One request, for the request log; `status` is the one that was sent, or CLIENT_GONE."""

    method: str
    path: str
    status: int
    seconds: float
    worker: str


class SystemRoutes(Protocol):
    """Answers what the runtime itself serves, `/cdn-cgi/` above all."""

    def claims(self, path: str) -> bool:
        """Tell whether a path is the runtime's and never reaches a worker."""

    async def handle(self, request: Request, slot: WorkerSlot) -> Response:
        """Answer a claimed path; 404 for what is unknown."""


class _Exchange:
    """One request on its way through the front."""

    __slots__ = ("began", "body", "is_refused", "ray", "raw", "request", "slot", "status")

    def __init__(self, raw: web.BaseRequest, ray: str) -> None:
        self.raw = raw
        self.ray = ray
        self.began = time.perf_counter()
        self.status = CLIENT_GONE
        self.is_refused = False
        self.slot: WorkerSlot | None = None
        self.request: Request | None = None
        self.body: IncomingBody | None = None

    def can_go_on(self) -> bool:
        """Take note that the answer begins; tell whether its connection may carry another one."""
        if self.is_refused:
            # A body that nobody wants, or another protocol, may be on its way.
            return False
        return self.raw.keep_alive is True and (self.body is None or self.body.leave())


class _Sent(web.StreamResponse):
    """What aiohttp is told of an answer that has been sent: whether to keep the connection."""

    def __init__(self, *, keep_alive: bool) -> None:
        self._keep_alive = keep_alive

    async def prepare(self, request: web.BaseRequest) -> None:
        """Do nothing: the head is on its way."""

    async def write_eof(self, data: bytes = b"") -> None:
        """Do nothing: so is the body."""


_KEEP, _CLOSE = _Sent(keep_alive=True), _Sent(keep_alive=False)


class Front:
    """Turns each HTTP request into one invocation, and its Response into bytes on the wire."""

    def __init__(
        self,
        node: Node,
        *,
        pages: Pages,
        system: SystemRoutes,
        cf: Callable[[], object | None],
        scheme: str = "http",
        on_response: Callable[[RequestRecord], None] | None = None,
        is_ending: Callable[[], bool] = lambda: False,
        max_body_bytes: int = MAX_BODY_BYTES,
    ) -> None:
        """Serve the workers of `node`; once `is_ending()`, answers end their connections."""
        self._node = node
        self._pages = pages
        self._system = system
        self._cf = cf
        self._scheme = scheme
        self._on_response = on_response
        self._is_ending = is_ending
        self._max_body_bytes = max_body_bytes
        self._ray_prefix = os.urandom(4).hex()
        self._ray_numbers = itertools.count(1)

    async def handle(
        self, raw: web.BaseRequest, default: Callable[[], WorkerSlot | None]
    ) -> web.StreamResponse:
        """Answer one request; `default` names the worker for a host that nobody claims."""
        exchange = _Exchange(raw, f"{self._ray_prefix}{next(self._ray_numbers) & 0xFFFFFFFF:08x}")
        try:
            response = await self._respond(exchange, default)
            exchange.status = response.status
            keep_alive = exchange.can_go_on() and not self._is_ending()
            try:
                keep_alive = await send_response(raw, response, keep_alive=keep_alive)
            except (UnsendableError, BrokenOffError) as error:
                keep_alive = await self._send_failure(exchange, error, keep_alive)
        except ConnectionError:
            keep_alive = False
        finally:
            # Also where the client has gone, which cancels this call.
            if self._on_response is not None:
                self._on_response(_record(exchange))
        return _KEEP if keep_alive else _CLOSE

    async def _respond(
        self, exchange: _Exchange, default: Callable[[], WorkerSlot | None]
    ) -> Response:
        try:
            host, target = read_target(exchange.raw)
            exchange.body = open_body(exchange.raw, self._max_body_bytes)
        except RefusedError as refusal:
            exchange.is_refused = True
            return self._pages.refusal(refusal)
        exchange.request = request = self._request(exchange, host, target)
        path = target.partition("?")[0]
        if _NOT_NORMAL.search(path):
            # As the worker will see it: nobody is routed past a pattern by dots.
            path = urlsplit(request.url).path
        exchange.slot = slot = self._node.route(host, path) or default()
        if slot is None:
            return self._pages.no_worker(host)
        try:
            if self._system.claims(path):
                return await self._system.handle(request, slot)
            response: Response = await slot.invoke("fetch", (request,), {}, request_id=exchange.ray)
        except asyncio.CancelledError as error:
            if was_cancelled():
                raise
            # The worker's own: it awaited something that was cancelled.
            return self._failure(exchange, error)
        except (Exception, SystemExit) as error:
            return self._failure(exchange, error)
        if exchange.body is not None and exchange.body.fault is not None:
            await _discard(response)
            return self._pages.refusal(exchange.body.fault)
        return response

    def _request(self, exchange: _Exchange, host: str, target: str) -> Request:
        raw, body, scheme = exchange.raw, exchange.body, self._scheme
        return incoming_request(
            method=raw.method,
            url=f"{scheme}://{host}{target}",
            headers=partial(_headers, raw, exchange.ray, scheme),
            body=None if body is None else Body.trusted(body, length=raw.content_length),
            cf=self._cf(),
        )

    async def _send_failure(
        self, exchange: _Exchange, error: UnsendableError | BrokenOffError, keep_alive: bool
    ) -> bool:
        """Deal with a response that shows only now what is wrong with it."""
        response = self._failure(exchange, error.__cause__ or error)
        if isinstance(error, BrokenOffError):
            return False
        exchange.status = response.status
        return await send_response(exchange.raw, response, keep_alive=keep_alive)

    def _failure(self, exchange: _Exchange, error: BaseException) -> Response:
        """Answer in the place of a worker that has failed."""
        if exchange.body is not None and exchange.body.fault is not None:
            return self._pages.refusal(exchange.body.fault)
        assert exchange.slot is not None and exchange.request is not None
        return self._pages.failure(error, exchange.slot, exchange.request, exchange.ray)


def _headers(raw: web.BaseRequest, ray: str, scheme: str) -> Iterator[tuple[str, str]]:
    """Yield what a worker sees: the client's headers, and what the runtime says of the client."""
    yield from client_headers(raw)
    yield "CF-Connecting-IP", raw.remote or "127.0.0.1"
    yield "CF-Ray", f"{ray}-DEV"
    yield "X-Forwarded-Proto", scheme


def _record(exchange: _Exchange) -> RequestRecord:
    return RequestRecord(
        exchange.raw.method,
        exchange.raw.raw_path.partition("?")[0],
        exchange.status,
        time.perf_counter() - exchange.began,
        "-" if exchange.slot is None else exchange.slot.name,
    )


async def _discard(response: Response) -> None:
    if response.body is not None:
        await response.body.cancel()
