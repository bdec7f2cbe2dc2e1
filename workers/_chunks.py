"""Iterators of bytes under bodies: from any iterable, from bytes, and forked in two."""

import asyncio
from collections import deque
from collections.abc import AsyncIterable, AsyncIterator, Awaitable, Callable, Iterable, Iterator

from workers._text import encode_text

__all__ = ["as_async_iterator", "close_iterator", "fork", "slices"]

_SLICE_BYTES = 65536


def as_async_iterator(source: AsyncIterable[object] | Iterable[object]) -> AsyncIterator[bytes]:
    """Return an async iterator that yields the chunks of `source` as plain, non-empty bytes.

    Chunks may be bytes-like or str; another type raises TypeError when its turn comes. TypeError
    too when `source` cannot be iterated over, or is a str.
    """
    if isinstance(source, AsyncIterable):
        return _AsyncChunks(aiter(source))
    if isinstance(source, Iterable) and not isinstance(source, str):
        return _SyncChunks(iter(source))
    raise TypeError(f"A body is bytes or an iterable of bytes, not {type(source).__name__}")


def slices(data: bytes) -> Iterator[bytes]:
    """Yield `data` in pieces of at most 64 KiB."""
    for start in range(0, len(data), _SLICE_BYTES):
        yield data[start : start + _SLICE_BYTES]


def fork(source: AsyncIterator[bytes]) -> tuple[AsyncIterator[bytes], AsyncIterator[bytes]]:
    """Return two iterators over what `source` yields.

    It is pulled when either side wants more than has been read; a chunk is kept only until the
    slower side has it. The source is closed when both sides are.
    """
    forked = _Fork(source)
    return _Branch(forked, 0), _Branch(forked, 1)


async def close_iterator(chunks: object) -> None:
    """Close an iterator that can be closed, so that a generator's `finally` runs."""
    aclose: Callable[[], Awaitable[None]] | None = getattr(chunks, "aclose", None)
    if aclose is not None:
        await aclose()
        return
    close: Callable[[], object] | None = getattr(chunks, "close", None)
    if close is not None:
        close()


def _as_bytes(chunk: object) -> bytes:
    if isinstance(chunk, bytes):
        return chunk
    if isinstance(chunk, str):
        return encode_text(chunk)
    if isinstance(chunk, bytearray | memoryview):
        return bytes(chunk)
    raise TypeError(f"A body's chunks are bytes or str; its iterator gave {type(chunk).__name__}")


class _AsyncChunks:
    __slots__ = ("_source",)

    def __init__(self, source: AsyncIterator[object]) -> None:
        self._source = source

    def __aiter__(self) -> "_AsyncChunks":
        return self

    async def __anext__(self) -> bytes:
        # An empty chunk would read as the end of an HTTP message: it is passed over.
        while True:
            if chunk := _as_bytes(await anext(self._source)):
                return chunk

    async def aclose(self) -> None:
        await close_iterator(self._source)


class _SyncChunks:
    __slots__ = ("_source",)

    def __init__(self, source: Iterator[object]) -> None:
        self._source = source

    def __aiter__(self) -> "_SyncChunks":
        return self

    async def __anext__(self) -> bytes:
        for chunk in self._source:
            if data := _as_bytes(chunk):
                return data
        raise StopAsyncIteration

    async def aclose(self) -> None:
        await close_iterator(self._source)


class _Fork:
    """What two branches share: the source, what each has still to read, and the pull that runs.

    The pull is a task, so that cancelling one branch's reader cannot end the source for the other.
    """

    __slots__ = ("_end", "_pull", "_source", "_waiting")

    def __init__(self, source: AsyncIterator[bytes]) -> None:
        self._source = source
        self._waiting: list[deque[bytes] | None] = [deque(), deque()]
        self._pull: asyncio.Task[None] | None = None
        self._end: BaseException | None = None

    async def next(self, side: int) -> bytes:
        while (waiting := self._waiting[side]) is not None:
            if waiting:
                return waiting.popleft()
            if self._end is not None:
                raise self._end
            if self._pull is None:
                self._pull = asyncio.create_task(self._advance())
            await asyncio.wait([self._pull])
        raise StopAsyncIteration

    async def _advance(self) -> None:
        try:
            chunk = await anext(self._source)
        except asyncio.CancelledError:
            self._end = OSError("The body was given up while it was being read")
            raise
        except BaseException as error:
            self._end = error
        else:
            for waiting in self._waiting:
                if waiting is not None:
                    waiting.append(chunk)
        finally:
            self._pull = None

    async def close(self, side: int) -> None:
        self._waiting[side] = None
        if self._waiting != [None, None]:
            return
        pull = self._pull
        if pull is not None:
            pull.cancel()
            await asyncio.wait([pull])
        await close_iterator(self._source)


class _Branch:
    __slots__ = ("_fork", "_side")

    def __init__(self, forked: _Fork, side: int) -> None:
        self._fork = forked
        self._side = side

    def __aiter__(self) -> "_Branch":
        return self

    async def __anext__(self) -> bytes:
        return await self._fork.next(self._side)

    async def aclose(self) -> None:
        await self._fork.close(self._side)
