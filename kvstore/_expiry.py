"""When a record is gone, and the index by which expired ones are found without a search."""

from typing import Final

__all__ = ["EXPIRY_PREFIX", "expiry_key", "expiry_range_end", "has_expired", "indexed_store_key"]

EXPIRY_PREFIX: Final = b"\xffx"

_SECONDS_BYTES: Final = 8


def has_expired(expiration: int | None, now: float) -> bool:
    """Tell whether a record of that expiration, in seconds since the epoch, is gone at `now`."""
    return expiration is not None and now >= expiration


def expiry_key(expiration: int, store_key: bytes) -> bytes:
    """Return the key of the index entry for the record at `store_key`."""
    return EXPIRY_PREFIX + expiration.to_bytes(_SECONDS_BYTES) + store_key


def expiry_range_end(now: float) -> bytes:
    """Return the first index key that has not expired at `now`."""
    return EXPIRY_PREFIX + (int(now) + 1).to_bytes(_SECONDS_BYTES)


def indexed_store_key(index_key: bytes) -> bytes:
    """Return the key of the record that an index entry is about."""
    return index_key[len(EXPIRY_PREFIX) + _SECONDS_BYTES :]
