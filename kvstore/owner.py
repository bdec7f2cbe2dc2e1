"""The process that holds a store open, and serves it to others over a Unix socket.

Clients keep what they have read. Before a writer is told that its write is done, every client that
might have kept the key has confirmed that it forgot it; one that does not confirm is cut off once
the time is over for which it may trust what it keeps. So after a put has returned, no reader of
this host sees the old value.
"""

import asyncio
import os
import socket
import time
from collections.abc import AsyncGenerator, AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Final

from kvstore._session import Session
from kvstore._socket_path import short_socket_path
from kvstore._wire import Beat, Invalidate
from kvstore.engine import Entry, KVEngine, Operation, Record
from kvstore.errors import EngineError

__all__ = ["SharedEngine", "TRUST_S", "serve_engine"]

TRUST_S: Final = 2.0
"""How long a client may trust what it keeps after the owner last said so, in seconds."""

_BEAT_S: Final = TRUST_S / 4
_BACKLOG: Final = 128


@asynccontextmanager
async def serve_engine(engine: KVEngine, socket_path: Path) -> AsyncIterator["SharedEngine"]:
    """Serve `engine` on a socket that this user alone may connect to, while the context is open.

    Yields the engine that this process must use from now on, so that clients hear of its writes.
    Closing `engine` is its opener's business. Raises EngineError where the socket cannot be made.
    """
    shared = SharedEngine(engine)
    listener = _bind(socket_path)
    server = await asyncio.get_running_loop().create_unix_server(
        shared.connect, sock=listener, backlog=_BACKLOG
    )
    beating = asyncio.create_task(shared.beat())
    try:
        yield shared
    finally:
        beating.cancel()
        server.close()
        await shared.disconnect()
        with suppress(FileNotFoundError):
            os.unlink(socket_path)


class SharedEngine:
    """An engine whose writes are told to every client that keeps what it has read."""

    def __init__(self, engine: KVEngine) -> None:
        self._engine = engine
        self._sessions: set[Session] = set()
        self._number = 0
        self._trusted_until = 0.0

    async def get(self, namespace: str, key: bytes) -> Record | None:
        """Return the record of a key."""
        return await self._engine.get(namespace, key)

    async def get_many(self, namespace: str, keys: Sequence[bytes]) -> Sequence[Record | None]:
        """Return the records of several keys."""
        return await self._engine.get_many(namespace, keys)

    async def write(self, operations: Sequence[Operation], writer: Session | None = None) -> None:
        """Carry out puts and deletes, and return when no client keeps what stood there before."""
        try:
            await self._engine.write(operations)
        finally:
            await self._invalidate([(one.namespace, one.key) for one in operations], writer)

    async def list(
        self, namespace: str, prefix: bytes, after: bytes | None, limit: int
    ) -> tuple[Sequence[Entry], bool]:
        """Return a page of keys."""
        return await self._engine.list(namespace, prefix, after, limit)

    def snapshot(self, namespace: str) -> AsyncGenerator[tuple[bytes, Record], None]:
        """Iterate over the records of a namespace as they stand now."""
        return self._engine.snapshot(namespace)

    async def namespaces(self) -> Sequence[str]:
        """Return the namespaces that hold something."""
        return await self._engine.namespaces()

    async def drop(self, namespace: str, writer: Session | None = None) -> None:
        """Remove a namespace, and return when no client keeps anything of it."""
        try:
            await self._engine.drop(namespace)
        finally:
            await self._invalidate([], writer)

    async def sweep(self, limit: int) -> int:
        """Free expired records; nobody sees them, so nobody need be told."""
        return await self._engine.sweep(limit)

    async def close(self) -> None:
        """Close the engine."""
        await self._engine.close()

    # Clients

    @property
    def engine(self) -> KVEngine:
        """The engine underneath."""
        return self._engine

    @property
    def invalidations(self) -> int:
        """How often keys have been invalidated so far."""
        return self._number

    @property
    def trusted_until(self) -> float:
        """Until when clients may trust what they keep, by the monotonic clock."""
        return self._trusted_until

    def connect(self) -> asyncio.Protocol:
        """Begin a session with a client that has just connected."""
        session = Session(self, on_end=self._sessions.discard)
        self._sessions.add(session)
        return session.connection

    async def beat(self) -> None:
        """Tell clients from time to time that they may go on trusting what they keep."""
        while True:
            self._trusted_until = time.monotonic() + TRUST_S
            for session in self._caching():
                session.connection.send(Beat(self._trusted_until))
            await asyncio.sleep(_BEAT_S)

    async def disconnect(self) -> None:
        """End every session."""
        ending = [session.close() for session in self._sessions]
        await asyncio.gather(*ending)

    def _caching(self) -> Iterable[Session]:
        return [session for session in self._sessions if session.caches]

    async def _invalidate(self, keys: Sequence[tuple[str, bytes]], writer: Session | None) -> None:
        """Make every client forget; the writer itself hears of it before its answer anyway."""
        self._number += 1
        message = Invalidate(self._number, [*keys])
        waiting = []
        for session in self._caching():
            session.connection.send(message)
            if session is not writer:
                waiting.append(session.confirmation(self._number))
        if waiting:
            lapses_in = self._trusted_until - time.monotonic()
            await asyncio.wait(waiting, timeout=max(0.0, lapses_in))
            for session in self._caching():
                if session is not writer and not session.has_confirmed(self._number):
                    session.connection.abort()


def _bind(path: Path) -> socket.socket:
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        # One that a dead owner left behind; a living one would hold the store's lock.
        path.unlink(missing_ok=True)
        with short_socket_path(path) as name:
            listener.bind(name)
        # Nobody can connect before `listen`, so nobody is faster than this.
        path.chmod(0o600)
        listener.setblocking(False)
    except OSError as error:
        listener.close()
        raise EngineError(
            f"the KV store cannot be shared at {path}: {error.strerror or error}"
        ) from error
    return listener
