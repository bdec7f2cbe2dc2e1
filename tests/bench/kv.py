"""What KV reaches on this machine: `make bench-kv`, or `python tests/bench/kv.py --help`."""

import argparse
import asyncio
import gc
import os
import random
import shutil
import signal
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import uvloop
from loop_lag import LoopLag

from kvstore import EngineOptions, KVEngine, KVNamespace, Put, open_engine
from kvstore.owner import serve_engine
from kvstore.remote import connect_engine
from kvstore.testing import FakeClock

MIB = 1024 * 1024
VALUE = b"v" * 100
NAMESPACE = "bench"


@dataclass(frozen=True)
class Row:
    """One measure; `target` is what it must not be below, or with `most` above."""

    name: str
    value: float
    unit: str
    target: float | None = None
    most: bool = False

    @property
    def is_met(self) -> bool:
        if self.target is None:
            return True
        return self.value <= self.target if self.most else self.value >= self.target

    def __str__(self) -> str:
        target = ""
        if self.target is not None:
            sign = "≤" if self.most else "≥"
            target = f"{sign} {self.target:,g}{'' if self.is_met else '   MISSED'}"
        digits = 1 if self.value < 1000 else 0
        return f"{self.name:<52} {self.value:>12,.{digits}f} {self.unit:<6} {target}"


def show(*rows: Row) -> None:
    for row in rows:
        print(row, flush=True)


def lag_rows(name: str, lag: LoopLag) -> list[Row]:
    return [
        Row(f"{name}: loop blocked, 99.9 %", lag.ms_at(0.999), "ms", 5, most=True),
        Row(f"{name}: loop blocked, longest", lag.worst_ms, "ms"),
    ]


async def rate(total: int, at_once: int, call: Callable[[int], Awaitable[Any]]) -> float:
    """Return how many calls a second are done, `at_once` of them under way."""
    numbers = iter(range(total))

    async def work() -> None:
        for number in numbers:
            await call(number)

    began = time.perf_counter()
    await asyncio.gather(*[work() for _ in range(at_once)])
    return total / (time.perf_counter() - began)


