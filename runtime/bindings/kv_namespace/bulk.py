"""`runtime kv bulk`: many keys, in the files that wrangler reads."""

import asyncio
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from kvstore import Delete, Operation
from kvstore.limits import checked_key
from runtime.bindings.kv_namespace.arguments import Expiration, Force, Metadata, Ttl
from runtime.bindings.kv_namespace.bulk_files import read_keys, read_pairs, stage_pairs
from runtime.bindings.kv_namespace.choosing import Target
from runtime.bindings.kv_namespace.output import JsonWriter, ask, json_text, progress, say, tell
from runtime.bindings.kv_namespace.stores import reach_store

__all__ = ["delete_keys", "get_keys", "put_keys"]

# What is written in one call: one that is interrupted leaves little in doubt.
_BATCH: Final = 500

_File = Annotated[Path, typer.Argument(metavar="FILE", help="A JSON file; - is standard input.")]


def put_keys(
    target: Target,
    file: _File,
    ttl: Ttl = None,
    expiration: Expiration = None,
    metadata: Metadata = None,
) -> None:
    """Write an array of objects with key and value.

    Each may have expiration or expiration_ttl, metadata, and "base64": true for a value that is not
    text. --ttl, --expiration and --metadata are for those that do not say it themselves. Nothing is
    written where one of them is wrong.
    """
    pairs = read_pairs(file)
    defaults = {"expiration": expiration, "expirationTtl": ttl, "metadata": metadata}
    asyncio.run(_put(target, file, pairs, defaults))
    say("Success!")


async def _put(
    target: Target, file: Path, pairs: Sequence[Any], defaults: Mapping[str, Any]
) -> None:
    puts = await stage_pairs(file, pairs, target.id, defaults, target.host.now)
    await _write(target, "Writing", puts)


def get_keys(target: Target, file: _File) -> None:
    """Read the values of an array of keys, as JSON."""
    keys = read_keys(file, "GET")
    asyncio.run(_get(target, keys))


async def _get(target: Target, keys: Sequence[str]) -> None:
    values = JsonWriter("{}")
    async with target.opened() as namespace:
        for key in keys:
            value = json_text({"value": await namespace.get(key)})
            values.add(f"{json.dumps(key, ensure_ascii=False)}: {value}")
    values.end()


def delete_keys(target: Target, file: _File, force: Force = False) -> None:
    """Remove an array of keys, after a question."""
    keys = read_keys(file, "DELETE")
    question = (
        f"Are you sure you want to delete all the keys read from {file} "
        f"from kv-namespace {target.shown}?"
    )
    if not ask(question, force=force):
        say(f"Not deleting keys read from {file}.")
        return
    deletes = [Delete(target.id, checked_key(key, "DELETE")) for key in keys]
    asyncio.run(_write(target, "Deleting", deletes))
    say("Success!")


async def _write(target: Target, label: str, operations: Sequence[Operation]) -> None:
    done = 0
    try:
        async with reach_store(target.host) as engine:
            with progress(label, len(operations)) as on_progress:
                for start in range(0, len(operations), _BATCH):
                    await engine.write(operations[start : start + _BATCH])
                    done = min(start + _BATCH, len(operations))
                    on_progress(done)
    finally:
        if 0 < done < len(operations):
            tell(f"Stopped after {done} of {len(operations)} keys; the same again does them all.")
