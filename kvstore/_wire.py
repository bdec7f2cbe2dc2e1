"""What owner and clients say to each other: msgpack messages, each in a frame with its length.

    length u32, big-endian · message

A message is an array that starts with its tag. Requests carry a number, and their answer the same
one; answers come in any order. Large values pass in chunks, one at a time for each value.
"""

import struct
from collections.abc import Mapping
from typing import Final, TypeAlias

import msgspec

from kvstore.engine import Entry
from kvstore.errors import (
    CorruptRecordError,
    CorruptStoreError,
    EngineClosedError,
    EngineError,
    FormatTooNewError,
    StoreError,
)

__all__ = [
    "Abort",
    "Answer",
    "Beat",
    "CHUNK_BYTES",
    "Change",
    "Chunk",
    "CloseSnapshot",
    "ClientMessage",
    "Done",
    "Drop",
    "Failed",
    "Found",
    "FoundMany",
    "FrameError",
    "FrameReader",
    "Get",
    "GetMany",
    "Hello",
    "Invalidate",
    "Invalidated",
    "List",
    "MAX_FRAME_BYTES",
    "MAX_UNDER_WAY",
    "Names",
    "Namespaces",
    "NextRecords",
    "OpenSnapshot",
    "OwnerMessage",
    "PROTOCOL",
    "Page",
    "Piece",
    "ReadOn",
    "Records",
    "Release",
    "Request",
    "Sweep",
    "Taken",
    "WireRecord",
    "WireWrite",
    "Write",
    "decode_client_message",
    "decode_owner_message",
    "encode_frame",
    "error_for",
    "failure_of",
]

PROTOCOL: Final = 1
CHUNK_BYTES: Final = 262_144
MAX_FRAME_BYTES: Final = 64 * 1024 * 1024
"""A page of keys, a bulk get and a batch of writes fit in it; a frame beyond it is refused."""

MAX_UNDER_WAY: Final = 512
"""How many requests a client may have sent that are not answered yet; what is over it waits."""

_LENGTH: Final = struct.Struct(">I")


class Message(msgspec.Struct, frozen=True, array_like=True):
    """The base of every message."""


class Hello(Message, tag="hello", frozen=True):
    """The first message of both sides; a client may keep what it reads if `caches`."""

    protocol: int
    caches: bool = False


class Get(Message, tag="get", frozen=True):
    """Ask for a record."""

    id: int
    namespace: str
    key: bytes


class GetMany(Message, tag="get_many", frozen=True):
    """Ask for several records."""

    id: int
    namespace: str
    keys: list[bytes]


class WireWrite(Message, frozen=True):
    """A put, or a delete when `value` is None; a number stands for a value that comes in chunks."""

    namespace: str
    key: bytes
    value: bytes | int | None = None
    metadata: bytes | None = None
    expiration: int | None = None


class Write(Message, tag="write", frozen=True):
    """Ask for puts and deletes."""

    id: int
    writes: list[WireWrite]


class Chunk(Message, tag="chunk", frozen=True):
    """The next part of a value on its way to the owner; the empty one ends it."""

    stream: int
    data: bytes


class Abort(Message, tag="abort", frozen=True):
    """A value on its way to the owner broke off."""

    stream: int


class List(Message, tag="list", frozen=True):
    """Ask for a page of keys."""

    id: int
    namespace: str
    prefix: bytes
    after: bytes | None
    limit: int


class Namespaces(Message, tag="namespaces", frozen=True):
    """Ask for the names of all namespaces."""

    id: int


class OpenSnapshot(Message, tag="open_snapshot", frozen=True):
    """Ask for a namespace as it stands now; the answer's count names it."""

    id: int
    namespace: str


class NextRecords(Message, tag="next_records", frozen=True):
    """Ask for the next records of a snapshot."""

    id: int
    snapshot: int


class CloseSnapshot(Message, tag="close_snapshot", frozen=True):
    """Tell that a snapshot will not be read on."""

    snapshot: int


class Drop(Message, tag="drop", frozen=True):
    """Ask for a namespace to be removed."""

    id: int
    namespace: str


class Sweep(Message, tag="sweep", frozen=True):
    """Ask for expired records to be freed."""

    id: int
    limit: int


class ReadOn(Message, tag="read_on", frozen=True):
    """Ask for the next piece of a large value."""

    id: int
    value: int


class Release(Message, tag="release", frozen=True):
    """Tell that a large value will not be read on."""

    value: int


class Invalidated(Message, tag="invalidated", frozen=True):
    """Tell that keys have been taken out of the cache."""

    number: int


class WireRecord(Message, frozen=True):
    """A record; a number as its value stands for one of `length` bytes that is read in pieces."""

    value: bytes | int
    length: int
    metadata: bytes | None
    expiration: int | None


class Found(Message, tag="found", frozen=True):
    """The record of a key, or None; it may be kept until it is invalidated if `may_cache`."""

    id: int
    record: WireRecord | None
    may_cache: bool


