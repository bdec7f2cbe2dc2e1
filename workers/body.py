"""Bodies: what a request or a response carries, read once and pulled only when read."""

from collections.abc import AsyncIterable, AsyncIterator, Callable, Iterable
from dataclasses import dataclass
from typing import Final, Protocol, runtime_checkable

from workers._chunks import as_async_iterator, close_iterator, fork, slices

__all__ = ["BODY_USED", "Body", "BodyInit", "BodyReader", "ByteBuffer", "ReadResult"]

BODY_USED: Final = "Body already used"
"""The text of the OSError that a second read raises."""


class ByteBuffer(bytes):
    """Bytes with the methods that Cloudflare's buffers have in Python."""

    __slots__ = ()

    def to_bytes(self) -> bytes:
        """Return the content as plain bytes."""
        return bytes(self)

    def to_memoryview(self) -> memoryview:
        """Return a view of the content; nothing is copied."""
        return memoryview(self)

    def to_py(self) -> memoryview:
        """Return a view of the content; nothing is copied."""
        return memoryview(self)

    @property
    def byteLength(self) -> int:
        """The number of bytes."""
        return len(self)


@runtime_checkable
class BodyInit(Protocol):
    """What can be sent as a body because it knows its own bytes: a form, a blob, a query."""

    def body_and_type(self) -> tuple[bytes, str]:
        """Return the bytes and their content type, which is empty when there is none."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ReadResult:
    """One step of a [`BodyReader`][workers.body.BodyReader]: a chunk, or the end."""

    done: bool
    value: ByteBuffer | None


class Body:
    """An async iterable of bytes that is read once.

    A second read, however it is made, raises OSError `Body already used`. Chunks of an iterator
    may be bytes-like or str; another type raises TypeError when it is read.
    """

    __slots__ = ("_chunks", "_data", "_reader", "length", "used")

    used: bool
    """Whether reading has begun; the body can then neither be sent nor cloned."""

    length: int | None
    """The size in bytes, None when it is not known before the end."""

    def __init__(
        self,
        source: "bytes | bytearray | memoryview | Body | AsyncIterable[object] | Iterable[object]",
        *,
        length: int | None = None,
    ) -> None:
        """Take `source` as the content; another Body is moved here and becomes used."""
        self.used = False
        self._reader: BodyReader | None = None
        self._data: bytes | None = None
        self._chunks: AsyncIterator[bytes] | None = None
        if isinstance(source, Body):
            self.length = source.length
            content = source.take()
            if isinstance(content, bytes):
                self._data = content
            else:
                self._chunks = content
        elif isinstance(source, bytes | bytearray | memoryview):
            self._data = data = bytes(source)
            self.length = len(data)
        else:
            self._chunks = as_async_iterator(source)
            self.length = length

    @classmethod
    def trusted(cls, chunks: AsyncIterator[bytes], *, length: int | None = None) -> "Body":
        """Make a body of an iterator that yields nothing but plain, non-empty bytes.

        For what reads from a socket: the chunks are passed on unchecked.
        """
        body = cls.__new__(cls)
        body.used = False
        body.length = length
        body._reader = None
        body._data = None
        body._chunks = chunks
        return body

    async def read(self) -> bytes:
        """Return the whole content."""
        content = self.take()
        if isinstance(content, bytes):
            return content
        return b"".join([chunk async for chunk in content])

    def __aiter__(self) -> AsyncIterator[ByteBuffer]:
        if self.used or self._reader is not None:
            raise OSError(BODY_USED)
        return _Buffers(self)

    def getReader(self) -> "BodyReader":
        """Return a reader, which locks the body until its `releaseLock()`.

        A body that a released reader has begun can be read on by the next one.
        """
        if self._reader is not None:
            raise TypeError("The body is locked to a reader; call its releaseLock() first")
        if self.used and self._data is None and self._chunks is None:
            raise OSError(BODY_USED)
        self._reader = reader = BodyReader(self)
        return reader

    def tee(self) -> tuple["Body", "Body"]:
        """Return two bodies with this one's content; this one becomes used.

        Both pull from the one source when they are read. A chunk is kept until the slower one has
        read it; closing one leaves the other.
        """
        length = self.length
        content = self.take()
        if isinstance(content, bytes):
            return Body(content), Body(content)
        left, right = fork(content)
        return Body.trusted(left, length=length), Body.trusted(right, length=length)

    def take(self) -> bytes | AsyncIterator[bytes]:
        """Return the content itself and mark the body used: nothing is copied.

        An iterator yields plain, non-empty bytes; close it with `aclose()` if it has one.
        """
        if self.used or self._reader is not None:
            raise OSError(BODY_USED)
        self.used = True
        data, chunks = self._data, self._chunks
        self._data = self._chunks = None
        if data is not None:
            return data
        assert chunks is not None  # a body that is not used has one of the two
        return chunks

    def wrap(self, wrapper: Callable[[AsyncIterator[bytes]], AsyncIterator[bytes]]) -> None:
        """Put `wrapper(iterator)` in place of a streamed content; bytes are left as they are."""
        if self._chunks is not None:
            self._chunks = wrapper(self._chunks)

    async def cancel(self, reason: object = None) -> None:
        """Give the content up: the iterator is closed, a generator's `finally` runs.

        `reason` is accepted for JavaScript's sake and not looked at.
        """
        self.used = True
        chunks = self._chunks
        self._data = self._chunks = None
        if chunks is not None:
            await close_iterator(chunks)

    async def aclose(self) -> None:
        """Give the content up, as `cancel` does."""
        await self.cancel()

    @property
    def buffered(self) -> bytes | None:
        """The unread content where it is in memory; None for a stream and for a used body."""
        return None if self.used else self._data

    @property
    def locked(self) -> bool:
        """Whether a reader holds the body."""
        return self._reader is not None

    async def _next(self) -> ByteBuffer | None:
        """Return the next chunk, None at the end."""
        self.used = True
        if self._data:
            self._chunks = as_async_iterator(slices(self._data))
        chunks = self._chunks
        # Drained, but not taken: a further reader finds the end here.
        self._data = b""
        if chunks is not None:
            try:
                return ByteBuffer(await anext(chunks))
            except StopAsyncIteration:
                self._chunks = None
        return None

    def __repr__(self) -> str:
        size = "stream" if self.length is None else f"{self.length} bytes"
        return f"<Body {size}{', used' if self.used else ''}>"


class BodyReader:
    """Reads a body chunk by chunk, as JavaScript's stream readers do."""

    __slots__ = ("_body",)

    def __init__(self, body: Body) -> None:
        self._body: Body | None = body

    async def read(self) -> ReadResult:
        """Return the next chunk, or `done` at the end."""
        chunk = await self._held()._next()
        return ReadResult(done=chunk is None, value=chunk)

    async def cancel(self, reason: object = None) -> None:
        """Give the rest of the body up."""
        await self._held().cancel(reason)

    def releaseLock(self) -> None:
        """Let the body go, so that another reader can read on; a second call does nothing."""
        body, self._body = self._body, None
        if body is not None:
            body._reader = None

    def _held(self) -> Body:
        if self._body is None:
            raise TypeError("This reader has released its body; get another with getReader()")
        return self._body


class _Buffers:
    """The iterator behind `async for chunk in body`."""

    __slots__ = ("_body", "_started")

    def __init__(self, body: Body) -> None:
        self._body = body
        self._started = False

    def __aiter__(self) -> "_Buffers":
        return self

    async def __anext__(self) -> ByteBuffer:
        if not self._started:
            if self._body.used or self._body.locked:
                raise OSError(BODY_USED)
            self._started = True
        chunk = await self._body._next()
        if chunk is None:
            raise StopAsyncIteration
        return chunk

    async def aclose(self) -> None:
        """Close the body."""
        await self._body.cancel()
