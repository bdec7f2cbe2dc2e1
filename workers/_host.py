"""The only way down: what worker code asks of the runtime that stands under it.

The SDK in this package is data types and thin functions. Whatever needs a running worker
(bindings, outbound requests, work after the response) goes through the [`Host`][] that the
runtime puts into `current_host` for each invocation, and for a worker's module code while it
loads. Nothing else of the runtime is visible from here.
"""

from collections.abc import Awaitable, Callable
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from workers.request import Request
    from workers.response import Response

__all__ = ["Host", "current_host", "require_host", "wait_until"]


class Host(Protocol):
    """What one invocation offers to the code that runs in it."""

    @property
    def env(self) -> Any:
        """The bindings of the worker, as one object with an attribute a binding."""

    @property
    def worker_state(self) -> dict[Any, Any]:
        """What lives as long as the loaded worker does; the SDK keeps ASGI lifespans here."""

    def wait_until(self, awaitable: Awaitable[Any]) -> None:
        """Let `awaitable` run on after the response; its exception is logged."""

    def on_worker_close(self, callback: Callable[[], Awaitable[None]]) -> None:
        """Await `callback()` when the worker version is retired, newest first."""

    async def fetch(self, request: "Request") -> "Response":
        """Send `request` out of the worker; raises OSError where the network fails."""


current_host: ContextVar[Host] = ContextVar("workers.current_host")


def require_host(what: str) -> Host:
    """Return the current host; raise RuntimeError naming `what` when no worker runs here."""
    try:
        return current_host.get()
    except LookupError:
        raise RuntimeError(
            f"{what} works only inside a running worker; "
            "start one with `runtime serve`, or call it through the testing kit"
        ) from None


def wait_until(awaitable: Awaitable[Any]) -> None:
    """Let `awaitable` run on after the response, up to 30 s; what it raises is logged."""
    require_host("waitUntil").wait_until(awaitable)
