"""The store of another process: what one client reaches over the owner's socket."""

import statistics
import time
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from functools import partial

from bench import Bench, interleaved, rate, times_ms
from kv_store import NAMESPACE, VALUE, fill, key_of, owner, socket_of
from processes import Child
from table import Row

from kvstore import KVEngine, Put
from kvstore.remote import connect_engine

__all__ = ["measure"]

_KEYS = 1000
_GETS = {1: 3_000, 32: 40_000, 256: 40_000}
_PUTS = {1: 500, 32: 8_000, 256: 20_000}
_AT_ONCE = 32
_LEAST_GETS = {_AT_ONCE: 60_000}
_ROUND_TRIPS = 2_000


async def measure(bench: Bench) -> None:
    """Gets that no cache answers, gets that one does, and durable puts that two must hear of.

    The fastest round counts.
    """
    folder = bench.folder / "owned"
    async with owner(bench, folder) as child, AsyncExitStack() as stack:
        client = await connect_engine(socket_of(folder), cache_bytes=0)
        stack.push_async_callback(client.close)
        caching = []
        for _ in range(2):
            caching.append(await connect_engine(socket_of(folder)))
            stack.push_async_callback(caching[-1].close)
        await fill(client, 0, _KEYS)
        taken = await times_ms(_ROUND_TRIPS, partial(client.get, NAMESPACE, key_of(1)))
        bench.table.add(
            Row(
                measure="owner: round trip of a get",
                figure=statistics.median(taken) * 1000,
                unit="µs",
            )
        )
        await _show(bench, "owner: get", _GETS, partial(_get, client), _LEAST_GETS)
        await _show_computing(bench, child, partial(_get, client))
        await _show(bench, "owner: durable put", _PUTS, partial(_put, client), {})
        await _show(
            bench, "owner: get that the cache has", {1: 50_000}, partial(_get, caching[0]), {}
        )


async def _get(engine: KVEngine, number: int) -> None:
    await engine.get(NAMESPACE, key_of(number % _KEYS))


async def _put(engine: KVEngine, number: int) -> None:
    await engine.write([Put(NAMESPACE, key_of(number % _KEYS), VALUE)])


async def _show(
    bench: Bench,
    name: str,
    totals: dict[int, int],
    call: Callable[[int], Awaitable[None]],
    least: dict[int, int],
) -> None:
    measures = [partial(rate, total, at_once, call) for at_once, total in totals.items()]
    figures = await interleaved(bench.rounds, measures)
    for at_once, seen in zip(totals, figures, strict=True):
        bench.table.add(
            Row(
                measure=f"{name}, {at_once} in flight",
                figure=max(seen),
                unit="/s",
                least=least.get(at_once),
            )
        )


async def _show_computing(
    bench: Bench, child: Child, call: Callable[[int], Awaitable[None]]
) -> None:
    """Show how long both compute over a get, whatever else the machine has to do."""
    total = _GETS[_AT_ONCE]
    before, before_owner = time.process_time(), child.cpu_s()
    await rate(total, _AT_ONCE, call)
    spent, spent_owner = time.process_time() - before, child.cpu_s() - before_owner
    bench.table.add(
        Row(measure="    the client computes for each", figure=spent / total * 1e6, unit="µs"),
        Row(measure="    the owner computes for each", figure=spent_owner / total * 1e6, unit="µs"),
    )
