"""The bytes of a stored record, version 1.

    version u8 · flags u8 · expiration u64 · metadata length u16 · metadata · payload · CRC-32 u32

All numbers are big-endian; expiration 0 means none; the checksum covers everything before it. The
payload is the value, or with flag `DETACHED` the id under which the value is kept in pieces of its
own, its length u32 and its CRC-32 u32. A version byte above ours is refused, never guessed at.
"""

import struct
import zlib
from typing import Final, NamedTuple

from kvstore.engine import Entry
from kvstore.errors import CorruptRecordError, EngineError, FormatTooNewError

__all__ = [
    "DETACHED_ID_BYTES",
    "DetachedValue",
    "INCOMPLETE",
    "StoredRecord",
    "check_storable",
    "corrupt_record",
    "decode_entry",
    "decode_record",
    "encode_record",
    "is_gone",
    "stored_moment",
]

DETACHED_ID_BYTES: Final = 12
INCOMPLETE: Final = "its value is incomplete or has been changed"

_VERSION: Final = 1
_HAS_METADATA: Final = 1
_DETACHED: Final = 2
_KNOWN_FLAGS: Final = _HAS_METADATA | _DETACHED

_MAX_METADATA_BYTES: Final = 0xFFFF
_MAX_EXPIRATION_S: Final = 0xFFFF_FFFF_FFFF_FFFF

_HEAD: Final = struct.Struct(">BBQH")
# Where in the head the expiration stands, and what stands there if there is none.
_EXPIRATION: Final = slice(2, 10)
_NEVER: Final = bytes(8)
_CHECKSUM: Final = struct.Struct(">I")
_REFERENCE: Final = struct.Struct(f">{DETACHED_ID_BYTES}sII")


class DetachedValue(NamedTuple):
    """A value that is kept apart from its record: where, how long it is, and its checksum."""

    id: bytes
    length: int
    checksum: int

    def matches(self, value: bytes) -> bool:
        """Tell whether `value` is what was written."""
        return len(value) == self.length and zlib.crc32(value) == self.checksum


class StoredRecord(NamedTuple):
    """A record as it stands in the store: the value itself, or where it is."""

    value: bytes | DetachedValue
    metadata: bytes | None
    expiration: int | None


def check_storable(record: StoredRecord) -> None:
    """Raise EngineError for a record that the format has no room for."""
    if record.metadata is not None and len(record.metadata) > _MAX_METADATA_BYTES:
        raise EngineError(f"metadata of {len(record.metadata)} bytes cannot be stored")
    if record.expiration is not None and not 0 < record.expiration <= _MAX_EXPIRATION_S:
        raise EngineError(f"an expiration of {record.expiration} cannot be stored")


def encode_record(record: StoredRecord) -> bytes:
    """Return the bytes to be stored for `record`."""
    flags = 0 if record.metadata is None else _HAS_METADATA
    value = record.value
    if isinstance(value, DetachedValue):
        flags |= _DETACHED
        payload = _REFERENCE.pack(*value)
    else:
        payload = value
    metadata = record.metadata or b""
    head = _HEAD.pack(_VERSION, flags, record.expiration or 0, len(metadata))
    body = b"".join((head, metadata, payload))
    return body + _CHECKSUM.pack(zlib.crc32(body))


def decode_record(data: bytes, namespace: str, key: bytes) -> StoredRecord:
    """Return the record in `data`.

    Raises CorruptRecordError for bytes that are not what was written, FormatTooNewError for a
    record of a newer version; `namespace` and `key` name it in the message.
    """
    flags, expiration, payload_start, end = _read_head(data, namespace, key)
    payload: bytes | DetachedValue = data[payload_start:end]
    if flags & _DETACHED:
        if end - payload_start != _REFERENCE.size:
            raise corrupt_record(namespace, key, "its reference makes no sense")
        payload = DetachedValue(*_REFERENCE.unpack_from(data, payload_start))
    metadata = data[_HEAD.size : payload_start] if flags & _HAS_METADATA else None
    return StoredRecord(payload, metadata, expiration or None)


def decode_entry(data: bytes, namespace: str, key: bytes) -> Entry:
    """Return what a listing shows of the record in `data`; raise as `decode_record` does."""
    flags, expiration, payload_start, _ = _read_head(data, namespace, key)
    metadata = data[_HEAD.size : payload_start] if flags & _HAS_METADATA else None
    return Entry(key, metadata, expiration or None)


def stored_moment(now: float) -> bytes:
    """Return a moment as expirations are stored, for `is_gone`."""
    return int(now).to_bytes(len(_NEVER))


def is_gone(data: bytes, moment: bytes) -> bool:
    """Tell, without decoding it, that a record has expired at a moment; of a damaged one, never."""
    return (
        _NEVER < data[_EXPIRATION] <= moment
        and data[0] == _VERSION
        and zlib.crc32(data[: -_CHECKSUM.size]) == int.from_bytes(data[-_CHECKSUM.size :])
    )


def corrupt_record(namespace: str, key: bytes, fault: str) -> CorruptRecordError:
    """Return the error for a damaged record."""
    return CorruptRecordError(
        f"{_shown(namespace, key)} is damaged: {fault}; write it again, or delete it"
    )


def _shown(namespace: str, key: bytes) -> str:
    return f"the record of key {key.decode(errors='replace')!r} in namespace {namespace!r}"


def _read_head(data: bytes, namespace: str, key: bytes) -> tuple[int, int, int, int]:
    """Return flags and expiration of a record, and where its payload starts and ends."""
    if data and data[0] > _VERSION:
        raise FormatTooNewError(
            f"{_shown(namespace, key)} has record format {data[0]}, this version reads up to "
            f"{_VERSION}; use the version of edgestead that wrote it, or a newer one"
        )
    end = len(data) - _CHECKSUM.size
    if end < _HEAD.size or zlib.crc32(data[:end]) != int.from_bytes(data[end:]):
        raise corrupt_record(namespace, key, "its checksum does not match")
    version, flags, expiration, metadata_length = _HEAD.unpack_from(data)
    payload_start = _HEAD.size + metadata_length
    if version != _VERSION or flags & ~_KNOWN_FLAGS or payload_start > end:
        raise corrupt_record(namespace, key, "its head makes no sense")
    return flags, expiration, payload_start, end
