"""KV namespaces as workers see them: Cloudflare's methods, results and refusals.

Names and results are those of Cloudflare's Python Workers, so their spelling is kept.
"""

import asyncio
import json
import time
from collections.abc import Mapping, Sequence
from typing import Any, Final

from kvstore._cursor import decode_cursor, encode_cursor
from kvstore._expiry import has_expired
from kvstore._keys import namespace_prefix
from kvstore._turns import in_turns
from kvstore._values import (
    BULK_TYPES,
    check_type,
    metadata_json,
    typed_value,
    value_length,
    value_source,
)
from kvstore.engine import Clock, Delete, Entry, KVEngine, Operation, Put, Record
from kvstore.errors import KVError
from kvstore.limits import (
    MAX_VALUE_BYTES,
    check_cache_ttl,
    checked_bulk_keys,
    checked_expiration,
    checked_key,
    checked_limit,
    checked_prefix,
)
from kvstore.results import KVResult, ListResult

__all__ = ["KVNamespace"]

_READ_OPTIONS: Final = ("type", "cacheTtl")
_PUT_OPTIONS: Final = ("expiration", "expirationTtl", "metadata")
_LIST_OPTIONS: Final = ("prefix", "limit", "cursor")
# What is made of keys before other tasks get their turn; each may have 1 KB of metadata.
_KEYS_AT_ONCE: Final = 50
# Of values that long, each gets a loop turn of its own.
_LONG_BYTES: Final = 16 * 1024
# Both mean several keys.
_LISTS: Final = (list, tuple)

_Options = Mapping[str, object]


class KVNamespace:
    """One namespace on an engine.

    Options are keywords or one dict; None counts as not given, an unknown one is a TypeError. What
    KV refuses raises KVError with Cloudflare's status and words; `kvstore.limits` has them all.
    """

    # Over RPC a namespace is handed on, not copied.
    __rpc_stub__ = True
    __slots__ = ("_clock", "_engine", "_id")

    def __init__(self, engine: KVEngine, id_: str, *, clock: Clock = time.time) -> None:
        """Stand for the namespace `id_`, 1 to 254 bytes of UTF-8; equal ids share their data."""
        namespace_prefix(id_)
        self._engine = engine
        self._id = id_
        self._clock = clock

    async def get(
        self, key: str | list[str], type: str | _Options | None = None, /, **options: object
    ) -> Any:
        """Return the value of a key, None when there is none.

        `type` is text (a str), json, arrayBuffer (a memoryview) or stream (an async iterator of
        bytes). A list of 1 to 100 keys gives a dict of them, of type text or json.
        """
        type_, verb = _read_options("get", key, type, options)
        if isinstance(key, _LISTS):
            records = await self._get_many(key, type_, verb)
            return {
                name: None if record is None else await _bulk_value(record, type_, verb)
                for name, record in records.items()
            }
        record = self._live(await self._engine.get(self._id, checked_key(key, verb)))
        return None if record is None else await typed_value(record.value, type_)

    async def getWithMetadata(
        self, key: str | list[str], type: str | _Options | None = None, /, **options: object
    ) -> Any:
        """Return `value`, `metadata` and `cacheStatus`, all of them None when there is no record.

        A list of keys gives a dict of them, with None for a key that is absent.
        """
        type_, verb = _read_options("getWithMetadata", key, type, options)
        if isinstance(key, _LISTS):
            records = await self._get_many(key, type_, verb)
            return {
                name: None
                if record is None
                else _with_metadata(await _bulk_value(record, type_, verb), record)
                for name, record in records.items()
            }
        record = self._live(await self._engine.get(self._id, checked_key(key, verb)))
        value = None if record is None else await typed_value(record.value, type_)
        return _with_metadata(value, record)

    get_with_metadata = getWithMetadata

    async def put(
        self, key: str, value: Any, options: _Options | None = None, /, **more: object
    ) -> None:
        """Store a value: str, bytes-like, a number or bool, or an (async) iterator of bytes.

        `expirationTtl` is in seconds from now, `expiration` in seconds since the epoch, `metadata`
        any JSON value. After it returns, every reader sees the new value.
        """
        given = _merged("put", _PUT_OPTIONS, options, more)
        name = checked_key(key, "PUT")
        expiration = checked_expiration(
            given.get("expiration"), given.get("expirationTtl"), self._clock()
        )
        metadata = metadata_json(given.get("metadata"))
        source = await value_source(value)
        try:
            await self._engine.write([Put(self._id, name, source, metadata, expiration)])
        finally:
            if not isinstance(source, bytes):
                await source.aclose()

    async def delete(self, key: str | list[str], /) -> None:
        """Remove a key, or each of a list of keys; one that is absent is no error."""
        keys = key if isinstance(key, _LISTS) else [key]
        deletes: list[Operation] = []
        async for part in in_turns(keys, _KEYS_AT_ONCE):
            deletes += [Delete(self._id, checked_key(one, "DELETE")) for one in part]
        await self._engine.write(deletes)

    async def list(self, options: _Options | None = None, /, **more: object) -> ListResult:
        """Return a page of up to `limit` keys, in the byte order of their UTF-8.

        `cursor`, from a page that is not complete, asks for the next one.
        """
        given = _merged("list", _LIST_OPTIONS, options, more)
        prefix = checked_prefix(given.get("prefix"))
        limit = checked_limit(given.get("limit"))
        after = decode_cursor(self._id, prefix, given.get("cursor"))
        entries, has_more = await self._engine.list(self._id, prefix, after, limit)
        now = self._clock()
        listed: list[KVResult] = []
        async for part in in_turns(entries, _KEYS_AT_ONCE):
            listed += [_listed(entry) for entry in part if not has_expired(entry.expiration, now)]
        page = ListResult(keys=listed, list_complete=not has_more)
        if has_more:
            page["cursor"] = encode_cursor(self._id, entries[-1].key)
        page["cacheStatus"] = None
        return page

    def __repr__(self) -> str:
        return f"<KvNamespace {self._id}>"

    def _live(self, record: Record | None) -> Record | None:
        if record is None or record.expiration is None:
            return record
        # The engine's clock is not ours, and what has expired is never returned.
        return None if has_expired(record.expiration, self._clock()) else record

    async def _get_many(
        self, keys: Sequence[str], type_: str, verb: str
    ) -> dict[str, Record | None]:
        names = checked_bulk_keys(keys, verb)
        if type_ not in BULK_TYPES:
            raise KVError(verb, 400, f'"{type_}" is not a valid type. Use "json" or "text"')
        records = [self._live(record) for record in await self._engine.get_many(self._id, names)]
        values = [record.value for record in records if record is not None]
        if sum(map(value_length, values)) > MAX_VALUE_BYTES:
            for value in values:
                if not isinstance(value, bytes):
                    await value.aclose()
            raise KVError(verb, 413, "Total size of request exceeds the limit of 25MB")
        return dict(zip(keys, records, strict=True))


