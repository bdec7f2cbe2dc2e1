"""RPC by value: what crosses from one worker to another, and `env`, which it starts from.

Caller and callee share a process, but never an object: values are copied into the form that the
receiver gets on Cloudflare, streams move, functions and bindings are passed as stubs.
"""

import asyncio
import contextvars
import inspect
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import datetime
from types import NoneType
from typing import Any, Final, NamedTuple, NoReturn

from workers._attributes import AttributeDict
from workers._host import current_host
from workers._text import to_text
from workers.blob import Blob
from workers.body import Body
from workers.formdata import FormData
from workers.request import Request
from workers.response import FetchResponse, Response

__all__ = [
    "JsDict",
    "patch_env",
    "python_from_rpc",
    "python_to_rpc",
    "rpc_exception",
]

_MAX_DEPTH: Final = 1000
_AS_IT_IS: Final = frozenset({NoneType, bool, int, float, str})
_IN_EXCEPTIONS = (NoneType, bool, int, float, str, bytes)
_ABSENT: Final = object()
_CARRIED = (
    "RPC carries None, bool, int, float, str, bytes, list, dict, set, datetime, exceptions, "
    "Request, Response, FormData, Blob, File, functions and binding stubs"
)


class JsDict(AttributeDict):
    """A dict whose keys are attributes too; what every dict becomes on its way over RPC."""

    __slots__ = ()

    def __setattr__(self, name: str, value: object) -> None:
        self[name] = value


def python_to_rpc(value: object) -> Any:
    """Return `value` as its receiver gets it: copied in depth, nothing shared.

    Bytes arrive as a read-only memoryview, a dict as a [`JsDict`][workers.rpc.JsDict] with str
    keys, a frozenset as a set. A datetime is a point in time of whole milliseconds and arrives
    naive, in local time, as on Cloudflare; an aware one loses its zone. An exception value arrives
    as its nearest built-in class. A function arrives as a stub: call it and await the result. The
    body of a Request or a Response moves, so the sender's is used. Objects whose class has a true
    `__rpc_stub__` (a KV namespace, a service binding) are handed on as they are. What is shared or
    cyclic in lists and dicts is so in the copy. Converting twice changes nothing more.

    Raises TypeError `… cannot be sent over RPC.` for tuple, bytearray and awaitables, and one that
    starts with `DataCloneError` for other objects and what nests over 1000 deep; OSError for a
    body that is used already.
    """
    return value if type(value) in _AS_IT_IS else _copied(value, _sent)


def python_from_rpc(value: object) -> Any:
    """Return `value` with every dict in it as a [`JsDict`][workers.rpc.JsDict].

    Results of RPC calls are in that form already and come back as they are.
    """
    if isinstance(value, JsDict) or not isinstance(value, dict | list):
        return value
    return _copied(value, _received)


def rpc_exception(error: Exception) -> Exception:
    """Return what a caller in another worker sees of `error`.

    A built-in exception passes as it is. Another one, whose class the caller cannot know, becomes
    the nearest built-in class among its bases, with the same message and `error` as its
    `__cause__`.
    """
    if type(error).__module__ == "builtins":
        return error
    plain = _plain_exception(error)
    plain.__cause__ = error
    return plain


@contextmanager
def patch_env(
    d: Mapping[str, object] | Iterable[tuple[str, object]] | None = None, **kwds: object
) -> Iterator[None]:
    """Give bindings other values for the length of a `with` block, in tests above all.

    Inside a worker its own `env` is patched, outside of one every `env`. Only the code that the
    block runs sees it, other tasks do not.
    """
    host = current_host.get(None)
    target = None if host is None else host.env
    token = _patch.set(_Patch(target, dict(d or ()) | kwds, _patch.get()))
    try:
        yield
    finally:
        _patch.reset(token)


class _Patch(NamedTuple):
    """Values in place of bindings; those of `outer` hold where these have none."""

    target: object
    values: Mapping[str, object]
    outer: "_Patch | None"


_patch: ContextVar[_Patch | None] = ContextVar("workers.env_patch", default=None)


