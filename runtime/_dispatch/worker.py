"""A loaded worker version, and the one door through which everything enters it."""

import asyncio
import inspect
import logging
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from contextlib import suppress
from types import ModuleType
from typing import TYPE_CHECKING, Any, NoReturn, Protocol

from runtime._dispatch.faults import FAULTS, error_of
from runtime._dispatch.handlers import Entrypoint, Handlers
from runtime._dispatch.invocation import (
    MAX_DEPTH,
    ExecutionContext,
    Invocation,
    count_subrequest,
)
from runtime._dispatch.streams import own_stream, received_request
from runtime._loader.isolate import Isolate
from runtime.errors import SubrequestLimitError, WorkerLoadError
from runtime.events import EVENT_HANDLERS
from workers import Request, Response, python_to_rpc
from workers._host import current_host
from workers.body import Body
from workers.rpc import rpc_exception
from wrangler_compat import Limits

if TYPE_CHECKING:
    from runtime._dispatch.node import Node

__all__ = ["BrokenWorker", "Worker", "WorkerSlot"]

_STREAMABLE = (Response, Request, Body)

logger = logging.getLogger(__name__)


class WorkerSlot(Protocol):
    """What a node keeps under a worker's name: a worker, or the reason why there is none."""

    name: str
    file: str

    async def invoke(
        self,
        handler: str,
        args: tuple[object, ...],
        kwargs: Mapping[str, object],
        *,
        entrypoint: str | None = None,
        props: Mapping[str, Any] | None = None,
        request_id: str | None = None,
    ) -> Any:
        """Run a handler or an RPC method."""

    async def close(self) -> None:
        """Let what runs finish, then free everything."""


class BrokenWorker:
    """Stands in for a worker that cannot be loaded: every call raises why."""

    def __init__(self, name: str, file: str, error: WorkerLoadError) -> None:
        self.name = name
        self.file = file
        self.error = error

    async def invoke(
        self,
        handler: str,
        args: tuple[object, ...],
        kwargs: Mapping[str, object],
        *,
        entrypoint: str | None = None,
        props: Mapping[str, Any] | None = None,
        request_id: str | None = None,
    ) -> NoReturn:
        """Raise the load error again, as a new exception for each caller."""
        error = self.error
        raise WorkerLoadError(
            error.worker, error.reason, file=error.file, line=error.line, details=error.details
        )

    async def close(self) -> None:
        """Do nothing: there is nothing to free."""


