"""Puts of 100 B: durable and buffered, by 1, 32 and 256 writers at once."""

import statistics
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from functools import partial

import plyvel
from bench import Bench, interleaved, rate
from kv_store import NAMESPACE, VALUE, key_of, opened
from table import Row

from kvstore import Put

__all__ = ["measure"]

_KEYS = 10_000
_COUNTS = {1: 500, 32: 8_000, 256: 30_000}


async def measure(bench: Bench) -> None:
    """Show the fastest round, and the ratio to puts into plyvel itself, one synced at a time."""
    bare = plyvel.DB(str(bench.folder / "puts-bare"), create_if_missing=True)

    async def put_bare(number: int) -> None:
        bare.put(key_of(number % _KEYS), VALUE, sync=True)

    async with AsyncExitStack() as stack:
        puts: list[Callable[[int], Awaitable[None]]] = []
        for durability in ("sync", "buffered"):
            folder = bench.folder / f"puts-{durability}"
            engine = await stack.enter_async_context(opened(folder, durability=durability))

            async def put(
                number: int, write: Callable[..., Awaitable[None]] = engine.write
            ) -> None:
                await write([Put(NAMESPACE, key_of(number % _KEYS), VALUE)])

            puts.append(put)
        for writers, total in _COUNTS.items():
            measures = [partial(rate, total, writers, put) for put in puts]
            measures.append(partial(rate, _COUNTS[1], 1, put_bare))
            figures = await interleaved(bench.rounds, measures)
            sync, _, unbatched = map(statistics.median, figures)
            fastest = [max(seen) for seen in figures]
            of = "writer" if writers == 1 else "writers"
            bench.table.add(
                Row(measure=f"durable put of 100 B, {writers} {of}", figure=fastest[0], unit="/s"),
                Row(
                    measure="the same",
                    peer="plyvel, a synced put at a time",
                    figure=sync / unbatched,
                    unit="×",
                ),
                Row(measure=f"buffered put, {writers} {of}", figure=fastest[1], unit="/s"),
            )
    bare.close()
