"""Response: what a handler returns, and what `fetch` brings."""

import json
import re
from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import Any, Final, overload

from workers._message import Message, RawHeaders, extract_body
from workers.body import Body
from workers.headers import Headers, HeadersInit
from workers.types import Body as BodySource
from workers.url import normalise_url

__all__ = [
    "FetchResponse",
    "NO_WEBSOCKETS",
    "NULL_BODY_STATUSES",
    "Response",
    "incoming_response",
    "note_origin",
]

NULL_BODY_STATUSES: Final = frozenset({101, 204, 205, 304})
"""The statuses of responses that have no body."""

NO_WEBSOCKETS: Final = "WebSockets come with edgestead 0.2"
"""The text of the NotImplementedError for a WebSocket."""

_PHRASES: Final = {status.value: status.phrase for status in HTTPStatus}
_REDIRECT_STATUSES: Final = frozenset({301, 302, 303, 307, 308})
_FORBIDDEN_IN_PHRASE = re.compile("[\x00-\x08\x0a-\x1f\x7f\ud800-\udfff]")
_JSON_TYPE: Final = "application/json"


class _Json:
    """`response.json()` reads the body; `Response.json(data)` makes a response."""

    __slots__ = ()

    @overload
    def __get__(self, instance: None, owner: object) -> "Callable[..., Response]": ...
    @overload
    def __get__(
        self, instance: "FetchResponse", owner: object
    ) -> Callable[..., Awaitable[Any]]: ...
    def __get__(self, instance: "FetchResponse | None", owner: object) -> Callable[..., Any]:
        return Response.from_json if instance is None else instance._read_json


class FetchResponse(Message):
    """What is common to responses; worker code meets it as [`Response`][workers.Response]."""

    __slots__ = ("_origin", "_status", "_status_text")

    _status: int
    # Empty: the standard phrase.
    _status_text: str
    # Where it was fetched from, and whether that took a redirect.
    _origin: tuple[str, bool] | None

    json = _Json()

    @property
    def status(self) -> int:
        """The status code."""
        return self._status

    @property
    def status_text(self) -> str:
        """The reason phrase: the standard one unless another was given or received."""
        return self._status_text or _PHRASES.get(self._status, "")

    statusText = status_text

    @property
    def ok(self) -> bool:
        """Whether the status is one of 200 to 299."""
        return 200 <= self._status <= 299

    @property
    def url(self) -> str:
        """Where it was fetched from, after redirects; empty when made by hand."""
        return "" if self._origin is None else self._origin[0]

    @property
    def redirected(self) -> bool:
        """Whether fetching it took a redirect."""
        return self._origin is not None and self._origin[1]

    @property
    def type(self) -> str:
        """Always `default`."""
        return "default"

    @property
    def js_object(self) -> "FetchResponse":
        """The object itself, for source that asks for the JavaScript one."""
        return self

    async def string(self) -> str:
        """Read the body as text; an older name of `text`."""
        return await self.text()

    def raise_for_status(self) -> None:
        """Raise OSError when the status is 400 or more."""
        if self._status >= 400:
            raise OSError(f"{self._status} {self.status_text}: {self.url}")

    def clone(self) -> "Response":
        """Return a second response; a streamed body is read once for both.

        Raises OSError when the body is used already.
        """
        return self._derived(self._tee_body())

    def replace_body(self, body: BodySource | None) -> "Response":
        """Return a response with another body, and this one's status, status text and headers.

        The content type stays too; when there is none, the new body's is taken.
        """
        payload, content_type = extract_body(body, "Response")
        response = self._derived(_checked_payload(payload, self._status))
        response._origin = None
        if content_type is not None and "content-type" not in response.headers:
            response.headers["content-type"] = content_type
        return response

    def _derived(self, payload: bytes | Body | None) -> "Response":
        response = Response.__new__(Response)
        response._status = self._status
        response._status_text = self._status_text
        response._headers = self._copied_headers()
        response._content_type = self._content_type
        response._payload = payload
        response._used = False
        response._origin = self._origin
        return response

    @staticmethod
    def from_json(
        data: Any,
        status: HTTPStatus | int = 200,
        status_text: str = "",
        headers: HeadersInit = None,
    ) -> "Response":
        """Return a response of `data` as JSON, of type application/json unless `headers` say other.

        Raises TypeError, from `json.dumps`, on what is not serialisable.
        """
        response = Response(json.dumps(data).encode(), status, status_text, headers)
        if response._headers is None:
            response._content_type = _JSON_TYPE
        else:
            response.headers.setdefault("content-type", _JSON_TYPE)
        return response

    @staticmethod
    def redirect(url: str, status: HTTPStatus | int = 302) -> "Response":
        """Return a redirect to the absolute `url`.

        Raises ValueError when `url` is not one, and on a status other than 301, 302, 303, 307 and
        308.
        """
        if status not in _REDIRECT_STATUSES:
            raise ValueError(f"A redirect has status 301, 302, 303, 307 or 308, not {status!r}")
        return Response(None, status, headers={"location": normalise_url(str(url))})

    def __repr__(self) -> str:
        shown = [f"status={self._status}"]
        if self.status_text:
            shown.append(f"status_text={self.status_text!r}")
        content_type = self.headers["content-type"]
        if content_type is not None:
            shown.append(f"content_type={content_type!r}")
        if self.url:
            shown.append(f"url={self.url!r}")
        return f"Response({', '.join(shown)})"