# What the interpreter's own TypeErrors ("… has no len()") call it on Cloudflare.
KVNamespace.__name__ = KVNamespace.__qualname__ = "KvNamespace"


def _merged(
    method: str, known: tuple[str, ...], options: object, keywords: Mapping[str, object]
) -> dict[str, object]:
    """Return what is given of the options, by keyword or in a dict, and not None."""
    if options is not None and not isinstance(options, Mapping):
        raise TypeError(f"the options of KV {method} are a dict, not {type(options).__name__}")
    given = {**(options or {}), **keywords}
    for name in given:
        if name not in known:
            raise TypeError(f"KV {method} has no option {name!r}; it has: {', '.join(known)}")
    return {name: value for name, value in given.items() if value is not None}


def _read_options(
    method: str, key: object, type_: object, keywords: Mapping[str, object]
) -> tuple[str, str]:
    """Return the type that a read asks for, and the verb of its refusals."""
    verb = "GET_BULK" if isinstance(key, _LISTS) else "GET"
    if not keywords and (type_ is None or isinstance(type_, str)):
        wanted, cache_ttl = "text" if type_ is None else type_, None
    else:
        given = {"type": type_} if isinstance(type_, str) else type_
        options = _merged(method, _READ_OPTIONS, given, keywords)
        wanted, cache_ttl = str(options.get("type", "text")), options.get("cacheTtl")
    if verb == "GET":
        check_type(wanted)
    check_cache_ttl(cache_ttl, verb)
    return wanted, verb


async def _bulk_value(record: Record, type_: str, verb: str) -> Any:
    if value_length(record.value) > _LONG_BYTES:
        await asyncio.sleep(0)
    try:
        return await typed_value(record.value, type_)
    except json.JSONDecodeError:
        raise KVError(
            verb, 400, "At least one of the requested keys corresponds to a non-json value"
        ) from None


def _with_metadata(value: object, record: Record | None) -> KVResult:
    metadata = None if record is None else _metadata_of(record.metadata)
    return KVResult(value=value, metadata=metadata, cacheStatus=None)


def _listed(entry: Entry) -> KVResult:
    listed = KVResult(name=entry.key.decode())
    if entry.expiration is not None:
        listed["expiration"] = entry.expiration
    if entry.metadata is not None:
        listed["metadata"] = _metadata_of(entry.metadata)
    return listed


def _metadata_of(stored: bytes | None) -> Any:
    return None if stored is None else json.loads(stored)
