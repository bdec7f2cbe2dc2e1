"""Interrupts worker code that computes too long without yielding to the event loop."""

import asyncio
import math
import signal
import sys
import threading
import time
from types import FrameType
from weakref import WeakKeyDictionary

from runtime._dispatch.faults import CpuLimitExceeded, interrupt_thread
from runtime._dispatch.invocation import current_isolate
from runtime._loader.isolate import Isolate, isolate_of_frame

__all__ = ["Watchdog"]

_TICK_S = 0.05
# How often it looks while no invocation runs: a task that one has left behind can compute, too.
_NAP_S = 1.0
# Ignored by default, used by no library, passed on by debuggers: a stray one does no harm. Go's
# scheduler chose it for the same reasons.
_SIGNAL = signal.SIGURG
# Code that no exception may break into, as it keeps state for every worker; and who stands in a
# debugger does not compute. A measuring tool may hold a lock that its own threads wait for.
_NOT_NOW = (
    "runtime.",
    "kvstore.",
    "asyncio.",
    "logging",
    "bdb",
    "coverage.",
    "pdb",
    "pydevd",
    "_pydevd",
)
# Where a step begins: asyncio's own loop calls it from the first, uvloop is called by the second.
_BELOW_THE_LOOP = ("asyncio.events", "asyncio.runners")


class Watchdog:
    """A thread that sees a step of the event loop take longer than its worker may.

    The thread only suspects. A signal then makes the loop's own thread decide, between two
    instructions of what it runs at that moment: whether that is still the suspected step, and
    whether worker code is on the stack with none of the runtime's above it. So nobody else is ever
    interrupted, and a blocking call like `time.sleep` is. Where the loop runs in another thread
    than the main one, which alone handles signals, the watching thread decides itself; worker code
    that ends in that very moment may then be hit a few instructions late.
    """

    def __init__(self) -> None:
        self._limits_s: WeakKeyDictionary[Isolate, float] = WeakKeyDictionary()
        self._shortest_s = math.inf
        self._active = 0
        self._naps = False
        self._awake = threading.Event()
        self._stopped = threading.Event()
        self._thread: threading.Thread | None = None
        # Written by the loop's thread alone.
        self._turns = 0
        self._is_pinged = False
        # A step (the count of turns, and the task: it runs once a turn), and since when it is seen.
        self._seen: tuple[tuple[int, int], float] = ((0, 0), 0.0)

    def start(self) -> None:
        """Watch the running loop of the calling thread."""
        self._loop = asyncio.get_running_loop()
        self._loop_thread_id = threading.get_ident()
        self._decides_by_signal = threading.current_thread() is threading.main_thread()
        if self._decides_by_signal:
            self._previous_handler = signal.signal(_SIGNAL, self._on_signal)
        self._thread = threading.Thread(target=self._watch, name="cpu-watchdog", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End the thread and wait for it."""
        self._stopped.set()
        self._awake.set()
        if self._thread is not None:
            self._thread.join()
            if self._decides_by_signal:
                signal.signal(_SIGNAL, self._previous_handler)

    def limit(self, isolate: Isolate, limit_s: float) -> None:
        """Say how long a step of the isolate's code may take, in seconds."""
        self._limits_s[isolate] = limit_s
        self._shortest_s = min(self._limits_s.values())

    def enter(self) -> None:
        """Note that an invocation runs."""
        self._active += 1
        if self._active == 1:
            self._turns += 1
            if self._naps:
                self._awake.set()

    def leave(self) -> None:
        """Note that an invocation has ended."""
        self._active -= 1

    def _watch(self) -> None:
        while not self._stopped.is_set():
            self._ping()
            self._stopped.wait(_TICK_S)
            if self._suspects():
                self._interrupt()
            elif self._active == 0:
                self._nap()

    def _nap(self) -> None:
        # In this order: who enters meanwhile is either counted, or sees that this thread naps.
        self._naps = True
        self._awake.clear()
        if self._active == 0 and not self._stopped.is_set():
            self._awake.wait(_NAP_S)
        self._naps = False

    def _ping(self) -> None:
        if self._is_pinged:
            return
        self._is_pinged = True
        try:
            self._loop.call_soon_threadsafe(self._turn)
        except RuntimeError:
            # The loop is closed: nothing is left to watch.
            self._stopped.set()

    def _turn(self) -> None:
        self._turns += 1
        self._is_pinged = False

    def _step(self) -> tuple[int, int]:
        return self._turns, id(asyncio.current_task(self._loop))

    def _suspects(self) -> bool:
        step, now = self._step(), time.monotonic()
        if step != self._seen[0]:
            self._seen = step, now
            return False
        return now - self._seen[1] >= self._shortest_s

    def _interrupt(self) -> None:
        if self._decides_by_signal:
            signal.pthread_kill(self._loop_thread_id, _SIGNAL)
        elif self._is_over_limit(sys._current_frames().get(self._loop_thread_id)):
            interrupt_thread(self._loop_thread_id)

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        if self._is_over_limit(frame):
            raise CpuLimitExceeded
        if callable(self._previous_handler):
            self._previous_handler(number, frame)

    def _is_over_limit(self, frame: FrameType | None) -> bool:
        step, since = self._seen
        isolate = _interruptible_isolate(frame)
        if isolate is None or step != self._step():
            return False
        now = time.monotonic()
        if now - since < self._limits_s.get(isolate, math.inf):
            return False
        # Code that catches the exception gets as long once more, to clean up.
        self._seen = step, now
        return True


def _interruptible_isolate(frame: FrameType | None) -> Isolate | None:
    """Return the isolate whose code, or what it called or started, stands in `frame`."""
    while frame is not None:
        isolate = isolate_of_frame(frame)
        if isolate is not None:
            return isolate
        module = str(frame.f_globals.get("__name__"))
        if module in _BELOW_THE_LOOP:
            # A library's own task; in the loop's thread the context says who started it.
            return current_isolate()
        if module.startswith(_NOT_NOW):
            return None
        frame = frame.f_back
    return None
