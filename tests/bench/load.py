"""Load over HTTP/1.1: connections that send their next request when the last one is answered.

A program of its own, so that it does not compute in the place of what it measures.
"""

import argparse
import asyncio
import json
import re
import sys
import time
from collections.abc import Mapping
from typing import NamedTuple, cast

import uvloop

__all__ = ["Load", "load"]

_HEAD_END = b"\r\n\r\n"
_LENGTH = re.compile(rb"\r\ncontent-length: *([0-9]+)", re.IGNORECASE)
_STATUSES = (b"200", b"204")
# From here on it is the load that is too slow, not what is loaded.
_BUSY = 0.85
# What it may take to begin and to end.
_PATIENCE_S = 10.0


class Load(NamedTuple):
    """What came of it: requests a second, and how many there were."""

    rate: float
    count: int


async def load(
    port: int,
    *,
    connections: int,
    seconds: float,
    body_bytes: int = 0,
    path: str = "/",
    headers: Mapping[str, str] | None = None,
) -> Load:
    """GET from a server on this machine, or PUT with a body, as fast as it answers.

    Raises RuntimeError where the load could not have been more than it was.
    """
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        __file__,
        *map(str, (port, connections, seconds)),
        _request(path, headers or {}, body_bytes),
        stdout=asyncio.subprocess.PIPE,
    )
    output, _ = await asyncio.wait_for(process.communicate(), seconds + _PATIENCE_S)
    seen = json.loads(output)
    if seen["busy"] > _BUSY:
        raise RuntimeError("the load computes all the time: it takes more processes")
    return Load(seen["rate"], seen["count"])


class _Run:
    def __init__(self, request: bytes, seconds: float) -> None:
        self.request = request
        self.count = 0
        self.ends_at = time.perf_counter() + seconds


class _Connection(asyncio.Protocol):
    def __init__(self, run: _Run) -> None:
        self._run = run
        self._received = b""
        self.ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._transport.write(self._run.request)

    def data_received(self, data: bytes) -> None:
        self._received += data
        head_end = self._received.find(_HEAD_END)
        if head_end < 0:
            return
        found = _LENGTH.search(self._received, 0, head_end)
        end = head_end + len(_HEAD_END) + (int(found[1]) if found else 0)
        if len(self._received) < end:
            return
        if self._received[9:12] not in _STATUSES:
            self.ended.set_exception(RuntimeError(self._received.decode(errors="replace")))
            self._transport.close()
            return
        self._received = self._received[end:]
        self._run.count += 1
        if time.perf_counter() < self._run.ends_at:
            self._transport.write(self._run.request)
        else:
            self._transport.close()

    def connection_lost(self, error: Exception | None) -> None:
        if not self.ended.done():
            self.ended.set_result(None)


def _request(path: str, headers: Mapping[str, str], body_bytes: int) -> str:
    method = "PUT" if body_bytes else "GET"
    all_headers = {"host": "localhost", **headers}
    if body_bytes:
        all_headers["content-length"] = str(body_bytes)
    lines = "".join(f"{name}: {value}\r\n" for name, value in all_headers.items())
    return f"{method} {path} HTTP/1.1\r\n{lines}\r\n{'w' * body_bytes}"


async def _load(port: int, connections: int, seconds: float, request: bytes) -> None:
    began, busy = time.perf_counter(), time.process_time()
    run = _Run(request, seconds)
    loop = asyncio.get_running_loop()
    opened = [
        await loop.create_connection(lambda: _Connection(run), "127.0.0.1", port)
        for _ in range(connections)
    ]
    await asyncio.gather(*[connection.ended for _, connection in opened])
    taken = time.perf_counter() - began
    seen = {"busy": (time.process_time() - busy) / taken}
    print(json.dumps(seen | {"rate": run.count / taken, "count": run.count}))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("port", type=int)
    parser.add_argument("connections", type=int)
    parser.add_argument("seconds", type=float)
    parser.add_argument("request")
    given = parser.parse_args()
    uvloop.run(_load(given.port, given.connections, given.seconds, given.request.encode()))
