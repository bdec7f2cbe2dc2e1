"""What KV refuses: Cloudflare's limits, and the words in which it says so."""

from collections.abc import Sequence
from typing import Final

from kvstore._numbers import number_text
from kvstore._text import utf8
from kvstore.errors import KVError

__all__ = [
    "DEFAULT_LIST_LIMIT",
    "MAX_BULK_KEYS",
    "MAX_KEY_BYTES",
    "MAX_METADATA_BYTES",
    "MAX_VALUE_BYTES",
    "MIN_CACHE_TTL_S",
    "MIN_EXPIRATION_S",
    "check_cache_ttl",
    "check_metadata_size",
    "check_value_size",
    "checked_bulk_keys",
    "checked_expiration",
    "checked_key",
    "checked_limit",
    "checked_prefix",
    "whole_number",
]

MAX_KEY_BYTES: Final = 512
MAX_VALUE_BYTES: Final = 25 * 1024 * 1024
MAX_METADATA_BYTES: Final = 1024
MAX_BULK_KEYS: Final = 100
DEFAULT_LIST_LIMIT: Final = 1000
MIN_CACHE_TTL_S: Final = 30
MIN_EXPIRATION_S: Final = 60

# Beyond it JavaScript's numbers are not whole ones any more.
_MAX_WHOLE: Final = 2**53 - 1


def checked_key(key: object, verb: str) -> bytes:
    """Return a key in UTF-8; raise TypeError, or KVError 414 for one that is too long."""
    if not isinstance(key, str):
        raise TypeError(f"A key name is a str, not {type(key).__name__}.")
    if not key:
        raise TypeError("Key name cannot be empty.")
    if key in (".", ".."):
        raise TypeError(f'"{key}" is not allowed as a key name.')
    return _checked_length(utf8(key), verb)


def checked_prefix(prefix: object) -> bytes:
    """Return a prefix in UTF-8; raise TypeError, or KVError 414 for one that is too long."""
    if prefix is None:
        return b""
    if not isinstance(prefix, str):
        raise TypeError(f"A prefix is a str, not {type(prefix).__name__}.")
    return _checked_length(utf8(prefix), "GET")


def checked_bulk_keys(keys: Sequence[object], verb: str) -> list[bytes]:
    """Return 1 to 100 keys in UTF-8."""
    if not keys:
        raise KVError(verb, 400, "You must request a minimum of 1 key")
    if len(keys) > MAX_BULK_KEYS:
        raise KVError(verb, 400, f"You can request a maximum of {MAX_BULK_KEYS} keys")
    return [checked_key(key, verb) for key in keys]


def check_cache_ttl(cache_ttl: object, verb: str) -> None:
    """Refuse a `cacheTtl` that is no number, or under 30 seconds."""
    if cache_ttl is None:
        return
    if not isinstance(cache_ttl, int | float) or not cache_ttl >= MIN_CACHE_TTL_S:
        raise KVError(
            verb,
            400,
            f"Invalid cache_ttl of {_shown(cache_ttl)}. "
            f"Cache TTL must be at least {MIN_CACHE_TTL_S}.",
        )


def checked_expiration(expiration: object, expiration_ttl: object, now: float) -> int | None:
    """Return when a record is to expire, in seconds since the epoch; the TTL wins over the time."""
    if expiration_ttl is not None:
        ttl = whole_number(expiration_ttl)
        if ttl is None or ttl <= 0:
            reason = "Please specify integer greater than 0."
        elif ttl < MIN_EXPIRATION_S:
            reason = f"Expiration TTL must be at least {MIN_EXPIRATION_S}."
        else:
            return int(now) + ttl
        raise KVError("PUT", 400, f"Invalid expiration_ttl of {_shown(expiration_ttl)}. {reason}")
    if expiration is None:
        return None
    at = whole_number(expiration)
    if at is None or at <= now:
        reason = (
            "Please specify integer greater than the current number of seconds since the UNIX "
            "epoch."
        )
    elif at < int(now) + MIN_EXPIRATION_S:
        reason = f"Expiration times must be at least {MIN_EXPIRATION_S} seconds in the future."
    else:
        return at
    raise KVError("PUT", 400, f"Invalid expiration of {_shown(expiration)}. {reason}")


def check_value_size(length: int) -> None:
    """Refuse a value over 25 MiB, or one that has grown beyond it."""
    if length > MAX_VALUE_BYTES:
        raise KVError("PUT", 413, f"Value length of {length} exceeds limit of {MAX_VALUE_BYTES}.")


def check_metadata_size(length: int) -> None:
    """Refuse metadata over 1024 bytes of JSON."""
    if length > MAX_METADATA_BYTES:
        raise KVError(
            "PUT", 413, f"Metadata length of {length} exceeds limit of {MAX_METADATA_BYTES}."
        )


def checked_limit(limit: object) -> int:
    """Return the size of a page: 1000 where `limit` is None, 0 or negative."""
    if limit is None or (isinstance(limit, int | float) and limit < 0):
        return DEFAULT_LIST_LIMIT
    count = whole_number(limit)
    if count is None or count > DEFAULT_LIST_LIMIT:
        raise KVError(
            "GET",
            400,
            f"Invalid key_count_limit of {_shown(limit)}. "
            f"Please specify an integer less than {DEFAULT_LIST_LIMIT}.",
        )
    return count or DEFAULT_LIST_LIMIT


def whole_number(value: object) -> int | None:
    """Return a whole number, also one that is written as a float; None for anything else."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    if isinstance(value, float) and not value.is_integer():
        return None
    return int(value) if abs(value) <= _MAX_WHOLE else None


def _checked_length(data: bytes, verb: str) -> bytes:
    if len(data) > MAX_KEY_BYTES:
        raise KVError(
            verb,
            414,
            f"UTF-8 encoded length of {len(data)} exceeds key length limit of {MAX_KEY_BYTES}.",
        )
    return data


def _shown(value: object) -> str:
    return number_text(value) if isinstance(value, int | float) else str(value)
