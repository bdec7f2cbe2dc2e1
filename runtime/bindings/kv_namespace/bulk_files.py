"""The JSON files of `runtime kv bulk`, each checked as a whole before anything is done with it."""

import asyncio
import base64
import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from kvstore import EngineOptions, KVError, KVNamespace, Put, open_engine
from kvstore.engine import Clock
from kvstore.limits import checked_key
from runtime.bindings.kv_namespace.output import quoted, tell
from runtime.plugins import HostError

__all__ = ["read_keys", "read_pairs", "stage_pairs"]

_FIELDS: Final = frozenset({"base64", "expiration", "expiration_ttl", "key", "metadata", "value"})
# How many items of a file are told of.
_MAX_TOLD: Final = 10
_STEP: Final = 500


def read_keys(file: Path, verb: str) -> Sequence[str]:
    """Return the keys of a file, each once: texts, or objects with a name as a listing has them.

    Raises HostError with the items that cannot be keys; `verb` is KV's for what is to be done.
    """
    keys: dict[str, None] = {}
    faults = []
    for index, item in enumerate(_items(file, "an array of keys")):
        key: Any = item.get("name") if isinstance(item, dict) else item
        try:
            checked_key(key, verb)
        except (TypeError, KVError) as error:
            faults.append(f"item {index}: {error}")
        else:
            keys[key] = None
    _require_none(file, faults)
    return list(keys)


def read_pairs(file: Path) -> Sequence[Any]:
    """Return the items of a file of pairs, not checked yet; raise HostError for no JSON array."""
    return _items(file, 'an array of objects with "key" and "value"')


async def stage_pairs(
    file: Path, pairs: Sequence[Any], namespace: str, defaults: Mapping[str, Any], clock: Clock
) -> Sequence[Put]:
    """Return what pairs say is to be put, of which KV takes every one.

    `defaults` are options of KV's put for pairs that do not say it themselves. Raises HostError
    with the items that KV refuses.
    """
    memory = await open_engine("memory", EngineOptions(folder=Path(), clock=clock))
    staged = KVNamespace(memory, namespace, clock=clock)
    faults, surprises = [], []
    for index, pair in enumerate(pairs):
        if index % _STEP == 0:
            # What is in memory waits for nothing: without this, Ctrl-C would have to.
            await asyncio.sleep(0)
        try:
            await staged.put(*_key_and_value(pair), _options(pair, defaults))
        except (TypeError, ValueError) as error:
            faults.append(f"item {index}: {error}")
        else:
            unknown = sorted(pair.keys() - _FIELDS)
            if unknown:
                surprises.append(f"item {index}: {', '.join(map(quoted, unknown))}")
    _require_none(file, faults)
    if surprises:
        tell(f"warning: {file} has fields that are not stored:{_told(surprises)}")
    puts = []
    async for key, record in memory.snapshot(namespace):
        assert isinstance(record.value, bytes)  # it is in memory
        puts.append(Put(namespace, key, record.value, record.metadata, record.expiration))
    return puts


def _key_and_value(pair: Any) -> tuple[str, str | bytes]:
    if not isinstance(pair, dict):
        raise TypeError("it is not an object")
    for field in ("key", "value"):
        if not isinstance(pair.get(field), str):
            raise TypeError(f'its "{field}" is not a text')
    value = pair["value"]
    if pair.get("base64"):
        return pair["key"], base64.b64decode(value, validate=True)
    return pair["key"], value


def _options(pair: Mapping[str, Any], defaults: Mapping[str, Any]) -> Mapping[str, Any]:
    own = {
        "expiration": pair.get("expiration"),
        "expirationTtl": pair.get("expiration_ttl"),
        "metadata": pair.get("metadata"),
    }
    if own["expiration"] is not None or own["expirationTtl"] is not None:
        defaults = {"metadata": defaults["metadata"]}
    return {name: own[name] if own[name] is not None else defaults.get(name) for name in own}


def _items(file: Path, shape: str) -> Sequence[Any]:
    data = sys.stdin.buffer.read() if str(file) == "-" else file.read_bytes()
    try:
        items = json.loads(data)
    except (ValueError, RecursionError) as error:
        # The text itself may be a secret, so only the place is told.
        place = f" at line {error.lineno}" if isinstance(error, json.JSONDecodeError) else ""
        raise HostError(
            f"{file} is not JSON{place}: it should be {shape}; "
            "JSON lines are for `runtime kv import`"
        ) from None
    if not isinstance(items, list):
        raise HostError(f"{file} should hold {shape}, and holds something else")
    return items


def _require_none(file: Path, faults: Sequence[str]) -> None:
    if faults:
        raise HostError(f"nothing was done, for this in {file} is wrong:{_told(faults)}")


def _told(lines: Sequence[str]) -> str:
    more = len(lines) - _MAX_TOLD
    told = [*lines[:_MAX_TOLD], *([f"and {more} more"] if more > 0 else [])]
    return "".join(f"\n  {line}" for line in told)