class Response(FetchResponse):
    """An HTTP response.

    `body` is str, bytes-like, a form, a blob, an iterator or async iterator of bytes, another
    message's body, or None; a str is sent as text/plain;charset=UTF-8 unless `headers` say other.
    Other attributes may be set on it.
    """

    __slots__ = ()

    def __init__(
        self,
        body: "BodySource | FetchResponse | None" = None,
        status: HTTPStatus | int | None = 200,
        status_text: str = "",
        headers: HeadersInit = None,
        web_socket: object = None,
    ) -> None:
        """Make a response, or move another one here, which then takes no further argument.

        Raises ValueError for a status that is neither 101 nor one of 200 to 599, for a bad status
        text or header, and for arguments beside a response; TypeError for a body of an
        unsupported type, and for any body with 101, 204, 205 or 304.
        """
        if web_socket is not None:
            raise NotImplementedError(NO_WEBSOCKETS)
        self._used = False
        self._headers = None
        self._content_type = None
        self._origin = None
        if isinstance(body, FetchResponse):
            if status not in (None, 200) or status_text or headers is not None:
                raise ValueError("A response made of another response takes no further arguments")
            self._move(body)
            return
        self._status = 200 if status is None else _checked_status(status)
        if status_text and _FORBIDDEN_IN_PHRASE.search(status_text):
            raise ValueError("status_text contains a control character")
        self._status_text = status_text
        if headers:
            self._headers = Headers(headers)
        payload, content_type = extract_body(body, "Response")
        self._payload = _checked_payload(payload, self._status)
        if content_type is not None:
            if self._headers is None:
                self._content_type = content_type
            else:
                self.headers.setdefault("content-type", content_type)

    @classmethod
    def _incoming(
        cls,
        status: int,
        status_text: str,
        headers: RawHeaders,
        body: Body | None = None,
        url: str = "",
        redirected: bool = False,
    ) -> "Response":
        """Make a response of what a client has received; nothing is checked or copied.

        `headers()` yields names and values, and is asked when headers are first read.
        """
        response = cls.__new__(cls)
        response._status = status
        response._status_text = status_text
        response._headers = headers
        response._content_type = None
        response._payload = body
        response._used = False
        response._origin = (url, redirected)
        return response

    def _fetched(self, url: str, *, redirected: bool) -> None:
        """Note where this came from, for a client that followed redirects."""
        self._origin = (url, redirected)

    def _move(self, other: FetchResponse) -> None:
        self._payload = other._move_body()
        self._status = other._status
        self._status_text = other._status_text
        self._headers = other._copied_headers()
        self._content_type = other._content_type
        self._origin = other._origin


# For clients; not part of the facade.
incoming_response = Response._incoming
note_origin = Response._fetched


def _checked_status(status: HTTPStatus | int) -> int:
    if not isinstance(status, int):
        raise TypeError(f"status must be an int, got {type(status).__name__}")
    if 200 <= status <= 599 or status == 101:
        return int(status)
    raise ValueError(f"status must be 101 or one of 200 to 599, not {int(status)}")


def _checked_payload(payload: bytes | Body | None, status: int) -> bytes | Body | None:
    if payload is None or status not in NULL_BODY_STATUSES:
        return payload
    # workerd lets an empty body pass for none.
    if payload == b"":
        return None
    raise TypeError(f"A response with status {status} cannot have a body")
