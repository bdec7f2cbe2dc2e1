"""For how long KV's work keeps the event loop from anything else.

Each figure is the longest time, and of several rounds the median one: a machine that does something
else for a moment is not KV's doing. What only the machine does stands in the first row.
"""

import asyncio
import os
import shutil
import statistics
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

from bench import Bench
from kv_store import NAMESPACE, fill, key_of, opened
from loop_lag import LoopLag
from table import Row

from kvstore import KVEngine, KVNamespace
from kvstore.testing import FakeClock
from kvstore.transfer import export_namespace

__all__ = ["measure"]

_MIB = 1024 * 1024
_MOST_MS = 5
_KEYS = 100_000
_PAGE = 1000
_LIFE_S = 60
_METADATA = b'"' + b"m" * 1000 + b'"'

Work = Callable[[], Awaitable[object]]


async def measure(bench: Bench) -> None:
    """Large values as every type, listings, and all that goes through many records."""
    await _show(bench, {"nothing": lambda: asyncio.sleep(0.5)})
    async with opened(bench.folder / "loop-values") as engine:
        await _show(bench, _with_large_values(engine))
    async with opened(bench.folder / "loop-lists") as engine:
        await fill(engine, 0, _KEYS, metadata=_METADATA)
        await _show(bench, _through_many_keys(engine))
    await _show_changes(bench)


def _with_large_values(engine: KVEngine) -> dict[str, Work]:
    kv = KVNamespace(engine, NAMESPACE)
    ascii_text, other_text, data = "t" * (25 * _MIB), "ä" * (12 * _MIB), bytes(25 * _MIB)
    some = [f"some-{number}" for number in range(100)]

    async def stream() -> AsyncIterator[bytes]:
        for _ in range(25 * 16):
            yield data[:65_536]

    async def read_stream() -> None:
        async for _ in await kv.get("stream", "stream"):
            pass

    async def put_some() -> None:
        await asyncio.gather(*[kv.put(key, data[: 250 * 1024]) for key in some])

    return {
        "put of 25 MiB as a stream": lambda: kv.put("stream", stream()),
        "get of 25 MiB as a stream": read_stream,
        "put of 25 MiB of text": lambda: kv.put("text", ascii_text),
        "put of 25 MiB of text that is not ASCII": lambda: kv.put("other", other_text),
        "get of 25 MiB as text": lambda: kv.get("text"),
        "get of 25 MiB as text that is not ASCII": lambda: kv.get("other"),
        "put of 25 MiB of bytes": lambda: kv.put("bytes", data),
        "get of 25 MiB as arrayBuffer": lambda: kv.get("bytes", "arrayBuffer"),
        "100 puts of 250 KiB at once": put_some,
        "bulk get of 100 values of 250 KiB": lambda: kv.get(some),
        "export of these": lambda: _export(engine),
        "delete of these": lambda: kv.delete(["stream", "text", "other", "bytes", *some]),
    }


def _through_many_keys(engine: KVEngine) -> dict[str, Work]:
    kv = KVNamespace(engine, NAMESPACE)
    names = [key_of(number).decode() for number in range(10_000)]

    async def pages() -> None:
        await asyncio.gather(*[_one_page(engine, number * 400) for number in range(200)])

    async def pages_of_namespace() -> None:
        cursor = None
        for _ in range(20):
            cursor = (await kv.list(cursor=cursor))["cursor"]

    return {
        "200 pages at once": pages,
        "20 pages of a namespace, 1 KB of metadata each": pages_of_namespace,
        f"export of {_KEYS:,} keys": lambda: _export(engine),
        "10 000 deletes in one call": lambda: kv.delete(names),
    }


async def _export(engine: KVEngine) -> None:
    with open(os.devnull, "wb") as file:  # noqa: ASYNC230
        await export_namespace(engine, NAMESPACE, file)


async def _one_page(engine: KVEngine, number: int) -> None:
    await engine.list(NAMESPACE, b"", key_of(number), _PAGE)


async def _show_changes(bench: Bench) -> None:
    """Measure what can be done but once to each store."""
    worst: dict[str, list[float]] = {}
    for _ in range(bench.rounds):
        folder = bench.folder / "loop-changes"
        shutil.rmtree(folder, ignore_errors=True)
        async for name, ms in _changes(folder):
            worst.setdefault(name, []).append(ms)
    _add(bench, worst)


async def _changes(folder: Path) -> AsyncIterator[tuple[str, float]]:
    clock = FakeClock()
    async with opened(folder, clock=clock) as engine:

        async def sweep() -> None:
            while await engine.sweep(_PAGE) == _PAGE:
                pass

        async def write() -> None:
            await fill(engine, 0, _KEYS, expiration=int(clock()) + _LIFE_S)

        yield f"puts of {_KEYS:,} keys, 1000 a call", await _worst_ms(write)
        clock.advance(_LIFE_S + 1)
        listing = engine.list(NAMESPACE, b"", None, _PAGE)
        yield f"list over {_KEYS:,} expired keys", await _worst_ms(lambda: listing)
        yield f"sweep of {_KEYS:,} keys", await _worst_ms(sweep)
        await write()
        drop = engine.drop(NAMESPACE)
        yield f"drop of {_KEYS:,} keys, and compaction", await _worst_ms(lambda: drop)


async def _show(bench: Bench, works: dict[str, Work]) -> None:
    worst: dict[str, list[float]] = {name: [] for name in works}
    for _ in range(bench.rounds):
        for name, work in works.items():
            worst[name].append(await _worst_ms(work))
    _add(bench, worst)


def _add(bench: Bench, worst: dict[str, list[float]]) -> None:
    for name, figures in worst.items():
        bench.table.add(
            Row(
                measure=f"loop blocked: {name}",
                figure=statistics.median(figures),
                unit="ms",
                most=_MOST_MS,
            )
        )


async def _worst_ms(work: Work) -> float:
    with LoopLag() as lag:
        await work()
    return lag.worst_ms
