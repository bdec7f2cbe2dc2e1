"""`Request`, `Response` and what they are made of: constructors that make objects of `workers`."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final, Generic, TypeVar

import workers
from runtime._loader.shims.objects import JSON
from workers.response import NO_WEBSOCKETS

__all__ = [
    "Blob",
    "File",
    "FormData",
    "Headers",
    "Request",
    "Response",
    "WebSocketPair",
    "fetch",
]

_T = TypeVar("_T")

_REQUEST_OPTIONS: Final = ("body", "cache", "cf", "headers", "method", "redirect", "signal")


class Constructor(Generic[_T]):
    """A class under its JavaScript name: `X.new(…)` makes an object, isinstance() knows it."""

    __slots__ = ("_type", "new")

    def __init__(self, made: type[_T], new: Callable[..., _T]) -> None:
        self._type = made
        self.new = new

    def __instancecheck__(self, value: object) -> bool:
        return isinstance(value, self._type)

    def __repr__(self) -> str:
        return f"<js.{self._type.__name__}>"


class ResponseConstructor(Constructor[workers.Response]):
    """`Response`, with the functions that stand on it."""

    __slots__ = ()

    @staticmethod
    def json(data: object, init: Any = None, **options: Any) -> workers.Response:
        """Return a response of `data` as JSON."""
        response = _new_response(JSON.stringify(data).encode(), init, **options)
        response.headers.setdefault("content-type", "application/json")
        return response

    @staticmethod
    def redirect(url: object, status: int = 302) -> workers.Response:
        """Return a redirect to an absolute URL."""
        return workers.Response.redirect(str(url), status)


def _new_response(body: Any = None, init: Any = None, **options: Any) -> workers.Response:
    return workers.Response(
        body,
        _option("status", init, options),
        _option("statusText", init, options) or "",
        _option("headers", init, options),
        _option("webSocket", init, options),
    )


def _new_request(resource: Any, init: Any = None, **options: Any) -> workers.Request:
    given = {name: _option(name, init, options) for name in _REQUEST_OPTIONS}
    return workers.Request(resource, **given)


def _new_blob(parts: Iterable[Any] = (), init: Any = None, **options: Any) -> workers.Blob:
    return workers.Blob(list(parts), _option("type", init, options))


def _new_file(parts: Iterable[Any], name: str, init: Any = None, **options: Any) -> workers.File:
    return workers.File(
        list(parts),
        name,
        _option("type", init, options),
        last_modified=_option("lastModified", init, options),
    )


def _new_socket_pair() -> workers.Response:
    raise NotImplementedError(NO_WEBSOCKETS)


Blob = Constructor(workers.Blob, _new_blob)
File = Constructor(workers.File, _new_file)
FormData = Constructor(workers.FormData, workers.FormData)
Headers = Constructor(workers.Headers, workers.Headers)
Request = Constructor(workers.Request, _new_request)
Response = ResponseConstructor(workers.Response, _new_response)
WebSocketPair = Constructor(workers.Response, _new_socket_pair)


async def fetch(resource: Any, init: Any = None, **options: Any) -> workers.Response:
    """Send a request as `workers.fetch` does; options under their JavaScript names."""
    return await workers.fetch(_new_request(resource, init, **options))


def _option(name: str, init: Any, options: Mapping[str, Any]) -> Any:
    """Return an option: a keyword's, or that of the object that JavaScript has in its place."""
    if name in options:
        return options[name]
    return init.get(name) if isinstance(init, Mapping) else getattr(init, name, None)
