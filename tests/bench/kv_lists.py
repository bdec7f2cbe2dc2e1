"""Pages of 1000 keys: anywhere in a large namespace, by prefix, and where much has expired."""

import statistics
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack

from bench import Bench, times_ms
from kv_store import NAMESPACE, fill, key_of, opened, opened_large
from table import Row

from kvstore import KVEngine, KVNamespace
from kvstore.testing import FakeClock

__all__ = ["measure"]

_PAGE = 1000
_TIMES = 30
_MOST_MS = 10
_LIFE_S = 60
# How many expired records stand before the page. More than a thousand only where as many expire
# between two sweeps, so those have no target.
_EXPIRED = (1_000, 10_000, 100_000)

_List = Callable[[], Awaitable[object]]


async def measure(bench: Bench) -> None:
    """The typical time of each page, and that of the slowest but for one in ten."""
    async with opened_large(bench) as engine:
        for name, page in _pages(engine, bench.keys).items():
            await _show(bench, name, page)
    await _show_expired(bench)


def _pages(engine: KVEngine, keys: int) -> dict[str, _List]:
    kv = KVNamespace(engine, NAMESPACE)
    middle = key_of(keys // 2)
    last = key_of(keys - _PAGE - 1)
    return {
        "first": lambda: engine.list(NAMESPACE, b"", None, _PAGE),
        "middle": lambda: engine.list(NAMESPACE, b"", middle, _PAGE),
        "last": lambda: engine.list(NAMESPACE, b"", last, _PAGE),
        "by prefix": lambda: engine.list(NAMESPACE, middle[:-3], None, _PAGE),
        "first, through a namespace": lambda: kv.list(),
        "by prefix, through a namespace": lambda: kv.list(prefix=middle[:-3].decode()),
    }


async def _show_expired(bench: Bench) -> None:
    clock = FakeClock()
    async with AsyncExitStack() as stack:
        for count in _EXPIRED:
            folder = bench.folder / f"expired-{count}"
            engine = await stack.enter_async_context(opened(folder, clock=clock))
            await fill(engine, 0, count, expiration=int(clock()) + _LIFE_S)
            await fill(engine, count, count + 2 * _PAGE)
            clock.advance(_LIFE_S + 1)

            async def page(engine: KVEngine = engine) -> None:
                entries, more = await engine.list(NAMESPACE, b"", None, _PAGE)
                assert len(entries) == _PAGE and more

            most = _MOST_MS if count == _EXPIRED[0] else None
            await _show(bench, f"behind {count:,} expired ones", page, most)
            while await engine.sweep(_PAGE) == _PAGE:
                pass
            await _show(bench, f"behind {count:,} that have been swept", page, most)


async def _show(bench: Bench, name: str, page: _List, most: float | None = _MOST_MS) -> None:
    taken = sorted(await times_ms(_TIMES, page))
    nearly_all = taken[int(len(taken) * 0.9)]
    bench.table.add(
        Row(
            measure=f"list page of {_PAGE}: {name}",
            figure=statistics.median(taken),
            unit="ms",
            most=most,
        ),
        Row(measure="    nine of ten", figure=nearly_all, unit="ms"),
    )
