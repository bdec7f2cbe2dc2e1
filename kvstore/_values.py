"""Values on their way in and out: what `put` takes, and what each type of `get` gives."""

import json
from collections.abc import AsyncIterable, AsyncIterator, Awaitable, Callable, Iterator, Mapping
from typing import Any, Final

from kvstore._numbers import number_text
from kvstore._text import utf8
from kvstore.limits import check_value_size

__all__ = ["BULK_TYPES", "check_type", "read_value", "typed_value"]

BULK_TYPES: Final = frozenset({"text", "json"})

_SLICE_BYTES: Final = 65_536


async def read_value(value: object) -> bytes:
    """Return the bytes that `value` stands for.

    A stream is read to its end, or until it is over the limit; then it is closed, and KVError 413
    is raised with the length reached. TypeError for what cannot be a value.
    """
    if isinstance(value, str):
        data = utf8(value)
    elif isinstance(value, bytes | bytearray | memoryview):
        data = bytes(value)
    elif isinstance(value, int | float):
        data = number_text(value).encode()
    elif isinstance(value, AsyncIterable):
        return await _read_stream(aiter(value))
    elif isinstance(value, Iterator):
        return _read_iterator(value)
    else:
        raise TypeError(
            f"KV values are str, bytes, bytearray, memoryview, numbers and iterators of bytes, not "
            f"{type(value).__name__}; store an object as json.dumps(value)"
        )
    check_value_size(len(data))
    return data


def check_type(type_: str) -> None:
    """Raise TypeError for a type that no value can be read as."""
    if type_ not in _READERS:
        raise TypeError(
            'Unknown response type. Possible types are "text", "arrayBuffer", "json", and "stream".'
        )


def typed_value(data: bytes, type_: str) -> Any:
    """Return a value as text, json, arrayBuffer (a memoryview) or stream (64 KiB at a time).

    Raises json.JSONDecodeError for a value that is not JSON.
    """
    return _READERS[type_](data)


def _text(data: bytes) -> str:
    return data.decode("utf-8", "replace")


def _json(data: bytes) -> Any:
    return json.loads(_text(data))


async def _slices(data: bytes) -> AsyncIterator[bytes]:
    for start in range(0, len(data), _SLICE_BYTES):
        yield data[start : start + _SLICE_BYTES]


_READERS: Final[Mapping[str, Callable[[bytes], Any]]] = {
    "text": _text,
    "json": _json,
    "arrayBuffer": memoryview,
    "stream": _slices,
}


async def _read_stream(chunks: AsyncIterator[object]) -> bytes:
    collected = bytearray()
    try:
        async for chunk in chunks:
            _collect(collected, chunk)
    except BaseException:
        close: Callable[[], Awaitable[None]] | None = getattr(chunks, "aclose", None)
        if close is not None:
            await close()
        raise
    return bytes(collected)


def _read_iterator(chunks: Iterator[object]) -> bytes:
    collected = bytearray()
    for chunk in chunks:
        _collect(collected, chunk)
    return bytes(collected)


def _collect(collected: bytearray, chunk: object) -> None:
    if not isinstance(chunk, bytes | bytearray | memoryview):
        raise TypeError(f"the chunks of a KV value are bytes, not {type(chunk).__name__}")
    collected += chunk
    check_value_size(len(collected))
