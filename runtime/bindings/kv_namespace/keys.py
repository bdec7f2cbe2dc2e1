"""`runtime kv key`: one key at a time."""

import asyncio
import codecs
import os
import stat
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer

from kvstore.limits import MAX_VALUE_BYTES
from runtime.bindings.kv_namespace.arguments import Expiration, Key, Metadata, Prefix, Ttl
from runtime.bindings.kv_namespace.choosing import Target
from runtime.bindings.kv_namespace.output import JsonWriter, json_text, quoted, say, write
from runtime.plugins import HostError

__all__ = ["delete_key", "get_key", "list_keys", "put_key"]

_CHUNK_BYTES = 65_536


def put_key(
    target: Target,
    key: Key,
    value: Annotated[
        str | None, typer.Argument(metavar="VALUE", help="The value; or see --path.")
    ] = None,
    path: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="File whose bytes are the value; - is standard input."),
    ] = None,
    ttl: Ttl = None,
    expiration: Expiration = None,
    metadata: Metadata = None,
) -> None:
    """Write a value under a key."""
    if (value is None) == (path is None):
        raise typer.BadParameter("exactly one of them is required", param_hint="VALUE and --path")
    options = {"expiration": expiration, "expirationTtl": ttl, "metadata": metadata}
    with ExitStack() as files:
        # An argument is bytes, as a file is: what is not UTF-8 in it is stored as it is.
        source = os.fsencode(str(value)) if path is None else _source(path, files)
        what = "the value to" if path is None else f"the contents of {_shown(path)} to the"
        say(f"Writing {what} key {quoted(key)} on namespace {target.shown}.")
        asyncio.run(_put(target, key, source, options))


async def _put(
    target: Target, key: str, source: bytes | Iterator[bytes], options: dict[str, Any]
) -> None:
    async with target.opened() as namespace:
        await namespace.put(key, source, options)


def _shown(path: Path) -> str:
    return "standard input" if str(path) == "-" else str(path)


def _source(path: Path, files: ExitStack) -> bytes | Iterator[bytes]:
    """Return what is in a file; of what cannot be read again, as a pipe, all of it now.

    Nothing waits for a pipe later, while the store is open.
    """
    if str(path) == "-":
        return sys.stdin.buffer.read(MAX_VALUE_BYTES + 1)
    file = files.enter_context(path.open("rb"))
    if stat.S_ISREG(os.fstat(file.fileno()).st_mode):
        return iter(partial(file.read, _CHUNK_BYTES), b"")
    return file.read(MAX_VALUE_BYTES + 1)


def get_key(
    target: Target,
    key: Key,
    text: Annotated[bool, typer.Option("--text", help="Show the value as text, in UTF-8.")] = False,
) -> None:
    """Read the value of a key, byte for byte."""
    asyncio.run(_get(target, key, text))


async def _get(target: Target, key: str, text: bool) -> None:
    async with target.opened() as namespace:
        value = await namespace.get(key, "stream")
        if value is None:
            raise HostError(
                f"Value not found: there is no key {quoted(key)} on namespace {target.shown}"
            )
        decoder = codecs.getincrementaldecoder("utf-8")("replace")
        async for chunk in value:
            write(decoder.decode(chunk).encode() if text else chunk)
        if text:
            write(decoder.decode(b"", final=True).encode() + b"\n")


def list_keys(target: Target, prefix: Prefix = None) -> None:
    """List all keys as JSON."""
    asyncio.run(_list(target, prefix))


async def _list(target: Target, prefix: str | None) -> None:
    keys = JsonWriter("[]")
    async with target.opened() as namespace:
        cursor: str | None = ""
        while cursor is not None:
            page = await namespace.list(prefix=prefix, cursor=cursor)
            for key in page["keys"]:
                keys.add(json_text(key))
            cursor = page.get("cursor")
    keys.end()


def delete_key(target: Target, key: Key) -> None:
    """Remove a key, if it is there."""
    say(f"Deleting the key {quoted(key)} on namespace {target.shown}.")
    asyncio.run(_delete(target, key))


async def _delete(target: Target, key: str) -> None:
    async with target.opened() as namespace:
        await namespace.delete(key)
