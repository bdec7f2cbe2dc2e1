"""The process that holds a store open, and serves it to others over a Unix socket.

Clients keep what they have read. Before a writer is told that its write is done, every client that
might have kept the key has confirmed that it forgot it; one that does not confirm is cut off once
the time is over for which it may trust what it keeps. So after a put has returned, no reader of
this host sees the old value.
"""

import asyncio
import os
import socket
import stat
import time
from collections.abc import AsyncGenerator, AsyncIterator, Coroutine, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any, Final

from kvstore._invalidation import Invalidations
from kvstore._session import Session
from kvstore._socket_path import short_socket_path
from kvstore.engine import Entry, KVEngine, Operation, Record
from kvstore.errors import EngineError

__all__ = ["SharedEngine", "TRUST_S", "serve_engine"]

TRUST_S: Final = 2.0
"""How long a client may trust what it keeps after the owner last said so, in seconds."""

_BEATS: Final = 4
_BACKLOG: Final = 128


@asynccontextmanager
async def serve_engine(engine: KVEngine, socket_path: Path) -> AsyncIterator["SharedEngine"]:
    """Serve `engine` on a socket that this user alone may connect to, while the context is open.

    Yields the engine that this process must use from now on, so that clients hear of its writes.
    Closing `engine` is its opener's business. Raises EngineError where the socket cannot be made.
    """
    trusted_until = _last_trust(socket_path)
    listener = _bind(socket_path)
    shared = SharedEngine(engine, socket_path, trusted_until)
    server = await asyncio.get_running_loop().create_unix_server(
        shared.connect, sock=listener, backlog=_BACKLOG
    )
    beating = asyncio.create_task(shared.beat())
    try:
        yield shared
    finally:
        server.close()
        await shared.disconnect()
        beating.cancel()
        with suppress(FileNotFoundError):
            os.unlink(socket_path)


class SharedEngine:
    """An engine whose writes are told to every client that keeps what it has read."""

    def __init__(self, engine: KVEngine, socket_path: Path, trusted_until: float) -> None:
        """Until `trusted_until`, clients of an owner that died may trust what they keep."""
        self._engine = engine
        self._socket_path = socket_path
        self._sessions: set[Session] = set()
        self._invalidations = Invalidations(trusted_until)
        self._is_ending = False

    def get(self, namespace: str, key: bytes) -> Coroutine[Any, Any, Record | None]:
        """Return the record of a key; as the engine does, for it is asked very often."""
        return self._engine.get(namespace, key)

    async def get_many(self, namespace: str, keys: Sequence[bytes]) -> Sequence[Record | None]:
        """Return the records of several keys."""
        return await self._engine.get_many(namespace, keys)

    async def write(self, operations: Sequence[Operation], writer: Session | None = None) -> None:
        """Carry out puts and deletes, and return when no client keeps what stood there before."""
        try:
            await self._engine.write(operations)
        finally:
            keys = [(one.namespace, one.key) for one in operations]
            await self._invalidations.tell(self._caching(), keys, writer)

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
            await self._invalidations.tell(self._caching(), [], writer)

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
        return self._invalidations.count

    def confirm(self, session: Session, number: int) -> None:
        """Note that a client keeps nothing any more of what it was told to forget."""
        self._invalidations.confirm(session, number)

    def connect(self) -> asyncio.Protocol:
        """Begin a session with a client that has just connected."""
        session = Session(self, on_lost=self._invalidations.end, on_end=self._sessions.discard)
        self._sessions.add(session)
        return session.connection

    def begin_trust(self, session: Session) -> None:
        """Tell a client that it may trust what it keeps from now on, for a while."""
        if not self._is_ending:
            self._trust([session])

    async def beat(self) -> None:
        """Tell clients from time to time that they may go on trusting what they keep.

        One that does not confirm what it was told to forget is not told so any more, and cut off
        when it has stopped trusting what it keeps.
        """
        while True:
            interval_s = TRUST_S / _BEATS
            began = time.monotonic()
            await asyncio.sleep(interval_s)
            now = time.monotonic()
            behind = self._invalidations.behind(now - interval_s)
            # Where this process itself has stood still, confirmations may be waiting to be read.
            is_late = now - began > 2 * interval_s
            for session in [one for one in behind if one.trusted_until < now and not is_late]:
                session.connection.abort()
            if not self._is_ending:
                self._trust([session for session in self._caching() if session not in behind])
            for session in self._sessions:
                session.let_go_of_idle(now)

    async def disconnect(self) -> None:
        """End every session, when no client trusts what it keeps any more."""
        self._is_ending = True
        for session in self._caching():
            session.trust(0.0)
        await self._invalidations.tell(self._caching(), [], None)
        while self._sessions:
            await asyncio.gather(*[session.close() for session in self._sessions])
        self._is_ending = False

    def _trust(self, sessions: Sequence[Session]) -> None:
        for session in sessions:
            session.trust(time.monotonic() + TRUST_S)
        if sessions:
            # For the next owner, if this one dies: when clients were last told that they may trust,
            # by the clock that nobody sets.
            now = time.monotonic()
            with suppress(OSError):
                os.utime(self._socket_path, (now, now))

    def _caching(self) -> Sequence[Session]:
        return [session for session in self._sessions if session.caches]


def _last_trust(path: Path) -> float:
    """Return until when clients of an owner that died may trust what they keep."""
    try:
        found = path.lstat()
    except OSError:
        return 0.0
    if not stat.S_ISSOCK(found.st_mode):
        return 0.0
    # The clock begins anew with the machine.
    return min(found.st_mtime, time.monotonic()) + TRUST_S


def _bind(path: Path) -> socket.socket:
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        # One that a dead owner left behind; a living one would hold the store's lock.
        path.unlink(missing_ok=True)
        with short_socket_path(path) as name:
            listener.bind(name)
        # Nobody can connect before `listen`, so nobody is faster than this.
        path.chmod(0o600)
        # No client has been told yet that it may trust what it keeps.
        os.utime(path, (0, 0))
        listener.setblocking(False)
    except OSError as error:
        listener.close()
        raise EngineError(
            f"the KV store cannot be shared at {path}: {error.strerror or error}"
        ) from error
    return listener