class Worker:
    """One version of a worker: its module set, its env, its entrypoints."""

    def __init__(
        self,
        *,
        name: str,
        node: "Node",
        isolate: Isolate,
        module: ModuleType,
        handlers: Handlers,
        env: object,
        limits: Limits,
    ) -> None:
        self.name = name
        self.node = node
        self.isolate = isolate
        self.file = str(module.__file__)
        self.env = env
        self.max_subrequests = limits.subrequests
        self.state: dict[Any, Any] = {}
        self._cpu_ms = limits.cpu_ms
        self._handlers = handlers
        self._active = 0
        self._idle: asyncio.Event | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._close_callbacks: list[Callable[[], Awaitable[None]]] = []
        node.watchdog.limit(isolate, limits.cpu_ms / 1000)

    @property
    def entrypoints(self) -> Mapping[str, Entrypoint]:
        """The entrypoint classes of the main module, by name."""
        return self._handlers.entrypoints

    async def invoke(
        self,
        handler: str,
        args: tuple[object, ...],
        kwargs: Mapping[str, object],
        *,
        entrypoint: str | None = None,
        props: Mapping[str, Any] | None = None,
        request_id: str | None = None,
    ) -> Any:
        """Run the event handler, or the RPC method, named `handler`.

        The result of `fetch` is a Response; that of an RPC method has passed by value. Raises what
        the handler raises (for another worker the nearest built-in exception), CpuLimitError where
        the watchdog interrupted it, and SubrequestLimitError where calls nest over 32 deep.
        """
        host = current_host.get(None)
        caller = host if isinstance(host, Invocation) else None
        depth = 0 if caller is None else _depth_of_call(caller, self.name)
        invocation = Invocation(self, depth, request_id, props)
        token = current_host.set(invocation)
        self._enter()
        streams = False
        try:
            if caller is not None:
                args = _received(handler, args, caller)
            result = self._call(invocation, handler, args, kwargs, entrypoint)
            if inspect.isawaitable(result):
                result = await result
            if handler not in EVENT_HANDLERS:
                result = python_to_rpc(result)
            elif handler == "fetch":
                self._check_response(result, entrypoint)
                if result.buffered_body is not None:
                    return result
            if isinstance(result, _STREAMABLE):
                streams = own_stream(result, invocation, lambda: self._finish(invocation))
            return result
        except FAULTS as fault:
            raise self.error_of(fault, handler) from None
        except Exception as error:
            seen = error if caller is None else _seen_by_worker(error)
            if seen is error:
                raise
            raise seen from error
        finally:
            if not streams:
                self._finish(invocation)
            current_host.reset(token)

    async def invoke_own(
        self,
        _: str,
        handler: str,
        /,
        *args: object,
        kwargs: Mapping[str, object] | None = None,
        entrypoint: str | None = None,
        props: Mapping[str, Any] | None = None,
    ) -> Any:
        """Run a handler or an RPC method of this very version; counts as a sub-request."""
        count_subrequest()
        return await self.invoke(handler, args, kwargs or {}, entrypoint=entrypoint, props=props)

    def error_of(self, fault: BaseException, what: str) -> BaseException:
        """Return the Exception that stands for what ended `what`: the same, but for `FAULTS`."""
        if not isinstance(fault, FAULTS):
            return fault
        return error_of(fault, self.name, what, self._cpu_ms, self.isolate.roots)

    def on_close(self, callback: Callable[[], Awaitable[None]]) -> None:
        """Await `callback()` when this version is retired, newest first."""
        self._close_callbacks.append(callback)

    def spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Run a task that belongs to this version."""
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    def resume(self, invocation: Invocation) -> None:
        """Open an invocation that is over again, for work that was handed to it since."""
        invocation.is_over = False
        self._enter()
        self._finish(invocation)

    async def close(self) -> None:
        """Let invocations and their `waitUntil` work finish, then free the version."""
        if self._active > 0:
            self._idle = self._idle or asyncio.Event()
            with suppress(TimeoutError):
                await asyncio.wait_for(self._idle.wait(), self.node.options.retire_s)
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        while self._close_callbacks:
            try:
                await self._close_callbacks.pop()()
            except (Exception, *FAULTS):
                logger.exception('worker "%s": closing failed', self.name)
        self.isolate.close()

    def _call(
        self,
        invocation: Invocation,
        handler: str,
        args: tuple[object, ...],
        kwargs: Mapping[str, object],
        entrypoint: str | None,
    ) -> Any:
        context = ExecutionContext(invocation)
        wanted = "Default" if entrypoint is None or entrypoint == "default" else entrypoint
        if wanted == "Default" and self._handlers.functions:
            return self._call_function(handler, args, context)
        chosen = self._handlers.entrypoints.get(wanted)
        if chosen is None:
            known = ", ".join(sorted(self._handlers.entrypoints)) or "none"
            raise AttributeError(
                f'worker "{self.name}" has no entrypoint "{wanted}"; it has: {known}'
            )
        if handler not in EVENT_HANDLERS:
            if handler not in chosen.methods:
                raise self._no_method(handler, chosen.name)
            return getattr(chosen.type(context, self.env), handler)(*args, **kwargs)
        arity = chosen.arity.get(handler)
        if arity is None:
            raise self._no_handler(f"{chosen.name}.{handler}")
        instance = chosen.type(context, self.env)
        given = args if arity == len(args) else (*args, self.env, context)[:arity]
        return getattr(instance, handler)(*given)

    def _call_function(
        self, handler: str, args: tuple[object, ...], context: ExecutionContext
    ) -> Any:
        if handler not in EVENT_HANDLERS:
            raise self._no_method(handler, "its functions")
        known = self._handlers.functions.get(handler)
        if known is None:
            raise self._no_handler(f"on_{handler}")
        function, arity = known
        return function(*(*args, self.env, context)[:arity])

    def _no_method(self, method: str, where: str) -> AttributeError:
        return AttributeError(f'worker "{self.name}" has no RPC method "{method}" on {where}')

    def _no_handler(self, handler: str) -> AttributeError:
        return AttributeError(f'worker "{self.name}" has no handler {handler} ({self.file})')

    def _check_response(self, result: object, entrypoint: str | None) -> None:
        if isinstance(result, Response) and not result.body_used:
            return
        by_function = entrypoint is None and self._handlers.functions
        handler = "on_fetch" if by_function else f"{entrypoint or 'Default'}.fetch"
        if isinstance(result, Response):
            raise OSError(
                f'Body already used: worker "{self.name}": {handler} returned a response whose '
                "body has been read or sent; return a new one, or a clone()"
            )
        raise TypeError(
            f'worker "{self.name}": {handler} must return a workers.Response, '
            f"it returned {type(result).__name__}"
        )

    def _enter(self) -> None:
        self._active += 1
        self.node.watchdog.enter()

    def _finish(self, invocation: Invocation) -> None:
        if invocation.has_pending:
            task = self.spawn(invocation.finish_pending(self.node.options.wait_until_s))
            task.add_done_callback(lambda _: self._finish(invocation))
            return
        invocation.is_over = True
        self.node.watchdog.leave()
        self._active -= 1
        if self._active == 0 and self._idle is not None:
            self._idle.set()


def _depth_of_call(caller: Invocation, callee: str) -> int:
    depth = caller.depth + 1
    if depth > MAX_DEPTH:
        raise SubrequestLimitError(
            f'calls between workers nest over {MAX_DEPTH} deep: "{caller.worker.name}" called '
            f'"{callee}"; does a worker call itself?'
        )
    return depth


def _received(handler: str, args: tuple[object, ...], sender: Invocation) -> tuple[object, ...]:
    """Return the arguments as another worker gets them; bodies stay with their sender."""
    if handler == "fetch":
        return tuple(
            received_request(arg, sender) if isinstance(arg, Request) else arg for arg in args
        )
    for arg in args:
        if isinstance(arg, _STREAMABLE):
            own_stream(arg, sender)
    return args


def _seen_by_worker(error: Exception) -> Exception:
    """Return an exception as another worker sees it; the runtime's own are known to all."""
    return error if type(error).__module__.startswith("runtime.") else rpc_exception(error)
