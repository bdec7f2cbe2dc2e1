"""The store that all namespaces are in: who opens it, and how others get at it."""

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Final

from kvstore import (
    Durability,
    EngineError,
    EngineLockedError,
    EngineOptions,
    KVEngine,
    OwnerUnavailableError,
    StoreError,
    open_engine,
)
from runtime.bindings.kv_namespace.spec import KIND
from runtime.plugins import HostError, HostView

__all__ = ["DEFAULT_ENGINE", "IN_MEMORY", "open_store", "reach_store", "shared_store"]

DEFAULT_ENGINE: Final = "leveldb"
IN_MEMORY: Final = "memory"

_SOCKET_NAME: Final = "owner.sock"
_DURABILITIES: Final[Mapping[str, Durability]] = {"sync": "sync", "buffered": "buffered"}
# How long a command waits for another one, or for a server that is just opening the store.
_PATIENCE_S: Final = 2.0
_RETRY_S: Final = 0.02

logger = logging.getLogger(__name__)


async def open_store(host: HostView) -> KVEngine:
    """Open the store in this process, as the operator has chosen.

    Raises what `kvstore.open_engine` raises, and HostError for a durability that there is not.
    """
    durability = "sync" if host.mode == "host" else "buffered"
    options = EngineOptions(
        folder=host.data_dir(KIND),
        durability=_checked_durability(host.option(KIND, "durability", durability)),
        clock=host.now,
    )
    default = IN_MEMORY if host.mode == "test" else DEFAULT_ENGINE
    return await open_engine(host.option(KIND, "engine", default), options)


@asynccontextmanager
async def shared_store(engine: KVEngine, host: HostView) -> AsyncIterator[KVEngine]:
    """Let other processes use an open store; yields what this one must use from now on.

    Where that is not possible the store is of use to this process alone, which is told.
    """
    # On first use: workers without KV start the sooner.
    from kvstore.owner import serve_engine

    socket_path = _socket_path(host)
    async with AsyncExitStack() as stack:
        try:
            await _require_unserved(socket_path, host)
            socket_path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            engine = await stack.enter_async_context(serve_engine(engine, socket_path))
        except (StoreError, OSError) as error:
            logger.warning(
                "%s; `runtime kv` can use it only while this server is stopped",
                error if isinstance(error, StoreError) else _unshared(socket_path, error),
            )
        yield engine


@asynccontextmanager
async def reach_store(host: HostView) -> AsyncIterator[KVEngine]:
    """Use the store from a command: through the process that has it open, else by opening it.

    Raises EngineLockedError, naming the process, where one has it open and does not share it.
    """
    engine = await _reached(host)
    try:
        yield engine
    finally:
        await engine.close()


async def _reached(host: HostView) -> KVEngine:
    give_up_at = time.monotonic() + _PATIENCE_S
    while True:
        engine = await _served(_socket_path(host), host)
        if engine is not None:
            return engine
        if host.option(KIND, "engine", DEFAULT_ENGINE) == IN_MEMORY:
            raise HostError(
                "EDGESTEAD_KV_NAMESPACE_ENGINE is memory, so there is a store only while "
                "`runtime serve` runs; start it first"
            )
        try:
            return await open_store(host)
        except EngineLockedError:
            if time.monotonic() >= give_up_at:
                raise
        await asyncio.sleep(_RETRY_S)


async def _served(socket_path: Path, host: HostView) -> KVEngine | None:
    """Connect to the process that shares the store; None where there is none."""
    from kvstore.remote import connect_engine

    try:
        return await connect_engine(socket_path, cache_bytes=0, clock=host.now)
    except OwnerUnavailableError:
        # Nobody, or a socket that a process left behind which was killed.
        return None


async def _require_unserved(socket_path: Path, host: HostView) -> None:
    """Raise EngineError where a process shares a store there already.

    Only an engine without a lock of its own can get here then; its socket would take the place of
    the other's.
    """
    other = await _served(socket_path, host)
    if other is not None:
        await other.close()
        raise EngineError(f"another process shares its KV store at {socket_path} already")


def _unshared(socket_path: Path, error: OSError) -> str:
    return f"the KV store cannot be shared at {socket_path}: {error.strerror or error}"


def _socket_path(host: HostView) -> Path:
    return host.data_dir(KIND) / _SOCKET_NAME


def _checked_durability(text: str) -> Durability:
    durability = _DURABILITIES.get(text)
    if durability is None:
        known = " or ".join(_DURABILITIES)
        raise HostError(f"EDGESTEAD_KV_NAMESPACE_DURABILITY is {known}, not {text!r}")
    return durability
