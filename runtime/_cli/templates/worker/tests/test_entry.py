"""Calls the worker as the runtime would; `pytest` runs it."""

import asyncio
from types import SimpleNamespace

from workers import Request

from entry import Default


def get(path):
    """Return status and text of the worker's answer."""

    async def ask():
        worker = Default(ctx=None, env=SimpleNamespace(GREETING="Hello"))
        response = await worker.fetch(Request(f"https://example.com{path}"))
        return response.status, await response.text()

    return asyncio.run(ask())


def test_it_greets_by_name():
    assert get("/?name=Ada") == (200, "Hello, Ada!\n")


def test_it_greets_the_world_when_there_is_no_name():
    assert get("/") == (200, "Hello, world!\n")


def test_it_greets_as_json():
    assert get("/api/greeting?name=Ada") == (200, '{"greeting": "Hello, Ada!"}')


def test_other_paths_are_not_found():
    status, _ = get("/elsewhere")

    assert status == 404
