"""JSON records in OTP_AUTH_KV."""

import json
import math
from collections.abc import Iterable, Mapping
from typing import Any, Final

from identity import compact_json
from workerkit import KVNamespace

__all__ = ["Store"]

# KV refuses a shorter life.
_SHORTEST_TTL_S: Final = 60
_MAX_KEYS: Final = 100


class Store:
    """Reads and writes JSON; what has no JSON in it is as good as absent."""

    def __init__(self, kv: KVNamespace) -> None:
        """Use the namespace behind a binding."""
        self._kv = kv

    async def get(self, key: str) -> Any:
        """Return what stands under a key, None where nothing does."""
        text = await self._kv.get(key)
        return None if text is None else _parsed(text)

    async def get_many(self, keys: Iterable[str]) -> Mapping[str, Any]:
        """Return what stands under each key, None where nothing does."""
        keys = list(keys)
        found: dict[str, Any] = {}
        for start in range(0, len(keys), _MAX_KEYS):
            some = keys[start : start + _MAX_KEYS]
            texts = await self._kv.get(some)
            for key in some:
                text = texts[key]
                found[key] = None if text is None else _parsed(text)
        return found

    async def put(self, key: str, value: Any, *, ttl_s: float | None = None) -> None:
        """Store `value`; it goes after `ttl_s` seconds, but not within the first minute."""
        text = compact_json(value)
        if ttl_s is None:
            await self._kv.put(key, text)
        else:
            await self._kv.put(key, text, expirationTtl=max(_SHORTEST_TTL_S, math.ceil(ttl_s)))

    async def delete(self, key: str) -> None:
        """Remove what stands under a key."""
        await self._kv.delete(key)

    async def keys(self, prefix: str) -> list[str]:
        """Return every key that begins with `prefix`."""
        names: list[str] = []
        cursor = None
        while True:
            page = await self._kv.list(prefix=prefix, cursor=cursor)
            names += [key["name"] for key in page["keys"]]
            if page["list_complete"]:
                return names
            cursor = page["cursor"]


def _parsed(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return None
