"""Servers under load: workers on `runtime serve`, and what they are compared with."""

import statistics
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from bench import Bench, interleaved
from load import load
from processes import BENCH, Child, started

__all__ = ["CONNECTIONS", "Server", "peer", "rates_of", "serve", "worker"]

CONNECTIONS = 32
"""How many connections ask at the same time."""

_SECONDS = 1.0


@dataclass
class Server:
    """A server under load; `cpu_us` holds how long it computes over each request."""

    child: Child
    body_bytes: int = 0
    path: str = "/"
    headers: Mapping[str, str] = field(default_factory=dict)
    cpu_us: list[float] = field(default_factory=list)

    async def rate(self) -> float:
        """Return how many requests a second it answers."""
        before = self.child.cpu_s()
        seen = await load(
            self.child.port,
            connections=CONNECTIONS,
            seconds=_SECONDS,
            body_bytes=self.body_bytes,
            path=self.path,
            headers=self.headers,
        )
        self.cpu_us.append((self.child.cpu_s() - before) / seen.count * 1e6)
        return seen.rate


async def rates_of(bench: Bench, servers: Sequence[Server]) -> Sequence[float]:
    """Return the median rate of each, measured in turns."""
    rates = await interleaved(bench.rounds, [server.rate for server in servers])
    return [statistics.median(figures) for figures in rates]


@asynccontextmanager
async def worker(bench: Bench, name: str, state: str, **environ: str) -> AsyncIterator[Child]:
    """Serve a worker of the benchmark, with state of its own."""
    async with serve(bench, state, BENCH / "served" / name, **environ) as child:
        yield child


@asynccontextmanager
async def serve(
    bench: Bench, state: str, *arguments: str | Path, **environ: str
) -> AsyncIterator[Child]:
    """Run `runtime serve` as it is run by default, but for the reloading."""
    options = ["--port", "0", "--no-reload"]
    async with started(
        ["-m", "runtime", "serve", *arguments, *options, "--persist-to", bench.folder / state],
        bench.folder / f"{state}.txt",
        ready="Ready on",
        **environ,
    ) as child:
        yield child


@asynccontextmanager
async def peer(bench: Bench, name: str) -> AsyncIterator[Child]:
    """Run what workers are compared with."""
    arguments = [BENCH / "peers.py", name, bench.folder / f"peer-{name}"]
    async with started(arguments, bench.folder / f"peer-{name}.txt") as child:
        yield child
