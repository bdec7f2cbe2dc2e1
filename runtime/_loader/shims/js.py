"""`js`: the names of JavaScript's global scope that have a native equivalent."""

import logging
import secrets
import uuid
from typing import Final, NoReturn, TypeVar

from runtime._loader.shims.absent import absent_name
from runtime._loader.shims.dates import Date
from runtime._loader.shims.messages import (
    Blob,
    File,
    FormData,
    Headers,
    Request,
    Response,
    WebSocketPair,
    fetch,
)
from runtime._loader.shims.objects import JSON, Array, Object, Uint8Array
from runtime._loader.shims.timers import clearInterval, clearTimeout, setInterval, setTimeout
from runtime._loader.shims.urls import URL, URLSearchParams
from workers.response import NO_WEBSOCKETS

__all__ = [
    "JSON",
    "URL",
    "Array",
    "Blob",
    "Date",
    "File",
    "FormData",
    "Headers",
    "Object",
    "Request",
    "Response",
    "URLSearchParams",
    "Uint8Array",
    "WebSocketPair",
    "clearInterval",
    "clearTimeout",
    "console",
    "crypto",
    "fetch",
    "setInterval",
    "setTimeout",
]

_Buffer = TypeVar("_Buffer", bytearray, memoryview)

# What a worker logs, whichever way it does.
_log: Final = logging.getLogger("worker")

_WAYS: Final = {
    "AbortController": "cancel the task, or use asyncio.timeout()",
    "AbortSignal": "use asyncio.timeout()",
    "ArrayBuffer": "use bytes or a bytearray",
    "DataView": "use the struct module",
    "Error": "raise a Python exception",
    "Function": "write it in Python",
    "Map": "use a dict",
    "Math": "use the math module",
    "Number": "use int or float",
    "Promise": "await the coroutine, or use asyncio.gather()",
    "ReadableStream": "use an async generator of bytes as the body",
    "RegExp": "use the re module",
    "Set": "use a set",
    "String": "use str",
    "TextDecoder": "use bytes.decode()",
    "TextEncoder": "use str.encode()",
    "TransformStream": "use an async generator of bytes as the body",
    "WebSocket": NO_WEBSOCKETS,
    "XMLHttpRequest": "use `await workers.fetch(url)`",
    "atob": "use base64.b64decode()",
    "btoa": "use base64.b64encode()",
    "caches": "use a KV namespace",
    "crypto.subtle": "use hashlib, hmac, secrets, or the cryptography package",
    "decodeURIComponent": "use urllib.parse.unquote()",
    "encodeURIComponent": 'use urllib.parse.quote(text, safe="!\'()*")',
    "eval": "write it in Python",
    "null": "use None",
    "parseFloat": "use float()",
    "parseInt": "use int()",
    "performance": "use time.perf_counter()",
    "queueMicrotask": "use asyncio.get_running_loop().call_soon()",
    "structuredClone": "use copy.deepcopy()",
    "undefined": "use None",
}


class _Console:
    """`console`: each call is one log event of the worker."""

    __slots__ = ()

    def debug(self, *values: object) -> None:
        """Log at level DEBUG."""
        _log.debug(_line(values), stacklevel=2)

    trace = debug

    def log(self, *values: object) -> None:
        """Log at level INFO."""
        _log.info(_line(values), stacklevel=2)

    info = log

    def warn(self, *values: object) -> None:
        """Log at level WARNING."""
        _log.warning(_line(values), stacklevel=2)

    def error(self, *values: object) -> None:
        """Log at level ERROR."""
        _log.error(_line(values), stacklevel=2)


class _Crypto:
    """`crypto`: random values from the operating system."""

    __slots__ = ()

    def randomUUID(self) -> str:
        """Return a random UUID."""
        return str(uuid.uuid4())

    def getRandomValues(self, array: _Buffer) -> _Buffer:
        """Fill a Uint8Array, or another buffer that can be changed, and return it."""
        array[:] = secrets.token_bytes(len(array))
        return array

    def __getattr__(self, name: str) -> NoReturn:
        raise absent_name("js", f"crypto.{name}", _WAYS, "use the secrets module")


console: Final = _Console()
crypto: Final = _Crypto()


def _line(values: tuple[object, ...]) -> str:
    # Logging formats a message only when it gets arguments, so a percent sign is safe here.
    return " ".join(map(str, values))


def __getattr__(name: str) -> NoReturn:
    raise absent_name("js", name, _WAYS, "it belongs to a JavaScript engine; write it in Python")
