"""Request: one HTTP request, incoming or to be sent."""

import logging
from collections.abc import Callable, Mapping
from http import HTTPMethod
from typing import Any, Final, NamedTuple, cast
from urllib.parse import urlsplit

from workers._attributes import AttributeDict
from workers._message import Message, RawHeaders, extract_body
from workers._text import is_token
from workers.body import Body
from workers.headers import Headers, HeadersInit
from workers.types import Body as BodySource
from workers.types import RequestInitCfProperties
from workers.url import normalise_url

__all__ = ["Request", "incoming_request"]

_METHODS: Final[Mapping[str, HTTPMethod]] = {method.value: method for method in HTTPMethod}
# Fetch standard, "forbidden method".
_FORBIDDEN_METHODS: Final = frozenset({"CONNECT", "TRACE", "TRACK"})
_REDIRECTS: Final = frozenset({"follow", "manual", "error"})
# Options of fetch that mean something to a browser alone.
_FOR_BROWSERS: Final = frozenset(
    {
        "credentials",
        "duplex",
        "integrity",
        "keepalive",
        "mode",
        "priority",
        "referrer",
        "referrerPolicy",
        "window",
    }
)

logger = logging.getLogger(__name__)


class _Options(NamedTuple):
    redirect: str = "follow"
    cache: str = "default"
    signal: Any = None


_DEFAULTS: Final = _Options()


class Request(Message):
    """An HTTP request.

    Made of an absolute URL, or of another request, whose body moves here unless `body` is given.
    Other attributes may be set on it; a router may keep its parameters there.
    """

    __slots__ = ("_cf", "_method", "_options", "_url")

    _method: str
    _url: str | Callable[[], str]
    _cf: Any
    _options: _Options

    def __init__(
        self,
        resource: "Request | str",
        *,
        method: str | None = None,
        headers: HeadersInit = None,
        body: BodySource | None = None,
        redirect: str | None = None,
        cf: "RequestInitCfProperties | Mapping[str, Any] | None" = None,
        signal: Any = None,
        cache: str | None = None,
        **other: object,
    ) -> None:
        """Make a request; what is None is as in `resource`, or fetch's default.

        Other options are passed over, as in JavaScript; one that fetch does not know is logged.

        Raises ValueError `Invalid URL: …`, for a bad header or `redirect`; TypeError for a
        user name in the URL, a method that is forbidden or no token, a body with GET or HEAD, and
        a body of an unsupported type; OSError when the given request's body is used already.
        """
        if other:
            _pass_over(other)
        given = resource if isinstance(resource, Request) else None
        if given is None:
            self._url = _request_url(resource)
            self._method = "GET" if method is None else _normal_method(method)
            self._headers = Headers(headers)
        else:
            self._url = given._url
            self._method = given._method if method is None else _normal_method(method)
            self._headers = given.headers.copy() if headers is None else Headers(headers)
        has_body = body is not None or (given is not None and given._payload is not None)
        if has_body and self._method in ("GET", "HEAD"):
            raise TypeError("A request with method GET or HEAD cannot have a body")
        self._options = _merged(
            _DEFAULTS if given is None else given._options, redirect, cache, signal
        )
        if cf is not None:
            self._cf = AttributeDict(cf) if type(cf) is dict else cf
        else:
            self._cf = None if given is None else given._cf
        self._used = False
        self._content_type = None
        if body is None and given is not None:
            self._payload = given._move_body()
        else:
            self._payload, content_type = extract_body(body, "Request")
            if content_type is not None and "content-type" not in self._headers:
                self._headers["content-type"] = content_type

    @classmethod
    def _incoming(
        cls,
        method: str,
        url: str | Callable[[], str],
        headers: RawHeaders,
        body: Body | None = None,
        cf: object | None = None,
    ) -> "Request":
        """Make a request of what a server has parsed; nothing is checked or copied.

        `method` is upper-case; `url` is absolute, as the client sent it (a callable is asked once),
        and is made normal on first use; `headers()` yields names and values (asked when headers
        are first read). A GET may have a body here, as on the wire.
        """
        request = cls.__new__(cls)
        request._method = method
        # What is called for is not normal yet.
        request._url = url.__str__ if isinstance(url, str) else url
        request._headers = headers
        request._payload = body
        request._cf = cf
        request._used = False
        request._content_type = None
        request._options = _DEFAULTS
        return request

    @property
    def method(self) -> HTTPMethod:
        """The method; one that Python's HTTPMethod does not know is a plain str."""
        return _METHODS.get(self._method) or cast(HTTPMethod, self._method)

    @property
    def url(self) -> str:
        """The absolute URL, normalised; ValueError when a client sent what is none."""
        url = self._url
        if not isinstance(url, str):
            self._url = url = _received_url(url())
        return url

    @property
    def cf(self) -> Any:
        """What Cloudflare adds about the client, read by attribute; None when there is nothing."""
        return self._cf

    @property
    def redirect(self) -> str:
        """What becomes of a redirect when this is sent: follow, manual or error."""
        return self._options.redirect

    @property
    def cache(self) -> str:
        """The cache mode; `default` unless given."""
        return self._options.cache

    @property
    def signal(self) -> Any:
        """The abort signal that was given, or None."""
        return self._options.signal

    @property
    def credentials(self) -> str:
        """Always `same-origin`: workers keep no cookies."""
        return "same-origin"

    @property
    def mode(self) -> str:
        """Always `cors`."""
        return "cors"

    @property
    def destination(self) -> str:
        """Always empty: no browser element asked for this."""
        return ""

    @property
    def referrer(self) -> str:
        """Always `about:client`; the header of an incoming request is in `headers`."""
        return "about:client"

    @property
    def referrer_policy(self) -> str:
        """Always empty."""
        return ""

    @property
    def integrity(self) -> str:
        """Always empty."""
        return ""

    @property
    def keepalive(self) -> bool:
        """Always False: connections are pooled whatever a request says."""
        return False

    @property
    def is_history_navigation(self) -> bool:
        """Always False."""
        return False

    @property
    def js_object(self) -> "Request":
        """The object itself, for source that asks for the JavaScript one."""
        return self

    async def json(self, **kwargs: Any) -> Any:
        """Read the body as JSON; `kwargs` are those of `json.loads`, and so are the errors."""
        return await self._read_json(**kwargs)

    def clone(self) -> "Request":
        """Return a second request; a streamed body is read once for both.

        Raises OSError when the body is used already.
        """
        request = Request.__new__(Request)
        request._payload = self._tee_body()
        request._method = self._method
        request._url = self._url
        request._headers = self._copied_headers()
        request._content_type = None
        request._cf = self._cf
        request._used = False
        request._options = self._options
        return request

    def __repr__(self) -> str:
        return f"Request(method={str(self._method)!r}, url={self.url!r})"


