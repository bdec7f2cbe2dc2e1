"""`pyodide.http`: `pyfetch`, by the runtime's own client."""

from typing import Any, Final, NoReturn

import workers
from runtime._loader.shims.absent import absent_name
from workers import FetchResponse, Response

__all__ = ["FetchResponse", "pyfetch"]

_OPTIONS: Final = frozenset({"body", "cache", "cf", "headers", "method", "redirect", "signal"})
_WAYS: Final = {
    "open_url": "use `await workers.fetch(url)` and `await response.text()`",
    "pyxhr": "use `await workers.fetch(url)`",
}


async def pyfetch(url: str, /, **options: Any) -> Response:
    """Send a request as `workers.fetch` does; options that mean something to browsers alone
    (`mode`, `credentials` and the like) are passed over.
    """
    known = {name: value for name, value in options.items() if name in _OPTIONS}
    return await workers.fetch(workers.Request(url, **known))


def __getattr__(name: str) -> NoReturn:
    raise absent_name("pyodide.http", name, _WAYS, "use `await workers.fetch(url)`")
