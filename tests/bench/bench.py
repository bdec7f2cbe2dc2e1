"""What every section gets: where to write, how much to measure, where to show it."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from table import Table

__all__ = ["Bench", "interleaved", "rate", "times_ms"]

Measure = Callable[[], Awaitable[float]]


@dataclass(frozen=True, kw_only=True)
class Bench:
    """One run of the benchmark; `keys` is how many stand in the large namespace."""

    folder: Path
    keys: int
    rounds: int
    table: Table

    @property
    def large(self) -> Path:
        """Where the store of the large namespace is."""
        return self.folder / "large"


async def rate(total: int, at_once: int, call: Callable[[int], Awaitable[Any]]) -> float:
    """Return how many calls a second are done, `at_once` of them under way."""
    numbers = iter(range(total))

    async def work() -> None:
        for number in numbers:
            await call(number)

    began = time.perf_counter()
    await asyncio.gather(*[work() for _ in range(at_once)])
    return total / (time.perf_counter() - began)


async def interleaved(rounds: int, measures: Sequence[Measure]) -> Sequence[Sequence[float]]:
    """Measure each in turn, `rounds` times; return the figures of each.

    Whatever else the machine has to do meanwhile falls on all of them alike.
    """
    seen: list[list[float]] = [[] for _ in measures]
    for _ in range(rounds):
        for figures, measure in zip(seen, measures, strict=True):
            figures.append(await measure())
    return seen


async def times_ms(count: int, call: Callable[[], Awaitable[Any]]) -> Sequence[float]:
    """Return how long each of `count` calls takes, one after the other."""
    taken = []
    for _ in range(count):
        began = time.perf_counter()
        await call()
        taken.append((time.perf_counter() - began) * 1000)
    return taken
