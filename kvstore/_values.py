"""Values on their way in and out: what `put` takes, and what each type of `get` gives."""

import asyncio
import codecs
import json
import mmap
from collections.abc import (
    AsyncGenerator,
    AsyncIterable,
    AsyncIterator,
    Awaitable,
    Callable,
    Iterator,
    Mapping,
)
from typing import Any, Final

from kvstore._numbers import number_text
from kvstore._text import utf8
from kvstore.engine import StoredValue
from kvstore.limits import check_metadata_size, check_value_size

__all__ = [
    "BULK_TYPES",
    "check_type",
    "metadata_json",
    "typed_value",
    "value_length",
    "value_source",
]

BULK_TYPES: Final = frozenset({"text", "json"})

_STREAM: Final = "stream"
_SLICE: Final = 65_536
# What is longer is worked on slice by slice, with other tasks in between.
_LARGE: Final = 4 * _SLICE


async def value_source(value: object) -> bytes | AsyncGenerator[bytes, None]:
    """Return the bytes that `value` stands for, or an iterator of them; close that in any case.

    The iterator raises KVError 413, with the length reached, as soon as it is over the limit.
    Raises TypeError for what cannot be a value, KVError 413 for bytes over the limit.
    """
    if isinstance(value, str):
        if len(value) > _LARGE:
            return await _collected(map(utf8, _text_slices(value)))
        data = utf8(value)
    elif isinstance(value, bytes):
        data = value
    elif isinstance(value, bytearray | memoryview):
        view = memoryview(value)
        # One with steps is copied: it has no bytes that stand side by side.
        view = view.cast("B") if view.c_contiguous else memoryview(view.tobytes())
        if len(view) > _LARGE:
            return await _collected(
                bytes(view[at : at + _SLICE]) for at in range(0, len(view), _SLICE)
            )
        data = bytes(view)
    elif isinstance(value, int | float):
        data = number_text(value).encode()
    elif isinstance(value, AsyncIterable):
        return _limited(aiter(value))
    elif isinstance(value, Iterator):
        return _limited(_stepwise(value))
    else:
        raise TypeError(
            f"KV values are str, bytes, bytearray, memoryview, numbers and iterators of bytes, not "
            f"{type(value).__name__}; store an object as json.dumps(value)"
        )
    check_value_size(len(data))
    return data


def check_type(type_: str) -> None:
    """Raise TypeError for a type that no value can be read as."""
    if type_ != _STREAM and type_ not in _READERS:
        raise TypeError(
            'Unknown response type. Possible types are "text", "arrayBuffer", "json", and "stream".'
        )


async def typed_value(value: bytes | StoredValue, type_: str) -> Any:
    """Return a value as text, json, arrayBuffer (a memoryview) or stream (64 KiB at a time).

    Raises json.JSONDecodeError for a value that is not JSON.
    """
    if type_ == _STREAM:
        return _slices(value) if isinstance(value, bytes) else aiter(value)
    if value_length(value) <= _LARGE:
        if not isinstance(value, bytes):
            value = b"".join([chunk async for chunk in value])
        return _READERS[type_](value)
    chunks = _slices(value) if isinstance(value, bytes) else value
    if type_ == "arrayBuffer":
        return await _large_buffer(chunks, value_length(value))
    text = await _large_text(chunks)
    return text if type_ == "text" else json.loads(text)


def value_length(value: bytes | StoredValue) -> int:
    """Return the number of bytes."""
    return len(value) if isinstance(value, bytes) else value.length


def _text(data: bytes) -> str:
    return data.decode("utf-8", "replace")


def _json(data: bytes) -> Any:
    return json.loads(_text(data))


def metadata_json(metadata: object) -> bytes | None:
    """Return metadata as it is stored; None where there is none.

    Raises TypeError or ValueError for what is not JSON, KVError 413 over the limit.
    """
    if metadata is None:
        return None
    text = json.dumps(metadata, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    # A lone surrogate cannot be UTF-8; written as `\\ud800` it is JSON.
    stored = text.encode("utf-8", "backslashreplace")
    check_metadata_size(len(stored))
    return stored


async def _slices(data: bytes) -> AsyncIterator[bytes]:
    for start in range(0, len(data), _SLICE):
        yield data[start : start + _SLICE]
        await asyncio.sleep(0)


def _text_slices(text: str) -> Iterator[str]:
    start = 0
    while start < len(text):
        end = start + _SLICE
        if "\ud800" <= text[end - 1 : end] <= "\udbff":
            # The other half of its character follows.
            end += 1
        yield text[start:end]
        start = end


async def _collected(slices: Iterator[bytes]) -> AsyncGenerator[bytes, None]:
    """Return an iterator of slices whose length in all has been checked."""
    chunks: list[bytes] = []
    for chunk in slices:
        chunks.append(chunk)
        await asyncio.sleep(0)
    check_value_size(sum(map(len, chunks)))
    return _limited(_stepwise(iter(chunks)))


# To join all chunks at the end would take too long at once, as would memory that is cleared first.


async def _large_buffer(chunks: AsyncIterable[bytes], length: int) -> memoryview:
    buffer = memoryview(mmap.mmap(-1, length))
    end = 0
    async for chunk in chunks:
        # One that is damaged may be too long, which the iterator notices at its end.
        part = chunk[: length - end]
        buffer[end : end + len(part)] = part
        end += len(part)
    return buffer.toreadonly()


async def _large_text(chunks: AsyncIterable[bytes]) -> str:
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    text = ""
    async for chunk in chunks:
        text += decoder.decode(chunk)
    return text + decoder.decode(b"", final=True)


_READERS: Final[Mapping[str, Callable[[bytes], Any]]] = {
    "text": _text,
    "json": _json,
    "arrayBuffer": memoryview,
}


async def _limited(chunks: AsyncIterator[object]) -> AsyncGenerator[bytes, None]:
    length = 0
    try:
        async for chunk in chunks:
            if not isinstance(chunk, bytes | bytearray | memoryview):
                raise TypeError(f"the chunks of a KV value are bytes, not {type(chunk).__name__}")
            data = chunk if isinstance(chunk, bytes) else bytes(chunk)
            length += len(data)
            check_value_size(length)
            yield data
    finally:
        close: Callable[[], Awaitable[None]] | None = getattr(chunks, "aclose", None)
        if close is not None:
            await close()


async def _stepwise(chunks: Iterator[object]) -> AsyncIterator[object]:
    for chunk in chunks:
        yield chunk
