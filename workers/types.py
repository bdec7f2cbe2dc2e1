"""Types for annotations: what can be sent, what `fetch` takes, what `ctx` is."""

from collections.abc import AsyncIterable, Awaitable, Iterator
from http import HTTPMethod
from typing import Any, Protocol, TypeAlias, TypedDict

from workers.blob import Blob
from workers.body import Body as BodyStream
from workers.body import BodyInit
from workers.formdata import FormData
from workers.headers import HeadersInit

__all__ = ["Body", "Context", "FetchKwargs", "JSBody", "RequestInitCfProperties"]

JSBody: TypeAlias = Blob | FormData | BodyStream | BodyInit
"""The bodies that are objects on Cloudflare too."""

Body: TypeAlias = (
    str
    | bytes
    | bytearray
    | memoryview
    | JSBody
    | AsyncIterable[bytes]
    | AsyncIterable[str]
    | Iterator[bytes]
    | Iterator[str]
)
"""Everything that a request or a response can carry."""


class Context(Protocol):
    """What `ctx` offers to a handler."""

    @property
    def props(self) -> Any:
        """The props that the caller's binding configures, read by attribute."""

    @property
    def exports(self) -> Any:
        """The worker's own entrypoints, by name."""

    def waitUntil(self, other: Awaitable[Any], /) -> None:
        """Let an awaitable run on after the response, up to 30 s."""

    def wait_until(self, awaitable: Awaitable[Any], /) -> None:
        """Do what `waitUntil` does."""

    def passThroughOnException(self) -> None:
        """Let the origin answer when the handler fails."""


class RequestInitCfProperties(TypedDict, total=False):
    """What `cf` can hold in a request that is sent; it means something on Cloudflare alone."""

    apps: bool | None
    cacheEverything: bool | None
    cacheKey: str | None
    cacheTags: list[str] | None
    cacheTtl: int
    cacheTtlByStatus: dict[str, int]
    image: Any
    mirage: bool | None
    polish: str | None
    resolveOverride: str | None
    scrapeShield: bool | None
    webp: bool | None


class FetchKwargs(TypedDict, total=False):
    """The options of `fetch` and of [`Request`][workers.Request]."""

    method: HTTPMethod | str | None
    headers: HeadersInit
    body: Body | None
    redirect: str | None
    cf: RequestInitCfProperties | None
    signal: Any
    cache: str | None