class _EnvWrapper:
    """What `env` is an instance of: a worker's bindings, each an attribute and an item.

    Made of an `_EnvWrapper` it is that very object. It cannot be assigned to; iteration gives the
    names of the bindings.
    """

    __slots__ = ("_bindings",)

    _bindings: Mapping[str, object]

    def __new__(cls, bindings: "Mapping[str, object] | _EnvWrapper") -> "_EnvWrapper":
        return bindings if isinstance(bindings, cls) else object.__new__(cls)

    def __init__(self, bindings: "Mapping[str, object] | _EnvWrapper") -> None:
        if not isinstance(bindings, _EnvWrapper):
            object.__setattr__(self, "_bindings", dict(bindings))

    # Found bindings are the common case, so nothing stands before the two look-ups.
    def __getattr__(self, name: str) -> Any:
        if _patch.get() is not None:
            value = self._patched().get(name, _ABSENT)
        else:
            value = self._bindings.get(name, _ABSENT)
        if value is _ABSENT:
            raise AttributeError(self._no_binding(name), name=name, obj=self)
        return value

    def __getitem__(self, name: str) -> Any:
        try:
            return self._patched()[name]
        except KeyError:
            raise KeyError(self._no_binding(name)) from None

    def __contains__(self, name: object) -> bool:
        return name in self._patched()

    def __iter__(self) -> Iterator[str]:
        return iter(self._patched())

    def __dir__(self) -> list[str]:
        return sorted({*object.__dir__(self), *self._patched()})

    def __setattr__(self, name: str, value: object) -> NoReturn:
        raise AttributeError(_READ_ONLY.format(name=name))

    def __delattr__(self, name: str) -> NoReturn:
        raise AttributeError(_READ_ONLY.format(name=name))

    def __repr__(self) -> str:
        # Values may be secrets and do not belong into a log.
        return f"<env {', '.join(sorted(self._patched()))}>"

    def _patched(self) -> Mapping[str, object]:
        layers = []
        patch = _patch.get()
        while patch is not None:
            if patch.target is None or patch.target is self:
                layers.append(patch.values)
            patch = patch.outer
        values = self._bindings
        for layer in reversed(layers):
            values = {**values, **layer}
        return values

    def _no_binding(self, name: str) -> str:
        known = ", ".join(sorted(self._patched())) or "none"
        return (
            f"env has no binding {name!r}; it has: {known}. "
            "Add it to the worker's config file, or to .dev.vars when it is a secret"
        )


_READ_ONLY = (
    "env is read-only, {name!r} cannot be set or deleted; "
    "change the config file, or in a test use patch_env({{{name!r}: …}})"
)


class _RpcStubWrapper:
    """A function of another worker: a call takes and gives values, and is awaited.

    The function runs in the context (`env`, the current invocation) of the worker that sent it. A
    cancelled call cancels what it awaits there.
    """

    __rpc_stub__ = True
    __slots__ = ("_context", "_function")

    def __init__(self, function: Callable[..., object]) -> None:
        self._function = function
        self._context = contextvars.copy_context()

    def __call__(self, *args: object, **kwargs: object) -> Coroutine[Any, Any, Any]:
        return self._run(
            [python_to_rpc(value) for value in args],
            {name: python_to_rpc(value) for name, value in kwargs.items()},
        )

    async def _run(self, args: list[object], kwargs: dict[str, object]) -> Any:
        # A copy, for one context cannot be entered by two calls at a time.
        context = self._context.copy()
        try:
            result = context.run(self._function, *args, **kwargs)
            if inspect.isawaitable(result):
                work = result if inspect.iscoroutine(result) else _awaited(result)
                result = await asyncio.create_task(work, context=context)
            return context.run(python_to_rpc, result)
        except Exception as error:
            seen = rpc_exception(error)
            if seen is error:
                raise
            raise seen from error

    def __repr__(self) -> str:
        name = getattr(self._function, "__qualname__", type(self._function).__name__)
        return f"<RPC stub of {name}>"


async def _awaited(awaitable: Awaitable[object]) -> object:
    return await awaitable


