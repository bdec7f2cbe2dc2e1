"""What stands on `env` for another worker: its `fetch`, its events and its RPC methods."""

import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Protocol, Unpack

from runtime.events import EVENT_HANDLERS, ScheduledController
from workers import FetchKwargs, Request, Response, python_from_rpc, python_to_rpc
from workers.rpc import JsDict

__all__ = ["Invoke", "WorkerStub"]


class Invoke(Protocol):
    """Runs a handler or an RPC method of a worker by name."""

    async def __call__(
        self,
        worker: str,
        handler: str,
        /,
        *args: object,
        kwargs: Mapping[str, object] | None = None,
        entrypoint: str | None = None,
        props: Mapping[str, Any] | None = None,
    ) -> Any:
        """Return what the handler returned; raise what it raised."""


class WorkerStub:
    """Another worker's entrypoint, in this process or behind it.

    `fetch` sends it a request; `scheduled` runs its cron handler; every other name that does not
    start with an underscore is an RPC method, whose arguments and result pass by value.
    """

    __rpc_stub__ = True
    __slots__ = ("_entrypoint", "_invoke", "_props", "_worker")

    def __init__(
        self,
        invoke: Invoke,
        worker: str,
        *,
        entrypoint: str | None = None,
        props: Mapping[str, Any] | None = None,
    ) -> None:
        self._invoke = invoke
        self._worker = worker
        self._entrypoint = entrypoint
        self._props = props

    async def fetch(self, resource: str | Request, **options: Unpack[FetchKwargs]) -> Response:
        """Send a request to the worker, whatever the URL's host; bodies stream both ways."""
        if options or not isinstance(resource, Request):
            resource = Request(resource, **options)
        response: Response = await self._invoke(
            self._worker, "fetch", resource, entrypoint=self._entrypoint, props=self._props
        )
        return response

    async def scheduled(self, *, scheduledTime: float | None = None, cron: str = "") -> JsDict:
        """Run the `scheduled` handler and return its outcome; raise what the handler raises.

        `scheduledTime` is in milliseconds since the epoch, now when absent.
        """
        millis = time.time() * 1000 if scheduledTime is None else scheduledTime
        await self._invoke(
            self._worker,
            "scheduled",
            ScheduledController(scheduledTime=int(millis), cron=cron),
            entrypoint=self._entrypoint,
            props=self._props,
        )
        return JsDict(outcome="ok", noRetry=False)

    def __getattr__(self, name: str) -> Callable[..., Awaitable[Any]]:
        if name.startswith("_"):
            raise AttributeError(
                f'"{name}" of worker "{self._worker}" is private: names that start with an '
                "underscore cannot be called over RPC"
            )
        if name in EVENT_HANDLERS:
            raise AttributeError(
                f'"{name}" of worker "{self._worker}" handles events; it cannot be called over RPC'
            )

        async def call(*args: object, **kwargs: object) -> Any:
            return python_from_rpc(
                await self._invoke(
                    self._worker,
                    name,
                    *[python_to_rpc(value) for value in args],
                    kwargs={key: python_to_rpc(value) for key, value in kwargs.items()},
                    entrypoint=self._entrypoint,
                    props=self._props,
                )
            )

        call.__name__ = name
        return call

    def __repr__(self) -> str:
        entrypoint = f", entrypoint={self._entrypoint!r}" if self._entrypoint else ""
        return f"WorkerStub({self._worker!r}{entrypoint})"
