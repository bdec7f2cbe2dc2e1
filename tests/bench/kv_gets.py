"""Gets of 100 B: of few keys again and again, and of any of very many."""

import random

from bench import Bench, interleaved, rate
from kv_store import NAMESPACE, key_of, opened_large
from table import Row

from kvstore import KVNamespace

__all__ = ["measure"]

_HOT_KEYS = 100
_HOT_GETS = 50_000
_COLD_GETS = 10_000


async def measure(bench: Bench) -> None:
    """Get from the engine, and through a namespace as workers do; the fastest round counts."""
    chance = random.Random(1)
    async with opened_large(bench) as engine:
        kv = KVNamespace(engine, NAMESPACE)

        async def hot() -> float:
            return await rate(_HOT_GETS, 1, lambda n: engine.get(NAMESPACE, key_of(n % _HOT_KEYS)))

        async def hot_by_namespace() -> float:
            names = [key_of(number).decode() for number in range(_HOT_KEYS)]
            return await rate(_HOT_GETS, 1, lambda n: kv.get(names[n % _HOT_KEYS]))

        async def cold() -> float:
            return await rate(
                _COLD_GETS, 1, lambda n: engine.get(NAMESPACE, key_of(chance.randrange(bench.keys)))
            )

        measures = [hot, hot_by_namespace, cold]
        names = [
            "get of 100 B, hot",
            "the same through a namespace",
            f"get of any of {bench.keys:,}",
        ]
        for name, figures in zip(names, await interleaved(bench.rounds, measures), strict=True):
            bench.table.add(Row(measure=name, figure=max(figures), unit="/s"))