# For servers; not part of the facade.
incoming_request = Request._incoming


def _pass_over(options: Mapping[str, object]) -> None:
    for name in options:
        if name not in _FOR_BROWSERS:
            logger.warning("a request has no option %r; it is passed over", name)


def _request_url(resource: object) -> str:
    url = normalise_url(str(resource))
    scheme, _, rest = url.partition("://")
    authority = rest.split("/", 1)[0]
    if "@" in authority:
        raise TypeError(
            f"The URL for {urlsplit(url).hostname} has a user name or a password in it; "
            "send an Authorization header instead"
        )
    return url


def _received_url(url: str) -> str:
    if not url.isascii():
        # Bytes of the wire, which a server keeps as surrogates where they are not UTF-8.
        raw = url.encode("utf-8", "surrogateescape")
        url = "".join([chr(byte) if byte < 0x80 else f"%{byte:02X}" for byte in raw])
    return normalise_url(url)


def _normal_method(method: str) -> str:
    name = str(method)
    if not is_token(name):
        raise TypeError(f"Invalid HTTP method: {name!r}")
    upper = name.upper()
    if upper in _FORBIDDEN_METHODS:
        raise TypeError(f"A request cannot have the method {upper}")
    # Fetch leaves `patch` as it is, and servers refuse it; every known method is meant in capitals.
    return upper if upper in _METHODS else name


def _merged(options: _Options, redirect: str | None, cache: str | None, signal: Any) -> _Options:
    if redirect is None and cache is None and signal is None:
        return options
    if redirect is not None and redirect not in _REDIRECTS:
        raise ValueError(f"redirect must be follow, manual or error, not {redirect!r}")
    return _Options(
        options.redirect if redirect is None else redirect,
        options.cache if cache is None else cache,
        options.signal if signal is None else signal,
    )