def _copied(root: object, convert: Callable[[object], object]) -> object:
    """Copy lists and dicts without recursion; `convert` gives what stands for everything else."""
    copies: dict[int, object] = {}
    pending: list[tuple[list[object] | dict[object, object], Any, int]] = []

    def copy_of(value: object, depth: int) -> object:
        if type(value) in _AS_IT_IS:
            return value
        known = copies.get(id(value), _ABSENT)
        if known is not _ABSENT:
            return known
        copy: object
        if isinstance(value, list | dict) and (convert is _sent or not isinstance(value, JsDict)):
            if depth == _MAX_DEPTH:
                raise TypeError(
                    f"DataCloneError: lists and dicts nest over {_MAX_DEPTH} deep; send less"
                )
            copy = [] if isinstance(value, list) else JsDict()
            pending.append((value, copy, depth + 1))
        else:
            copy = convert(value)
        copies[id(value)] = copy
        return copy

    result = copy_of(root, 0)
    while pending:
        source, copy, depth = pending.pop()
        if isinstance(source, list):
            copy.extend([copy_of(item, depth) for item in list.__iter__(source)])
        else:
            # Not what a subclass makes of it: a value made on the fly would lend out its id.
            for key, item in dict.items(source):
                copy[_key(key)] = copy_of(item, depth)
    return result


def _received(value: object) -> object:
    return value


def _sent(value: object) -> object:
    """Return what stands for a value that is neither a list nor a dict."""
    # The class is asked: an instance may answer for every attribute.
    if getattr(type(value), "__rpc_stub__", False):
        return value
    if isinstance(value, bytes):
        return memoryview(value)
    if isinstance(value, memoryview):
        # Bytes cannot change, so a view of them is a copy already.
        return value[:] if isinstance(value.obj, bytes) else memoryview(value.tobytes())
    if isinstance(value, datetime):
        return _milliseconds(value)
    if isinstance(value, set | frozenset):
        return {_member(item) for item in value}
    if isinstance(value, Exception):
        return _plain_exception(value)
    message = _sent_message(value)
    if message is not None:
        return message
    if isinstance(value, tuple | bytearray):
        raise TypeError(f"{type(value)} cannot be sent over RPC.")
    if inspect.isawaitable(value):
        raise TypeError(f"Awaitable {type(value)} cannot be sent over RPC.")
    # What is left of these is of a subclass: an enum's member, for one.
    if isinstance(value, str):
        return str.__str__(value)
    if isinstance(value, int | float):
        return int(value) if isinstance(value, int) else float(value)
    if callable(value) and not isinstance(value, type):
        return _RpcStubWrapper(value)
    raise _not_cloneable(value)


def _sent_message(value: object) -> object | None:
    if isinstance(value, FetchResponse):
        return Response(value)
    if isinstance(value, Request):
        return Request(value)
    if isinstance(value, FormData):
        return FormData(value)
    if isinstance(value, Body):
        return Body(value)
    # A blob cannot change.
    return value if isinstance(value, Blob) else None


def _not_cloneable(value: object) -> TypeError:
    kind = type(value)
    return TypeError(
        f"DataCloneError: an object of {kind.__module__}.{kind.__qualname__} could not be cloned; "
        f"{_CARRIED}"
    )


def _milliseconds(value: datetime) -> datetime:
    local = value if value.tzinfo is None else value.astimezone().replace(tzinfo=None)
    return local.replace(microsecond=local.microsecond // 1000 * 1000)


def _member(item: object) -> object:
    if isinstance(item, frozenset):
        # It would arrive as a set, which no set can hold.
        raise _not_cloneable(item)
    return item if type(item) in _AS_IT_IS else _sent(item)


def _key(key: object) -> str:
    """Return a dict's key as JavaScript writes it as a property's name."""
    name = "null" if key is None else to_text(key)
    if name is None:
        raise TypeError(f"A dict with a key of {type(key)} cannot be sent over RPC.")
    return name


def _plain_exception(error: Exception) -> Exception:
    """Return a new exception of the nearest built-in class that can say what `error` says."""
    message = str(error)
    for kind in type(error).__mro__:
        if kind.__module__ != "builtins" or kind is Exception:
            continue
        for args in (error.args, (message,)):
            if not all(isinstance(arg, _IN_EXCEPTIONS) for arg in args):
                continue
            try:
                plain = kind(*args)
            except TypeError:
                continue
            if isinstance(plain, Exception) and str(plain) == message:
                return plain
    return Exception(message)
