"""What requests and responses have in common: headers and a body that is read once."""

import builtins
import json
from collections.abc import AsyncIterable, AsyncIterator, Callable, Iterable, Iterator
from typing import Any, TypeAlias

from workers._text import decode_text, encode_text
from workers.blob import Blob
from workers.body import BODY_USED, Body, BodyInit, ByteBuffer
from workers.formdata import FormData, parse_form
from workers.headers import Headers

__all__ = ["Message", "RawHeaders", "extract_body"]

RawHeaders: TypeAlias = Callable[[], Iterable[tuple[str, str]]]

_TEXT_TYPE = "text/plain;charset=UTF-8"


class Message:
    """Headers and a body. Headers are parsed, and a Body object is made, when first asked for."""

    __slots__ = ("__dict__", "__weakref__", "_content_type", "_headers", "_payload", "_used")

    # Bytes, while nobody asked for `.body`; whether they were read is in `_used`.
    _payload: builtins.bytes | Body | None
    _used: bool
    # The headers, or what yields the pairs to make them of. None: `_content_type` is all.
    _headers: Headers | RawHeaders | None
    _content_type: str | None

    @property
    def headers(self) -> Headers:
        """The headers; what is changed here is what will be sent."""
        headers = self._headers
        if type(headers) is Headers:
            return headers
        self._headers = headers = Headers.from_raw(self.header_pairs())
        return headers

    @property
    def body(self) -> Body | None:
        """The body as an async iterable of bytes, None when there is none."""
        payload = self._payload
        if not isinstance(payload, bytes):
            return payload
        self._payload = body = Body(payload)
        body.used = self._used
        return body

    @property
    def body_used(self) -> bool:
        """Whether the body has been read, or handed on."""
        payload = self._payload
        return payload.used if isinstance(payload, Body) else self._used

    bodyUsed = body_used

    async def bytes(self) -> builtins.bytes:
        """Read the body."""
        payload = self._payload
        if isinstance(payload, Body):
            return await payload.read()
        return self._take_bytes(payload)

    async def text(self) -> str:
        """Read the body as UTF-8, whatever the content type says."""
        return decode_text(await self.bytes())

    async def buffer(self) -> ByteBuffer:
        """Read the body as a buffer with `to_bytes()` and `to_memoryview()`."""
        return ByteBuffer(await self.bytes())

    arrayBuffer = buffer

    async def blob(self) -> Blob:
        """Read the body as a blob of the message's content type."""
        return Blob(await self.bytes(), self.headers["content-type"])

    async def form_data(self) -> FormData:
        """Read the body as a form.

        Raises TypeError when the content type is not that of a form, ValueError when the body is
        malformed.
        """
        return parse_form(await self.bytes(), self.headers.get("content-type", ""))

    formData = form_data

    async def _read_json(self, **kwargs: Any) -> Any:
        return json.loads(await self.text(), **kwargs)

    def take_body(self) -> builtins.bytes | AsyncIterator[builtins.bytes] | None:
        """Return the body itself for what sends it, uncopied, and mark it used.

        Raises OSError when it has been used already.
        """
        payload = self._payload
        if isinstance(payload, Body):
            return payload.take()
        return None if payload is None else self._take_bytes(payload)

    @property
    def body_length(self) -> int | None:
        """The size of the unread body in bytes: 0 without one, None when it is not known."""
        payload = self._payload
        if payload is None:
            return 0
        return payload.length if isinstance(payload, Body) else len(payload)

    @property
    def buffered_body(self) -> builtins.bytes | None:
        """The unread body where it is in memory, so that it can be sent twice; else None."""
        payload = self._payload
        if isinstance(payload, Body):
            return payload.buffered
        return None if self._used else payload

    def header_pairs(self) -> Iterable[tuple[str, str]]:
        """Return names and values for what sends them; makes no Headers object."""
        headers = self._headers
        if headers is None:
            return () if self._content_type is None else (("content-type", self._content_type),)
        return headers.items() if isinstance(headers, Headers) else headers()

    def wrap_stream(
        self,
        wrapper: Callable[[AsyncIterator[builtins.bytes]], AsyncIterator[builtins.bytes]],
    ) -> None:
        """Put `wrapper(iterator)` in place of a streamed body; bytes are left as they are."""
        if isinstance(self._payload, Body):
            self._payload.wrap(wrapper)

    def _take_bytes(self, payload: builtins.bytes | None) -> builtins.bytes:
        if self._used:
            raise OSError(BODY_USED)
        if payload is None:
            return b""
        self._used = True
        self._payload = b""
        return bytes(payload)

    def _tee_body(self) -> builtins.bytes | Body | None:
        """Return the body for a clone, and keep it; raises OSError when it has been used."""
        payload = self._payload
        if self._used:
            raise OSError(BODY_USED)
        if not isinstance(payload, Body):
            return payload
        self._payload, twin = payload.tee()
        return twin

    def _move_body(self) -> builtins.bytes | Body | None:
        """Return the body for a message that takes it over; this one's is used then."""
        payload = self._payload
        if isinstance(payload, Body):
            return Body(payload)
        return None if payload is None else self._take_bytes(payload)

    def _copied_headers(self) -> Headers | RawHeaders | None:
        headers = self._headers
        return headers.copy() if isinstance(headers, Headers) else headers


def extract_body(source: object, owner: str) -> tuple[bytes | Body | None, str | None]:
    """Return what a body argument stands for, and the content type that it implies.

    Raises TypeError `Unsupported type in <owner>: X` for what cannot be a body.
    """
    if source is None:
        return None, None
    if isinstance(source, str):
        return encode_text(source), _TEXT_TYPE
    if isinstance(source, bytes):
        return source, None
    if isinstance(source, bytearray | memoryview):
        return bytes(source), None
    if isinstance(source, Body):
        return Body(source), None
    if isinstance(source, BodyInit):
        data, content_type = source.body_and_type()
        return data, content_type or None
    if isinstance(source, AsyncIterable | Iterator):
        return Body(source), None
    raise TypeError(f"Unsupported type in {owner}: {type(source).__name__}")