async def start(*arguments: str | Path) -> asyncio.subprocess.Process:
    """Start this script as another process, and wait until it says that it is ready."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, __file__, *arguments, stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    await process.stdout.readline()
    return process


@asynccontextmanager
async def opened(folder: Path, **options: Any) -> AsyncIterator[KVEngine]:
    engine = await open_engine("leveldb", EngineOptions(folder=folder, **options))
    try:
        yield engine
    finally:
        await engine.close()


def key_of(number: int) -> bytes:
    return b"key-%09d" % number


async def fill(engine: KVEngine, count: int, **more: Any) -> None:
    for start in range(0, count, 1000):
        stop = min(count, start + 1000)
        await engine.write([Put(NAMESPACE, key_of(n), VALUE, **more) for n in range(start, stop)])


@asynccontextmanager
async def opened_large(folder: Path, size: int) -> AsyncIterator[KVEngine]:
    async with opened(folder / "large", durability="buffered") as engine:
        if await engine.get(NAMESPACE, key_of(size - 1)) is None:
            await fill(engine, size)
        yield engine


# Puts and gets


async def puts(folder: Path, size: int) -> None:
    """Durable and buffered puts by 1, 32 and 256 writers; gets."""
    for durability in ("sync", "buffered"):
        async with opened(folder / durability, durability=durability) as engine:

            async def put(number: int, engine: KVEngine = engine) -> None:
                await engine.write([Put(NAMESPACE, key_of(number % 10_000), VALUE)])

            for writers, total in ((1, 2_000), (32, 40_000), (256, 100_000)):
                reached = await rate(total, writers, put)
                show(Row(f"put of 100 B, {durability}, {writers} writers", reached, "/s"))


async def gets(folder: Path, size: int) -> None:
    """Gets: hot ones, and those spread over all keys."""
    async with opened_large(folder, size) as engine:
        chance = random.Random(1)
        show(
            Row(
                "get of 100 B, hot",
                await rate(200_000, 32, lambda n: engine.get(NAMESPACE, key_of(n % 100))),
                "/s",
            ),
            Row(
                f"get of 100 B, any of {size:,}",
                await rate(
                    50_000, 32, lambda n: engine.get(NAMESPACE, key_of(chance.randrange(size)))
                ),
                "/s",
            ),
        )


# Listing


async def lists(folder: Path, size: int) -> None:
    """Pages of 1000 keys."""
    async with opened_large(folder, size) as engine:
        chance = random.Random(2)

        async def page() -> float:
            after = key_of(chance.randrange(size))
            began = time.perf_counter()
            await engine.list(NAMESPACE, b"", after, 1000)
            return (time.perf_counter() - began) * 1000

        taken = sorted([await page() for _ in range(500)])
        show(
            Row("list page of 1000, typical", statistics.median(taken), "ms", 10, most=True),
            Row("list page of 1000, 99 %", taken[int(len(taken) * 0.99)], "ms", 10, most=True),
        )
        with LoopLag() as lag:
            await asyncio.gather(*[page() for _ in range(200)])
        show(*lag_rows("200 pages at once", lag))
        kv = KVNamespace(engine, NAMESPACE)
        with LoopLag() as lag:
            cursor = None
            for _ in range(100):
                found = await kv.list(cursor=cursor)
                cursor = found.get("cursor")
        show(*lag_rows("100 pages of a namespace", lag))


async def expiry(folder: Path, size: int) -> None:
    """What has expired: listed over, swept, and a namespace dropped."""
    clock = FakeClock()
    count = size // 5
    async with opened(folder / "expiring", durability="buffered", clock=clock) as engine:
        await fill(engine, count, expiration=int(clock()) + 60)
        clock.advance(61)
        began = time.perf_counter()
        with LoopLag() as lag:
            await engine.list(NAMESPACE, b"", None, 1000)
        show(Row(f"list over {count:,} expired keys", (time.perf_counter() - began) * 1000, "ms"))
        show(*lag_rows("that list", lag))
        began = time.perf_counter()
        with LoopLag() as lag:
            while await engine.sweep(1000) == 1000:
                pass
        show(Row("sweep", count / (time.perf_counter() - began), "/s"))
        show(*lag_rows("sweep", lag))
        await fill(engine, count)
        began = time.perf_counter()
        with LoopLag() as lag:
            await engine.drop(NAMESPACE)
        show(Row("drop", count / (time.perf_counter() - began), "/s"))
        show(*lag_rows("drop", lag))


# Large values


async def large_values(folder: Path, size: int) -> None:
    """Values of 25 MiB, as streams, as text and as bytes."""

    async def stream() -> AsyncIterator[bytes]:
        for _ in range(25 * 16):
            yield b"x" * 65_536

    async with opened(folder / "values") as engine:
        kv = KVNamespace(engine, NAMESPACE)

        async def read_stream() -> None:
            async for _ in await kv.get("stream", "stream"):
                pass

        text, other_text, data = "t" * (25 * MIB), "ä" * (12 * MIB), b"b" * (25 * MIB)
        calls: dict[str, Callable[[], Awaitable[Any]]] = {
            "put of a stream": lambda: kv.put("stream", stream()),
            "get as a stream": read_stream,
            "put of text": lambda: kv.put("text", text),
            "put of text that is not ASCII": lambda: kv.put("text", other_text),
            "get as text": lambda: kv.get("text"),
            "put of bytes": lambda: kv.put("bytes", data),
            "get as arrayBuffer": lambda: kv.get("bytes", "arrayBuffer"),
            "delete": lambda: kv.delete(["stream", "text", "bytes"]),
        }
        for name, call in calls.items():
            began = time.perf_counter()
            with LoopLag() as lag:
                await call()
            taken = (time.perf_counter() - began) * 1000
            show(Row(f"25 MiB, {name}", taken, "ms"))
            show(Row(f"25 MiB, {name}: loop blocked, longest", lag.worst_ms, "ms", 5, most=True))


# The owner


async def owner(folder: Path, size: int) -> None:
    """What a client of the owner reaches."""
    path = folder / "owned"
    process = await start("--serve", path)
    try:
        await from_client(path / "owner.sock")
    finally:
        process.terminate()
        await process.wait()


async def from_client(socket: Path) -> None:
    client = await connect_engine(socket, cache_bytes=0)
    await fill(client, 1000)

    async def get(number: int) -> None:
        await client.get(NAMESPACE, key_of(number % 1000))

    for at_once, total, target in ((1, 10_000, None), (32, 100_000, 60_000), (256, 100_000, None)):
        reached = max([await rate(total, at_once, get) for _ in range(3)])
        show(Row(f"owner: get, {at_once} in flight", reached, "/s", target))
    caching = [await connect_engine(socket) for _ in range(2)]
    for at_once, total in ((1, 2_000), (32, 40_000), (256, 60_000)):

        async def put(number: int) -> None:
            await client.write([Put(NAMESPACE, key_of(number % 1000), VALUE)])

        reached = await rate(total, at_once, put)
        show(Row(f"owner: durable put, {at_once} in flight, 2 caches", reached, "/s"))
    reached = await rate(200_000, 32, lambda n: caching[0].get(NAMESPACE, key_of(n % 1000)))
    show(Row("owner: get from the cache of a client", reached, "/s"))
    began = time.perf_counter()
    value = b"x" * (25 * MIB)
    await client.write([Put(NAMESPACE, b"large", value)])
    show(Row("owner: put of 25 MiB", (time.perf_counter() - began) * 1000, "ms"))
    began = time.perf_counter()
    record = await client.get(NAMESPACE, b"large")
    assert record is not None
    assert not isinstance(record.value, bytes)
    assert sum([len(piece) async for piece in record.value]) == len(value)
    show(Row("owner: get of 25 MiB", (time.perf_counter() - began) * 1000, "ms"))
    for engine in (client, *caching):
        await engine.close()


async def serve(folder: Path) -> None:
    """Be the owner, until told to end."""
    async with opened(folder) as engine, serve_engine(engine, folder / "owner.sock"):
        print("ready", flush=True)
        ended = asyncio.Event()
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, ended.set)
        await ended.wait()


# Opening


async def opening(folder: Path, size: int) -> None:
    """How long a store of many keys takes to open after a crash."""
    path = folder / "large"
    began = time.perf_counter()
    process = await start("--fill", path, "--keys", str(size))
    show(Row(f"writing {size:,} keys", time.perf_counter() - began, "s"))
    process.kill()
    await process.wait()
    began = time.perf_counter()
    async with opened(path, durability="buffered") as engine:
        await engine.get(NAMESPACE, key_of(0))
        show(Row("open after a crash", time.perf_counter() - began, "s", 3, most=True))


async def fill_and_hang(folder: Path, size: int) -> None:
    """Write keys and do not end: somebody kills this."""
    async with opened(folder, durability="buffered") as engine:
        await fill(engine, size)
        print("filled", flush=True)
        await asyncio.Event().wait()


async def idle(folder: Path, size: int) -> None:
    """What the machine itself does to a loop."""
    with LoopLag() as lag:
        await asyncio.sleep(2)
    show(Row("nothing: loop blocked, 99.9 %", lag.ms_at(0.999), "ms"))
    show(Row("nothing: loop blocked, longest", lag.worst_ms, "ms"))


PARTS: dict[str, Callable[[Path, int], Awaitable[None]]] = {
    "idle": idle,
    "puts": puts,
    "owner": owner,
    "large_values": large_values,
    "expiry": expiry,
    "opening": opening,
    "gets": gets,
    "lists": lists,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("parts", nargs="*", help=f"what to measure, of: {', '.join(PARTS)}")
    parser.add_argument("--keys", type=int, default=1_000_000, help="in the large namespace")
    parser.add_argument("--folder", type=Path, help="where to write; kept, and used again")
    parser.add_argument("--serve", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--fill", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.serve:
        uvloop.run(serve(given.serve))
    elif given.fill:
        uvloop.run(fill_and_hang(given.fill, given.keys))
    else:
        # What is there for good, the garbage collector need not look through each time.
        gc.freeze()
        folder = given.folder or Path(tempfile.mkdtemp(prefix="bench-kv-"))
        try:
            for name in given.parts or PARTS:
                uvloop.run(PARTS[name](folder, given.keys))
        finally:
            if not given.folder:
                shutil.rmtree(folder)
        print(f"on {os.cpu_count()} processors, {sys.version.split()[0]}")


if __name__ == "__main__":
    main()
