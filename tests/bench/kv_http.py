"""KV through a worker on `runtime serve`: rates beside a bare server, memory of large values."""

import asyncio
import statistics
from contextlib import AsyncExitStack

from bench import Bench
from kv_large import LARGE_BYTES, MOST_MIB, large_value
from kv_store import fill, opened
from servers import CONNECTIONS, Server, peer, rates_of, worker
from table import Row

__all__ = ["measure"]

# As the worker and its peer have them.
_KEYS = 1000
_VALUE_BYTES = 100
_CHUNK_BYTES = 64 * 1024
_AT_ONCE = 20
_WARM_UP = "warm-up"


async def measure(bench: Bench) -> None:
    """Small gets and puts by rate, large values by memory."""
    await _gets(bench)
    await _puts(bench)
    await _large(bench)


async def _gets(bench: Bench) -> None:
    async with AsyncExitStack() as stack:
        async with opened(bench.folder / "gets" / "kv_namespace") as engine:
            await fill(engine, 0, _KEYS)
        kv = await stack.enter_async_context(worker(bench, "kv", "gets"))
        hello = await stack.enter_async_context(worker(bench, "hello", "hello"))
        bare_kv = await stack.enter_async_context(peer(bench, "kv_get"))
        bare_hello = await stack.enter_async_context(peer(bench, "hello"))
        servers = [Server(child) for child in (kv, bare_kv, hello, bare_hello)]
        rates = await rates_of(bench, servers)
    cpu = [statistics.median(server.cpu_us) for server in servers]
    bench.table.add(
        Row(
            measure="KV get of 100 B over HTTP",
            peer="bare aiohttp + plyvel",
            figure=rates[0] / rates[1],
            unit="×",
            least=0.8,
        ),
        Row(measure="the same", figure=rates[0], unit="/s"),
        Row(measure="the same, computing for a request", figure=cpu[0], unit="µs"),
        Row(measure="bare aiohttp + plyvel", figure=rates[1], unit="/s"),
        Row(measure="bare aiohttp + plyvel, computing", figure=cpu[1], unit="µs"),
        Row(
            measure="a worker without KV, computing",
            peer="bare aiohttp without plyvel",
            figure=cpu[3] / cpu[2],
            unit="×",
        ),
        Row(measure="what KV adds to a worker's request", figure=cpu[0] - cpu[2], unit="µs"),
        Row(measure="what plyvel adds to a bare one", figure=cpu[1] - cpu[3], unit="µs"),
    )


async def _puts(bench: Bench) -> None:
    async with (
        worker(bench, "kv", "synced", EDGESTEAD_KV_NAMESPACE_DURABILITY="sync") as synced,
        worker(bench, "kv", "unsynced", EDGESTEAD_KV_NAMESPACE_DURABILITY="buffered") as unsynced,
    ):
        servers = [Server(child, _VALUE_BYTES) for child in (synced, unsynced)]
        rates = await rates_of(bench, servers)
    bench.table.add(
        Row(
            measure=f"durable KV put of 100 B over HTTP, {CONNECTIONS} connections",
            peer="the same, unsynced",
            figure=rates[0] / rates[1],
            unit="×",
            least=0.5,
        ),
        Row(measure="the same", figure=rates[0], unit="/s"),
        Row(measure="the same, unsynced", figure=rates[1], unit="/s"),
    )


async def _large(bench: Bench) -> None:
    async with worker(bench, "large", "large-values") as server:
        value = large_value()
        await _send(server.port, _WARM_UP, value)
        await _fetch(server.port, _WARM_UP)
        for name, call in (
            ("in", lambda key: _send(server.port, key, value)),
            ("out", lambda key: _fetch(server.port, key)),
        ):
            server.forget_peak()
            before = server.peak_mib()
            await asyncio.gather(*[call(f"value-{number}") for number in range(_AT_ONCE)])
            bench.table.add(
                Row(
                    measure=f"{_AT_ONCE} values of 25 MiB {name} over HTTP: memory grows by",
                    figure=max(0.0, server.peak_mib() - before),
                    unit="MiB",
                    most=MOST_MIB,
                )
            )


async def _send(port: int, key: str, value: bytes) -> None:
    reader, writer = await _asked(port, "PUT", key, f"content-length: {len(value)}\r\n")
    for start in range(0, len(value), _CHUNK_BYTES):
        writer.write(value[start : start + _CHUNK_BYTES])
        await writer.drain()
    assert b" 204 " in await reader.readline()
    writer.close()


async def _fetch(port: int, key: str) -> None:
    reader, writer = await _asked(port, "GET", key, "connection: close\r\n")
    length = 0
    while chunk := await reader.read(_CHUNK_BYTES):
        length += len(chunk)
    assert length > LARGE_BYTES
    writer.close()


async def _asked(
    port: int, method: str, key: str, headers: str
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(f"{method} /{key} HTTP/1.1\r\nhost: localhost\r\n{headers}\r\n".encode())
    return reader, writer
