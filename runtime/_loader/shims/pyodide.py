"""`pyodide`: the two of its modules that worker code uses."""

from typing import Final, NoReturn

from runtime._loader.shims import pyodide_ffi as ffi
from runtime._loader.shims import pyodide_http as http
from runtime._loader.shims.absent import absent_name

__all__ = ["ffi", "http"]

_WAYS: Final = {
    "code": "nothing here runs JavaScript; write it in Python",
    "webloop": "the event loop is asyncio's own",
}


def __getattr__(name: str) -> NoReturn:
    raise absent_name("pyodide", name, _WAYS, "this is CPython; use its standard library")
