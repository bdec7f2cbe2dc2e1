"""`pyodide.ffi`: there is nothing to convert, so what converts gives back what it gets."""

import asyncio
import inspect
from collections.abc import Awaitable, Callable, Iterable
from typing import Final, NoReturn, TypeVar

from runtime._loader.shims.absent import absent_name
from workers.body import ByteBuffer

__all__ = [
    "JsArray",
    "JsBuffer",
    "JsCallable",
    "JsException",
    "JsMap",
    "JsNull",
    "JsPromise",
    "JsProxy",
    "JsTypedArray",
    "JsValueError",
    "can_run_sync",
    "create_once_callable",
    "create_proxy",
    "destroy_proxies",
    "jsnull",
    "run_sync",
    "to_js",
]

_T = TypeVar("_T")

# JavaScript's null is None wherever it would arrive.
JsNull: Final = type(None)
jsnull: Final = None
JsBuffer = ByteBuffer
# On Cloudflare a binding that fails raises it. Bindings raise Python's own exceptions here, and
# source that expects the one must catch the others.
JsException: Final = Exception

_WAYS: Final = {
    "register_js_module": "put a Python module into the worker's folder",
    "unregister_js_module": "put a Python module into the worker's folder",
}


class JsProxy:
    """A JavaScript object. There is none here, so nothing is an instance of it."""

    __slots__ = ()

    def __init__(self) -> None:
        raise TypeError("there are no JavaScript objects here")


class JsArray(JsProxy):
    """A JavaScript array; a list stands for it here."""

    __slots__ = ()


class JsCallable(JsProxy):
    """A JavaScript function; a Python function stands for it here."""

    __slots__ = ()


class JsMap(JsProxy):
    """A JavaScript map; a dict stands for it here."""

    __slots__ = ()


class JsPromise(JsProxy):
    """A JavaScript promise; an awaitable stands for it here."""

    __slots__ = ()


class JsTypedArray(JsProxy):
    """A JavaScript typed array; bytes stand for it here."""

    __slots__ = ()


class JsValueError(ValueError):
    """A value that JavaScript refuses: `name` is what it calls the error, `message` the text."""

    def __init__(self, name: str, message: str) -> None:
        """Take the JavaScript error's name, such as SyntaxError."""
        super().__init__(message)
        self.name = name
        self.message = message


def to_js(obj: _T, /, **options: object) -> _T:
    """Return `obj`: JavaScript's types are Python's here. The options are not looked at."""
    return obj


def create_proxy(obj: _T, /, **options: object) -> _T:
    """Return `obj`: nothing needs a proxy here."""
    return obj


def create_once_callable(obj: Callable[..., _T], /, **options: object) -> Callable[..., _T]:
    """Return `obj`: nothing needs a proxy here."""
    return obj


def destroy_proxies(proxies: Iterable[object], /) -> None:
    """Do nothing: there are no proxies."""


def can_run_sync() -> bool:
    """Tell whether `run_sync` would work: when no event loop runs, so never in a handler."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return True
    return False


def run_sync(awaitable: Awaitable[_T], /) -> _T:
    """Run `awaitable` to its end and return its result.

    Raises RuntimeError where an event loop runs, as in every handler: waiting would stop it.
    """
    if can_run_sync():
        return asyncio.run(_awaited(awaitable))
    if inspect.iscoroutine(awaitable):
        awaitable.close()
    raise RuntimeError(
        "run_sync cannot wait here: the event loop that would run the awaitable runs this code. "
        "Make the function async and use `await` in place of run_sync"
    )


async def _awaited(awaitable: Awaitable[_T]) -> _T:
    return await awaitable


def __getattr__(name: str) -> NoReturn:
    raise absent_name(
        "pyodide.ffi", name, _WAYS, "there are no JavaScript objects to work with; use Python's"
    )
