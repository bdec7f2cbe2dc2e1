"""Serving connections on bound sockets until told to stop."""

import asyncio
import logging
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, MutableMapping
from contextlib import asynccontextmanager, suppress
from typing import Any

from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError

__all__ = ["Handler", "serve_connections"]

Handler = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]

# Cloudflare's limits are 16 KB for a URL and 128 KB for all headers of a request.
_MAX_LINE_BYTES = 16 * 1024
_MAX_HEADER_BYTES = 128 * 1024
# What a cancelled request may still do before its connection is cut.
_CUT_AFTER_S = 0.5


@asynccontextmanager
async def serve_connections(
    served: Iterable[tuple[Handler, Iterable[socket.socket]]],
    *,
    tls: ssl.SSLContext | None,
    grace_s: float,
) -> AsyncIterator[None]:
    """Answer requests while the context is open, each by the handler of the socket it came on.

    A client that goes away cancels its call of the handler. At the end no new connection is taken,
    idle ones are closed, and requests in flight get `grace_s` seconds.
    """
    loop = asyncio.get_running_loop()
    listeners: list[asyncio.Server] = []
    requests = []
    for handler, sockets in served:
        requests.append(_Requests(handler))
        for listener in sockets:
            listeners.append(await loop.create_server(requests[-1].server, sock=listener, ssl=tls))
    try:
        yield
    finally:
        for listening in listeners:
            listening.close()
        await asyncio.gather(*(each.finish(grace_s) for each in requests))


class _Requests:
    """The requests of one handler that are being answered, and the server that brings them."""

    def __init__(self, handler: Handler) -> None:
        self.server = web.Server(
            self._handle,
            handler_cancellation=True,
            access_log=None,
            auto_decompress=False,
            logger=_ProtocolLog(logging.getLogger(__name__), {}),
            max_line_size=_MAX_LINE_BYTES,
            max_field_size=_MAX_HEADER_BYTES,
        )
        self._handler = handler
        self._busy: set[web.RequestHandler] = set()
        self._is_ending = False
        self._none_left = asyncio.Event()

    async def finish(self, grace_s: float) -> None:
        """Close idle connections, wait for the others, and cut what takes too long."""
        self._is_ending = True
        # aiohttp's own shutdown would take no more of the bodies that are being uploaded.
        for connection in self.server.connections:
            if connection not in self._busy:
                connection.close()
        if self._busy:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._none_left.wait(), grace_s)
        await self.server.shutdown(_CUT_AFTER_S)

    async def _handle(self, raw: web.BaseRequest) -> web.StreamResponse:
        connection = raw.protocol
        self._busy.add(connection)
        try:
            return await self._handler(raw)
        finally:
            self._busy.discard(connection)
            if self._is_ending:
                connection.close()
                if not self._busy:
                    self._none_left.set()


class _ProtocolLog(logging.LoggerAdapter[logging.Logger]):
    """What aiohttp has to say: of bytes that are no HTTP only for who debugs, they are not ours."""

    def log(self, level: int, msg: object, *args: object, **kwargs: Any) -> None:
        if isinstance(kwargs.get("exc_info"), HttpProcessingError):
            level = logging.DEBUG
        super().log(level, msg, *args, **kwargs)

    def process(
        self, msg: Any, kwargs: MutableMapping[str, Any]
    ) -> tuple[Any, MutableMapping[str, Any]]:
        return msg, kwargs