class FoundMany(Message, tag="found_many", frozen=True):
    """The records of several keys."""

    id: int
    records: list[WireRecord | None]


class Records(Message, tag="records", frozen=True):
    """The next records of a snapshot; none at its end."""

    id: int
    records: list[tuple[bytes, WireRecord]]


class Page(Message, tag="page", frozen=True):
    """A page of keys: each with metadata and expiration."""

    id: int
    entries: list[Entry]
    more: bool


class Names(Message, tag="names", frozen=True):
    """The names of namespaces."""

    id: int
    names: list[str]


class Done(Message, tag="done", frozen=True):
    """What was asked for is done."""

    id: int
    count: int = 0


class Piece(Message, tag="piece", frozen=True):
    """The next piece of a large value; the empty one is its end."""

    id: int
    data: bytes


class Failed(Message, tag="failed", frozen=True):
    """What was asked for failed; `code` is that of the error."""

    id: int
    code: str
    text: str


class Taken(Message, tag="taken", frozen=True):
    """The owner is ready for the next chunk of a value."""

    stream: int


class Invalidate(Message, tag="invalidate", frozen=True):
    """Keys have been written and must leave the cache; without keys, everything must."""

    number: int
    keys: list[tuple[str, bytes]]


class Beat(Message, tag="beat", frozen=True):
    """Until `trusted_until`, by the monotonic clock of this machine, the cache may be trusted."""

    trusted_until: float


Change: TypeAlias = Write | Drop | Sweep
Request: TypeAlias = (
    Get | GetMany | List | Namespaces | OpenSnapshot | NextRecords | ReadOn | Change
)
ClientMessage: TypeAlias = Hello | Request | Chunk | Abort | Release | CloseSnapshot | Invalidated
Answer: TypeAlias = Found | FoundMany | Records | Page | Names | Done | Piece | Failed
OwnerMessage: TypeAlias = Hello | Answer | Taken | Invalidate | Beat

_ENCODER: Final = msgspec.msgpack.Encoder()
_CLIENT_MESSAGES: Final[msgspec.msgpack.Decoder[ClientMessage]] = msgspec.msgpack.Decoder(
    ClientMessage
)
_OWNER_MESSAGES: Final[msgspec.msgpack.Decoder[OwnerMessage]] = msgspec.msgpack.Decoder(
    OwnerMessage
)

_ERRORS: Final[Mapping[str, type[StoreError]]] = {
    error.code: error
    for error in (
        CorruptRecordError,
        CorruptStoreError,
        EngineClosedError,
        EngineError,
        FormatTooNewError,
    )
}


class FrameError(Exception):
    """The other side does not keep the protocol; the connection is of no use any more."""


class FrameReader:
    """Cuts what arrives into messages."""

    __slots__ = ("_buffer",)

    def __init__(self) -> None:
        self._buffer = bytearray()

    def feed(self, data: bytes) -> list[bytes]:
        """Return the messages that are complete; raise FrameError for a frame over the limit."""
        buffer = self._buffer
        buffer += data
        messages: list[bytes] = []
        position = 0
        while len(buffer) - position >= _LENGTH.size:
            (length,) = _LENGTH.unpack_from(buffer, position)
            if length > MAX_FRAME_BYTES:
                raise FrameError(f"a frame of {length} bytes is over {MAX_FRAME_BYTES}")
            end = position + _LENGTH.size + length
            if len(buffer) < end:
                break
            messages.append(bytes(memoryview(buffer)[position + _LENGTH.size : end]))
            position = end
        if position:
            del buffer[:position]
        return messages


def encode_frame(message: ClientMessage | OwnerMessage) -> bytes:
    """Return a message in its frame; raise FrameError where it is over the limit."""
    frame = bytearray(_LENGTH.size)
    _ENCODER.encode_into(message, frame, _LENGTH.size)
    length = len(frame) - _LENGTH.size
    if length > MAX_FRAME_BYTES:
        raise FrameError(f"a message of {length} bytes is over {MAX_FRAME_BYTES}")
    _LENGTH.pack_into(frame, 0, length)
    return bytes(frame)


def decode_client_message(data: bytes) -> ClientMessage:
    """Return what a client said; raise FrameError for anything else."""
    try:
        return _CLIENT_MESSAGES.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise FrameError(f"not a message of a client: {error}") from error


def decode_owner_message(data: bytes) -> OwnerMessage:
    """Return what the owner said; raise FrameError for anything else."""
    try:
        return _OWNER_MESSAGES.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise FrameError(f"not a message of an owner: {error}") from error


def failure_of(id_: int, error: StoreError) -> Failed:
    """Return the message that carries an error over."""
    return Failed(id_, error.code, str(error))


def error_for(failed: Failed) -> StoreError:
    """Return the error that a message carries."""
    return _ERRORS.get(failed.code, StoreError)(failed.text)
