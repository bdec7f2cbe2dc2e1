"""What workers are compared with: handlers on aiohttp's bare server, each a program of its own."""

import argparse
import asyncio
from itertools import cycle
from pathlib import Path

import plyvel
import uvloop
from aiohttp import web


async def _serve(handler: object) -> None:
    server = web.Server(handler, access_log=None)
    listening = await asyncio.get_running_loop().create_server(server, "127.0.0.1", 0)
    print(f"ready on http://127.0.0.1:{listening.sockets[0].getsockname()[1]}/", flush=True)
    await asyncio.Event().wait()


async def _hello(folder: Path) -> None:
    async def handle(request: web.BaseRequest) -> web.Response:
        return web.Response(body=b"h" * 100)

    await _serve(handle)


async def _kv_get(folder: Path) -> None:
    keys = [b"key-%09d" % number for number in range(1000)]
    database = plyvel.DB(str(folder), create_if_missing=True)
    for key in keys:
        database.put(key, b"v" * 100)
    turns = cycle(keys)

    async def handle(request: web.BaseRequest) -> web.Response:
        return web.Response(body=database.get(next(turns)))

    await _serve(handle)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("peer", choices=("hello", "kv_get"))
    parser.add_argument("folder", type=Path, help="where it may keep data")
    given = parser.parse_args()
    uvloop.run({"hello": _hello, "kv_get": _kv_get}[given.peer](given.folder))
