"""Stores to measure: opened, filled, and those that other processes hold."""

import argparse
import asyncio
import signal
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

import uvloop
from bench import Bench
from processes import Child, started

from kvstore import EngineOptions, KVEngine, Put, open_engine
from kvstore.owner import serve_engine

__all__ = [
    "NAMESPACE",
    "VALUE",
    "fill",
    "filling",
    "key_of",
    "opened",
    "opened_large",
    "owner",
    "socket_of",
]

NAMESPACE = "bench"
VALUE = b"v" * 100

_CALL_KEYS = 1000


def key_of(number: int) -> bytes:
    """Return the key of that number; they are in the order of their numbers."""
    return b"key-%09d" % number


@asynccontextmanager
async def opened(folder: Path, **options: Any) -> AsyncIterator[KVEngine]:
    """Open a LevelDB in `folder`, buffered unless said otherwise."""
    engine = await open_engine(
        "leveldb", EngineOptions(folder=folder, **{"durability": "buffered"} | options)
    )
    try:
        yield engine
    finally:
        await engine.close()


async def fill(engine: KVEngine, first: int, last: int, **more: Any) -> None:
    """Write the keys from number `first` to before `last`."""
    for start in range(first, last, _CALL_KEYS):
        numbers = range(start, min(last, start + _CALL_KEYS))
        await engine.write([Put(NAMESPACE, key_of(n), VALUE, **more) for n in numbers])


@asynccontextmanager
async def opened_large(bench: Bench) -> AsyncIterator[KVEngine]:
    """Open the store that holds `bench.keys` keys, the same for all sections of one run."""
    async with opened(bench.large) as engine:
        if await engine.get(NAMESPACE, key_of(bench.keys - 1)) is None:
            await fill(engine, 0, bench.keys)
        yield engine


def filling(bench: Bench) -> AbstractAsyncContextManager[Child]:
    """Start a process that writes the large store, says so, and does not close it."""
    return _started(bench, "fill", bench.large, bench.keys)


def owner(bench: Bench, folder: Path) -> AbstractAsyncContextManager[Child]:
    """Start a process that owns the store in `folder`."""
    return _started(bench, "own", folder, 0)


def socket_of(folder: Path) -> Path:
    """Return where the owner of the store in `folder` is reached."""
    return folder / "owner.sock"


def _started(
    bench: Bench, what: str, folder: Path, keys: int
) -> AbstractAsyncContextManager[Child]:
    return started([__file__, what, folder, str(keys)], bench.folder / f"{what}.txt")


async def _fill(folder: Path, keys: int) -> None:
    """Write keys and do not end: somebody kills this."""
    async with opened(folder) as engine:
        await fill(engine, 0, keys)
        print("ready", flush=True)
        await asyncio.Event().wait()


async def _own(folder: Path, keys: int) -> None:
    """Be the owner, until told to end."""
    async with (
        opened(folder, durability="sync") as engine,
        serve_engine(engine, socket_of(folder)),
    ):
        print("ready", flush=True)
        ended = asyncio.Event()
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, ended.set)
        await ended.wait()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=("fill", "own"))
    parser.add_argument("folder", type=Path)
    parser.add_argument("keys", type=int)
    given = parser.parse_args()
    uvloop.run({"fill": _fill, "own": _own}[given.what](given.folder, given.keys))
