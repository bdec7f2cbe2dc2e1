"""Customers as a namespace holds them: read in bulk, and taken as nothing but what they are."""

import asyncio
import json
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, NoReturn, TypeVar

from customer_api.fields import is_customer_id
from customer_api.layout import INDEX_PREFIX, RECORD_PREFIX, index_key, metadata_of
from identity import is_email, normalise_email
from workerkit import KVNamespace

__all__ = [
    "StoredCustomer",
    "UnreadableError",
    "all_of",
    "is_index_key",
    "is_record_key",
    "iterate_keys",
    "iterate_values",
    "read_customer",
    "read_values",
]

T = TypeVar("T")

# What KV reads at once.
_BULK: Final = 100
# How KV says that values are too much to be read at once, wherever it runs.
_TOO_LARGE: Final = re.compile(r"\b413\b")
_INDEX_KEY: Final = re.compile(re.escape(INDEX_PREFIX) + "[0-9a-f]{64}")
# What stands for bytes that are no UTF-8, where a value is read as text.
_REPLACED: Final = "\N{REPLACEMENT CHARACTER}"
# Room for more than any status or time; the metadata of a key has 1024 bytes.
_MAX_LENGTH: Final = 100


def _refuse(name: str) -> NoReturn:
    raise ValueError(f"{name} is no value of JSON")


_DECODER: Final = json.JSONDecoder(parse_constant=_refuse)


class UnreadableError(Exception):
    """What stands under a record's key is no customer; the text is the reason, in words."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredCustomer:
    """A customer's record as it stands, and what belongs to it by the layout."""

    key: str
    customer_id: str
    text: str
    index: str
    metadata: Mapping[str, Any]


def is_record_key(key: str) -> bool:
    """Tell whether a customer's record can stand under a key."""
    return key.startswith(RECORD_PREFIX) and is_customer_id(key.removeprefix(RECORD_PREFIX))


def is_index_key(key: str) -> bool:
    """Tell whether the id of the customer with an address can stand under a key."""
    return _INDEX_KEY.fullmatch(key) is not None


async def iterate_keys(
    kv: KVNamespace, prefix: str, wanted: Callable[[str], bool]
) -> AsyncIterator[Sequence[Mapping[str, Any]]]:
    """Yield the keys that are wanted as a listing has them, as many at a time as can be read."""
    cursor = None
    while True:
        page = await kv.list(prefix=prefix, cursor=cursor)
        keys = [key for key in page["keys"] if wanted(key["name"])]
        for start in range(0, len(keys), _BULK):
            yield keys[start : start + _BULK]
        if page["list_complete"]:
            return
        cursor = page["cursor"]


async def iterate_values(kv: KVNamespace, keys: Sequence[str]) -> AsyncIterator[Mapping[str, str]]:
    """Yield what stands under up to 100 keys, at once or in parts that are not too large."""
    try:
        found = await kv.get([*keys])
    except Exception as error:
        if len(keys) == 1 or not _TOO_LARGE.search(str(error)):
            raise
    else:
        yield {key: value for key, value in found.items() if value is not None}
        return
    middle = len(keys) // 2
    for part in (keys[:middle], keys[middle:]):
        async for values in iterate_values(kv, part):
            yield values


async def read_values(kv: KVNamespace, keys: Iterable[str]) -> dict[str, str]:
    """Return what stands under keys, leaving out those where nothing does."""
    wanted = list(dict.fromkeys(keys))

    async def read(part: Sequence[str]) -> dict[str, str]:
        found: dict[str, str] = {}
        async for values in iterate_values(kv, part):
            found.update(values)
        return found

    parts = [wanted[start : start + _BULK] for start in range(0, len(wanted), _BULK)]
    found: dict[str, str] = {}
    for values in await all_of(read(part) for part in parts):
        found.update(values)
    return found


async def read_customer(kv: KVNamespace, key: str, text: str) -> StoredCustomer:
    """Return the customer whose record is `text`; raise UnreadableError where it is none."""
    if _REPLACED in text:
        await _require_utf8(kv, key)
    try:
        record = _DECODER.decode(text)
    except (ValueError, RecursionError):
        record = None
    if not isinstance(record, dict):
        raise UnreadableError("the record is no JSON object")
    customer_id = key.removeprefix(RECORD_PREFIX)
    # The key counts, as it does for who reads the record.
    if record.get("customerId", customer_id) != customer_id:
        raise UnreadableError("the record has another customerId than its key")
    email = record.get("email")
    if not isinstance(email, str) or not _is_address(normalise_email(email)):
        raise UnreadableError("the record has no e-mail address")
    metadata = metadata_of(record)
    for name, value in metadata.items():
        if value is not None and not (isinstance(value, str) and len(value) <= _MAX_LENGTH):
            raise UnreadableError(f"{name} is no text of up to {_MAX_LENGTH} characters")
    return StoredCustomer(
        key=key, customer_id=customer_id, text=text, index=index_key(email), metadata=metadata
    )


async def all_of(work: Iterable[Awaitable[T]]) -> list[T]:
    """Do all of it at once, and return when all has ended; raise the first error that there was."""
    results = await asyncio.gather(*work, return_exceptions=True)
    done: list[T] = []
    for result in results:
        if isinstance(result, BaseException):
            raise result
        done.append(result)
    return done


async def _require_utf8(kv: KVNamespace, key: str) -> None:
    data = await kv.get(key, "arrayBuffer")
    try:
        bytes(data or b"").decode()
    except UnicodeDecodeError:
        raise UnreadableError("the record is not UTF-8") from None


def _is_address(email: str) -> bool:
    try:
        email.encode()
    except UnicodeEncodeError:
        return False
    return is_email(email)
