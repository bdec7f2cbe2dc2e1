"""Importing a worker's main module in a thread: module code may take long, or never end."""

import asyncio
import contextvars
import inspect
import sys
import threading
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from functools import partial
from pathlib import Path
from types import FrameType, ModuleType
from typing import Any, NoReturn

from runtime._dispatch.faults import CpuLimitExceeded, interrupt_thread
from runtime._dispatch.handlers import Handlers, find_handlers
from runtime._loader.isolate import Isolate
from runtime._loader.load import loading_errors, place_on_stack
from runtime.errors import WorkerLoadError
from workers import Request
from workers._host import current_host

__all__ = ["LoadingHost", "load_main"]

_Loaded = tuple[ModuleType, Handlers]

# Code may catch the first interruption; what catches each is left alone.
_INTERRUPTIONS = 5
_BETWEEN_INTERRUPTIONS_S = 0.1


class LoadingHost:
    """Gives module code its `env`; what needs a request is refused, as on Cloudflare."""

    def __init__(self, env: object, isolate: Isolate) -> None:
        self.env: Any = env
        self.isolate = isolate
        self.worker_state: dict[Any, Any] = {}

    def wait_until(self, awaitable: Awaitable[Any]) -> None:
        """Refuse: there is no response to wait for."""
        if inspect.iscoroutine(awaitable):
            awaitable.close()
        _refuse("waitUntil")

    def on_worker_close(self, callback: Callable[[], Awaitable[None]]) -> None:
        """Refuse: nothing runs yet that could be closed."""
        _refuse("on_worker_close")

    def count_subrequest(self) -> None:
        """Refuse: no other worker can be called."""
        _refuse("a service binding")

    async def fetch(self, request: Request) -> NoReturn:
        """Refuse: a worker must not make requests while it loads."""
        _refuse("fetch")


async def load_main(
    isolate: Isolate, main: Path, folder: Path, *, env: object, timeout_s: float
) -> _Loaded:
    """Return a worker's main module and its handlers.

    Raises WorkerLoadError for whatever goes wrong, and where the code does not end in time. It is
    interrupted then; a thread that cannot be, as it waits for something, is left behind.
    """
    context = contextvars.copy_context()
    context.run(current_host.set, LoadingHost(env, isolate))

    def load() -> _Loaded:
        with loading_errors(isolate, folder):
            module = isolate.import_module(main.stem)
            return module, find_handlers(isolate.worker, module, str(main))

    loading = _Loading(partial(context.run, load), f"load {isolate.worker}")
    await loading.wait(timeout_s)
    if loading.outcome.done():
        return loading.outcome.result()
    file, line = place_on_stack(loading.frame, isolate.roots)
    for _ in range(_INTERRUPTIONS):
        await loading.interrupt()
    raise WorkerLoadError(
        isolate.worker,
        f"its module code did not finish within {timeout_s:g} s",
        file=file or str(main),
        line=line,
    )


class _Loading:
    """Work in a thread of its own, which does not keep the process from ending."""

    def __init__(self, work: Callable[[], _Loaded], name: str) -> None:
        self._loop = asyncio.get_running_loop()
        self.outcome: asyncio.Future[_Loaded] = self._loop.create_future()
        self._work = work
        self._clock: int | None = None
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    async def wait(self, timeout_s: float) -> None:
        """Wait for the outcome; where the wait is cancelled, the work is interrupted."""
        try:
            await asyncio.wait([self.outcome], timeout=timeout_s)
        except asyncio.CancelledError:
            self._loop.call_later(_BETWEEN_INTERRUPTIONS_S, self._interrupt, self._cpu_s())
            raise

    async def interrupt(self) -> None:
        """Interrupt the work where it still runs, and give it a moment to end."""
        if not self.outcome.done():
            before_s = self._cpu_s()
            await self.wait(_BETWEEN_INTERRUPTIONS_S)
            self._interrupt(before_s)

    @property
    def frame(self) -> FrameType | None:
        """What the thread runs now."""
        return sys._current_frames().get(self._thread.ident or 0)

    def _interrupt(self, before_s: float) -> None:
        # Not where it waits for something: the exception would be pending until that comes, and up
        # to Python 3.12 every other thread would stumble over it (for ever, if it is traced).
        if self._thread.is_alive() and self._cpu_s() > before_s:
            interrupt_thread(self._thread.ident or 0)

    def _cpu_s(self) -> float:
        """Return the CPU time of the thread; where that is not known it always grows."""
        return time.monotonic() if self._clock is None else _clock_s(self._clock)

    def _run(self) -> None:
        if hasattr(time, "pthread_getcpuclockid"):
            self._clock = time.pthread_getcpuclockid(threading.get_ident())
        settled: tuple[Callable[[Any], None], object]
        try:
            settled = self.outcome.set_result, self._work()
        except BaseException as error:
            settled = self.outcome.set_exception, error
        # The loop is closed, or the interruption came too late: nobody waits any more.
        with suppress(RuntimeError, CpuLimitExceeded):
            self._loop.call_soon_threadsafe(self._settle, *settled)

    def _settle(self, how: Callable[[Any], None], result: object) -> None:
        how(result)
        # Looked at, for it may come too late.
        self.outcome.exception()


def _clock_s(clock: int) -> float:
    try:
        return time.clock_gettime(clock)
    except OSError:
        # The thread has ended.
        return 0.0


def _refuse(what: str) -> NoReturn:
    raise RuntimeError(f"{what} cannot be called while the worker loads; call it in a handler")
