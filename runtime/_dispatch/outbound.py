"""Requests that leave a worker: one hop is somebody else's work, following redirects is ours."""

from collections.abc import Awaitable, Callable
from typing import Protocol
from urllib.parse import urljoin, urlsplit

from workers import Headers, Request, Response
from workers.response import note_origin

__all__ = ["MAX_REDIRECTS", "Outbound", "follow_redirects"]

MAX_REDIRECTS = 20

_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_BODY_HEADERS = ("content-encoding", "content-language", "content-location", "content-type")
_CREDENTIALS = ("authorization", "cookie", "proxy-authorization")


class Outbound(Protocol):
    """Sends one request over the network."""

    async def send(self, request: Request) -> Response:
        """Return the response to this very request; raise OSError where none arrives."""


async def follow_redirects(
    request: Request, send: Callable[[Request], Awaitable[Response]]
) -> Response:
    """Send `request` and follow redirects as its `redirect` mode asks.

    The rules are those of the Fetch standard ("HTTP-redirect fetch"): 303, and 301 or 302 after
    POST, become GET without a body; credentials are dropped when the origin changes; a streamed
    body cannot be sent twice. Raises OSError over 20 redirects, where mode "error" meets one, and
    for one that leads nowhere.
    """
    mode = request.redirect
    replayable = request.buffered_body
    for hop in range(MAX_REDIRECTS + 1):
        response = await send(request)
        location = response.headers.get("location")
        if response.status not in _REDIRECTS or location is None or mode == "manual":
            note_origin(response, request.url, redirected=hop > 0)
            return response
        if mode == "error":
            await _discard(response)
            raise OSError(f"{_shown(request.url)} redirects, and redirect mode is 'error'")
        await _discard(response)
        request = _next_request(request, response.status, location, replayable)
    raise OSError(f"over {MAX_REDIRECTS} redirects, the last to {_shown(request.url)}")


def _next_request(
    request: Request, status: int, location: str, replayable: bytes | None
) -> Request:
    try:
        url = urljoin(request.url, location)
    except ValueError:
        raise OSError(f"{_shown(request.url)} redirects to what is no URL") from None
    if urlsplit(url).scheme not in ("http", "https"):
        raise OSError(f"{_shown(request.url)} redirects to {_shown(url)}, which is not http(s)")
    if not urlsplit(url).fragment and (fragment := urlsplit(request.url).fragment):
        url = f"{url}#{fragment}"
    method: str = str(request.method)
    headers = Headers(request.headers)
    body: bytes | None = None
    becomes_get = (status == 303 and method not in ("GET", "HEAD")) or (
        status in (301, 302) and method == "POST"
    )
    if becomes_get:
        method = "GET"
        for name in _BODY_HEADERS:
            headers.delete(name)
    elif request.body is not None:
        if replayable is None:
            raise OSError(
                f"{_shown(request.url)} redirects with {status}, and a streamed body cannot be "
                "sent twice"
            )
        body = replayable
    try:
        # Whose URL is a normal one, so that origins can be compared.
        following = Request(
            url, method=method, headers=headers, body=body, redirect=request.redirect
        )
    except (TypeError, ValueError):
        # A user name in the URL, for one; what is wrong may be secret.
        raise OSError(
            f"{_shown(request.url)} redirects to {_shown(url)}, which cannot be requested"
        ) from None
    if _origin(following.url) != _origin(request.url):
        for name in _CREDENTIALS:
            following.headers.delete(name)
    return following


async def _discard(response: Response) -> None:
    if response.body is not None:
        await response.body.cancel()


def _origin(url: str) -> tuple[str, str]:
    parts = urlsplit(url)
    return parts.scheme, parts.netloc.rpartition("@")[2]


def _shown(url: str) -> str:
    """Cut what may be secret: the query, and a user name and password."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"
