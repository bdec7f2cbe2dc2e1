"""Large values pass through as streams: what they occupy does not grow with their number."""

import json
import subprocess
import sys
from pathlib import Path

SCRIPT = """
import asyncio, json, resource, sys
from pathlib import Path
from kvstore import EngineOptions, KVNamespace, open_engine

MIB = 1024 * 1024

def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024

async def source():
    for number in range(8):
        yield bytes((number,)) * MIB

async def read(kv, name):
    length = 0
    async for chunk in await kv.get(name, "stream"):
        length += len(chunk)
    return length

async def main():
    options = EngineOptions(folder=Path(sys.argv[1]), durability="buffered")
    kv = KVNamespace(await open_engine("leveldb", options), "ns")
    await kv.put("warm-up", source())
    await read(kv, "warm-up")
    before = peak()
    names = [f"value-{number}" for number in range(20)]
    await asyncio.gather(*(kv.put(name, source()) for name in names))
    lengths = await asyncio.gather(*(read(kv, name) for name in names))
    print(json.dumps({"grown_mib": peak() - before, "lengths": lengths}))

asyncio.run(main())
"""


def test_twenty_values_of_8_mib_at_once_take_less_than_64_mib(tmp_path: Path) -> None:
    result = subprocess.run(
        [sys.executable, "-c", SCRIPT, str(tmp_path)], capture_output=True, text=True, check=True
    )

    seen = json.loads(result.stdout)
    assert seen["lengths"] == [8 * 1024 * 1024] * 20
    assert seen["grown_mib"] < 64
