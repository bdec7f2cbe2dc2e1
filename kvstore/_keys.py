"""The key layout of an ordered store that holds all namespaces.

    <length u8><namespace><key>                 a record
    0xFF d <id>                                 a value to be deleted, as no record refers to it
    0xFF v <id><number u32>                     a piece of a value that stands apart from its record
    0xFF x <expiration u64><key of a record>    an entry of the expiry index (`_expiry`)
    0xFF 0xFF                                   the format of the store, and its last key

A namespace has 1 to 254 bytes, so no record's key starts with 0xFF, and none is a prefix of
another namespace's keys.
"""

from functools import lru_cache
from typing import Final

__all__ = [
    "DOOMED_PREFIX",
    "FORMAT_KEY",
    "MAX_NAMESPACE_BYTES",
    "PIECES_PREFIX",
    "PIECE_BYTES",
    "RECORDS_END",
    "STORE_END",
    "doomed_key",
    "id_of_doomed",
    "id_of_piece",
    "namespace_prefix",
    "piece_count",
    "piece_key",
    "piece_keys",
    "range_end",
    "split_record_key",
]

MAX_NAMESPACE_BYTES: Final = 254
PIECE_BYTES: Final = 65_536
FORMAT_KEY: Final = b"\xff\xff"
DOOMED_PREFIX: Final = b"\xffd"
RECORDS_END: Final = b"\xff"
STORE_END: Final = FORMAT_KEY + b"\x00"
"""The first key behind the store's last one."""

_NUMBER_BYTES: Final = 4

PIECES_PREFIX: Final = b"\xffv"


@lru_cache(maxsize=1024)
def namespace_prefix(namespace: str) -> bytes:
    """Return what the keys of a namespace's records start with; raise ValueError for a bad name."""
    name = namespace.encode()
    if not 0 < len(name) <= MAX_NAMESPACE_BYTES:
        raise ValueError(
            f"a namespace has 1 to {MAX_NAMESPACE_BYTES} bytes of UTF-8, not {len(name)}"
        )
    return bytes((len(name),)) + name


def split_record_key(record_key: bytes) -> tuple[str, bytes]:
    """Return namespace and key of a record."""
    end = 1 + record_key[0]
    return record_key[1:end].decode(), record_key[end:]


def piece_count(length: int) -> int:
    """Return how many pieces a value of `length` bytes has."""
    return -(-length // PIECE_BYTES)


def piece_key(value_id: bytes, number: int) -> bytes:
    """Return the key of a value's piece; they count from 0 and are `PIECE_BYTES` long."""
    return PIECES_PREFIX + value_id + number.to_bytes(_NUMBER_BYTES)


def piece_keys(value_id: bytes, length: int) -> list[bytes]:
    """Return the keys of all pieces of a value that is `length` bytes long."""
    return [piece_key(value_id, number) for number in range(piece_count(length))]


def id_of_piece(key: bytes) -> bytes:
    """Return the id of the value that the piece at `key` belongs to."""
    return key[len(PIECES_PREFIX) : -_NUMBER_BYTES]


def doomed_key(value_id: bytes) -> bytes:
    """Return the key that marks a value as one to be deleted."""
    return DOOMED_PREFIX + value_id


def id_of_doomed(key: bytes) -> bytes:
    """Return the id of the value that is marked by `key` as one to be deleted."""
    return key[len(DOOMED_PREFIX) :]


def range_end(prefix: bytes) -> bytes:
    """Return the first key behind all that start with `prefix`, which is not 0xFF throughout."""
    kept = prefix.rstrip(b"\xff")
    return kept[:-1] + bytes((kept[-1] + 1,))
