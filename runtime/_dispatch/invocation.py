"""One run of one handler: what it may use, and what outlives its response."""

import asyncio
import inspect
import logging
import os
from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Any

from runtime._dispatch.faults import FAULTS
from runtime._dispatch.loading import LoadingHost
from runtime._loader.isolate import Isolate
from runtime.errors import SubrequestLimitError
from runtime.stubs import WorkerStub
from workers import Request, Response, python_to_rpc
from workers._host import current_host

if TYPE_CHECKING:
    from runtime._dispatch.worker import Worker

__all__ = ["MAX_DEPTH", "ExecutionContext", "Invocation", "count_subrequest", "current_isolate"]

# Cloudflare's limits: sub-requests an invocation, nested service calls.
_MAX_SUBREQUESTS = 1000
MAX_DEPTH = 32

# How long cancelled work gets to clean up.
_CLEAN_UP_S = 1.0

logger = logging.getLogger(__name__)


class Invocation:
    """The host that one run of a handler sees; made by `Worker.invoke`, one a run."""

    __slots__ = ("_pending", "_props", "_request_id", "_subrequests", "depth", "is_over", "worker")

    def __init__(
        self, worker: "Worker", depth: int, request_id: str | None, props: Mapping[str, Any] | None
    ) -> None:
        self.worker = worker
        self.depth = depth
        self._request_id = request_id
        self.is_over = False
        self._props = props
        self._subrequests = 0
        self._pending: list[asyncio.Task[None]] | None = None

    @property
    def request_id(self) -> str:
        """Sixteen hexadecimal digits that log lines and error pages carry."""
        if self._request_id is None:
            self._request_id = os.urandom(8).hex()
        return self._request_id

    @property
    def env(self) -> Any:
        """The bindings of the worker."""
        return self.worker.env

    @property
    def isolate(self) -> Isolate:
        """The module set that runs."""
        return self.worker.isolate

    @property
    def props(self) -> Mapping[str, Any]:
        """What the binding that made the call gives along; a copy, read by attribute too."""
        props: Mapping[str, Any] = python_to_rpc(dict(self._props or {}))
        return props

    @property
    def worker_state(self) -> dict[Any, Any]:
        """What lives as long as the loaded worker."""
        return self.worker.state

    def on_worker_close(self, callback: Callable[[], Awaitable[None]]) -> None:
        """Await `callback()` when the worker version is retired."""
        self.worker.on_close(callback)

    def wait_until(self, awaitable: Awaitable[Any]) -> None:
        """Run `awaitable` on after the response, up to 30 s."""
        if not inspect.isawaitable(awaitable):
            raise TypeError(f"waitUntil needs an awaitable, got {type(awaitable).__name__}")
        if self._pending is None:
            self._pending = []
        task = asyncio.get_running_loop().create_task(self._run_logged(awaitable))
        self._pending.append(task)
        if self.is_over:
            # Called by what itself outlived the invocation: a task, or a function sent elsewhere.
            self.worker.resume(self)

    async def fetch(self, request: Request) -> Response:
        """Send `request` out of the worker, or to a worker of this node that its URL means."""
        return await self.worker.node.fetch(request)

    def count_subrequest(self) -> None:
        """Count one fetch or service call; raise SubrequestLimitError over the limit."""
        self._subrequests += 1
        limit = self.worker.max_subrequests or _MAX_SUBREQUESTS
        if self._subrequests > limit:
            raise SubrequestLimitError(
                f'worker "{self.worker.name}" made more than {limit} sub-requests in one invocation'
            )

    @property
    def has_pending(self) -> bool:
        """Whether work was handed to `waitUntil` and has not been waited for."""
        return bool(self._pending)

    async def finish_pending(self, timeout_s: float) -> None:
        """Wait for the work handed to `waitUntil`; cancel what takes longer, or all with itself."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + timeout_s
        while self._pending:
            tasks, self._pending = self._pending, []
            try:
                _, late = await asyncio.wait(tasks, timeout=max(0.0, deadline - loop.time()))
            except asyncio.CancelledError:
                for task in tasks:
                    task.cancel()
                raise
            if late:
                await self._cancel(late, timeout_s)

    async def _cancel(self, late: set[asyncio.Task[None]], timeout_s: float) -> None:
        for task in late:
            task.cancel()
            logger.warning(
                'worker "%s": waitUntil work was cancelled %.0f s after the response (request %s)',
                self.worker.name,
                timeout_s,
                self.request_id,
            )
        await asyncio.wait(late, timeout=_CLEAN_UP_S)

    async def _run_logged(self, awaitable: Awaitable[Any]) -> None:
        try:
            await awaitable
        except (Exception, *FAULTS) as error:
            seen = self.worker.error_of(error, "waitUntil work")
            logger.error(
                'worker "%s": waitUntil work failed (request %s)',
                self.worker.name,
                self.request_id,
                exc_info=seen,
            )


class ExecutionContext:
    """What a handler gets as `ctx`."""

    __slots__ = ("_invocation",)

    def __init__(self, invocation: Invocation) -> None:
        self._invocation = invocation

    def waitUntil(self, awaitable: Awaitable[Any]) -> None:
        """Let `awaitable` run on after the response, up to 30 s; its exception is logged."""
        self._invocation.wait_until(awaitable)

    wait_until = waitUntil

    def passThroughOnException(self) -> None:
        """Accept the call: no origin stands behind a worker here, so an exception stays one."""

    @property
    def props(self) -> Mapping[str, Any]:
        """What the binding that made the call gives along."""
        return self._invocation.props

    @property
    def exports(self) -> "Exports":
        """The worker's own entrypoints, to be called like service bindings."""
        return Exports(self._invocation.worker)


class Exports:
    """`ctx.exports`: an attribute an entrypoint class of the worker's main module."""

    __slots__ = ("_worker",)

    def __init__(self, worker: "Worker") -> None:
        self._worker = worker

    def __getattr__(self, name: str) -> WorkerStub:
        worker = self._worker
        if name not in worker.entrypoints:
            known = ", ".join(sorted(worker.entrypoints)) or "none"
            raise AttributeError(
                f'worker "{worker.name}" exports no entrypoint "{name}"; it has: {known}'
            )
        return WorkerStub(worker.invoke_own, worker.name, entrypoint=name)


def count_subrequest() -> None:
    """Count a sub-request of the invocation that runs, if one does.

    Raises SubrequestLimitError over the limit, RuntimeError while a worker loads.
    """
    host = current_host.get(None)
    if isinstance(host, Invocation | LoadingHost):
        host.count_subrequest()


def current_isolate() -> Isolate | None:
    """Return the module set of the worker whose code runs now."""
    host = current_host.get(None)
    isolate = getattr(host, "isolate", None)
    return isolate if isinstance(isolate, Isolate) else None
