"""Large values pass through as streams: what they occupy does not grow with their number."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

# Values that cannot be compressed: so much is read of the disk, and so much would be kept of it.
SCRIPT = """
import asyncio, json, os, random, resource, sys
from contextlib import AsyncExitStack
from pathlib import Path
from kvstore import EngineOptions, KVNamespace, open_engine
from kvstore.owner import serve_engine
from kvstore.remote import connect_engine

MIB = 1024 * 1024
DATA = random.Random(1).randbytes(8 * MIB)

def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024

async def source():
    for start in range(0, len(DATA), 65_536):
        yield DATA[start:start + 65_536]

async def read(kv, name):
    length = 0
    async for chunk in await kv.get(name, "stream"):
        length += len(chunk)
    return length

async def main(folder, shared):
    async with AsyncExitStack() as stack:
        engine = await open_engine("leveldb", EngineOptions(folder=folder, durability="buffered"))
        stack.push_async_callback(engine.close)
        if shared:
            await stack.enter_async_context(serve_engine(engine, folder / "owner.sock"))
            engine = await connect_engine(folder / "owner.sock")
            stack.push_async_callback(engine.close)
        kv = KVNamespace(engine, "ns")
        await kv.put("warm-up", source())
        await read(kv, "warm-up")
        before = peak()
        names = [f"value-{number}" for number in range(20)]
        await asyncio.gather(*(kv.put(name, source()) for name in names))
        lengths = await asyncio.gather(*(read(kv, name) for name in names))
        print(json.dumps({"grown_mib": peak() - before, "lengths": lengths}))

asyncio.run(main(Path(sys.argv[1]), sys.argv[2] == "shared"))
"""


@pytest.mark.parametrize("how", ["alone", "shared"])
def test_twenty_values_of_8_mib_at_once_take_less_than_64_mib(tmp_path: Path, how: str) -> None:
    result = subprocess.run(
        [sys.executable, "-c", SCRIPT, str(tmp_path), how],
        capture_output=True,
        text=True,
        check=True,
    )

    seen = json.loads(result.stdout)
    assert seen["lengths"] == [8 * 1024 * 1024] * 20
    assert seen["grown_mib"] < 64
