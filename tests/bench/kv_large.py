"""Values of 25 MiB, 20 at once: by how much the memory of the processes they pass grows.

What cannot be compressed is the worst case: so much more of the store is read.
"""

import argparse
import asyncio
import json
import os
import random
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import uvloop
from bench import Bench
from kv_store import NAMESPACE, opened, owner, socket_of
from processes import Child
from table import Row

from kvstore import KVEngine, KVNamespace
from kvstore.remote import connect_engine

__all__ = ["LARGE_BYTES", "MOST_MIB", "large_value", "measure"]

LARGE_BYTES = 25 * 1024 * 1024
MOST_MIB = 64

_AT_ONCE = 20
_CHUNK_BYTES = 64 * 1024
_WARM_UP = "warm-up"


async def measure(bench: Bench) -> None:
    """Streams into and out of an engine, and of one that another process owns."""
    folder = bench.folder / "large-values"
    bench.table.add(*_rows("engine", await _grown("engine", folder)))
    async with owner(bench, folder) as child:
        warm = child.peak_mib()
        bench.table.add(*_rows("client of the owner", await _grown("client", folder)))
        grown = child.peak_mib() - warm
        bench.table.add(*_rows("owner", {"in and out": grown}))


def large_value() -> bytes:
    """Return 25 MiB that cannot be compressed."""
    return random.Random(1).randbytes(LARGE_BYTES)


def _rows(where: str, grown: dict[str, float]) -> list[Row]:
    return [
        Row(
            measure=f"{_AT_ONCE} values of 25 MiB {way}: memory of the {where} grows by",
            figure=figure,
            unit="MiB",
            most=MOST_MIB,
        )
        for way, figure in grown.items()
    ]


async def _grown(what: str, folder: Path) -> dict[str, float]:
    process = await asyncio.create_subprocess_exec(
        sys.executable, __file__, what, folder, stdout=asyncio.subprocess.PIPE
    )
    output, _ = await process.communicate()
    grown: dict[str, float] = json.loads(output)
    return grown


async def _engine(folder: Path) -> None:
    async with opened(folder) as engine:
        await _pass(engine)


async def _client(folder: Path) -> None:
    engine = await connect_engine(socket_of(folder))
    await _pass(engine)
    await engine.close()


async def _pass(engine: KVEngine) -> None:
    """Put values and get them, and print by how much the memory of this process has grown."""
    kv = KVNamespace(engine, NAMESPACE)
    value = large_value()
    keys = [f"value-{number}" for number in range(_AT_ONCE)]
    await _put(kv, _WARM_UP, value)
    await _get(kv, _WARM_UP)
    this = Child(os.getpid(), "")
    grown = {}
    for way, call in (("in", lambda key: _put(kv, key, value)), ("out", lambda key: _get(kv, key))):
        this.forget_peak()
        before = this.peak_mib()
        await asyncio.gather(*map(call, keys))
        grown[way] = max(0.0, this.peak_mib() - before)
    print(json.dumps(grown))


async def _put(kv: KVNamespace, key: str, value: bytes) -> None:
    async def chunks() -> AsyncIterator[bytes]:
        for start in range(0, len(value), _CHUNK_BYTES):
            yield value[start : start + _CHUNK_BYTES]

    await kv.put(key, chunks())


async def _get(kv: KVNamespace, key: str) -> None:
    length = 0
    async for chunk in await kv.get(key, "stream"):
        length += len(chunk)
    assert length == LARGE_BYTES


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=("engine", "client"))
    parser.add_argument("folder", type=Path)
    given = parser.parse_args()
    uvloop.run({"engine": _engine, "client": _client}[given.what](given.folder))
