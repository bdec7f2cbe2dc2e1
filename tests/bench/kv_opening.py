"""How long a store of very many keys takes to open after its process was killed."""

import shutil
import time

from bench import Bench
from kv_store import NAMESPACE, filling, key_of, opened
from table import Row

__all__ = ["measure"]


async def measure(bench: Bench) -> None:
    """Let another process write, kill it, open what it has left and get a record."""
    shutil.rmtree(bench.large, ignore_errors=True)
    async with filling(bench) as child:
        child.kill()
    for name in ("open after a crash", "open again"):
        began = time.perf_counter()
        async with opened(bench.large) as engine:
            assert await engine.get(NAMESPACE, key_of(bench.keys - 1)) is not None
            bench.table.add(
                Row(
                    measure=f"{name}, {bench.keys:,} keys",
                    figure=time.perf_counter() - began,
                    unit="s",
                    most=3,
                )
            )
