"""When `runtime serve` ends: it is told to, its terminal closes, or its parent goes."""

import asyncio
import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

__all__ = ["stop_on_signals", "stop_with_parent"]

_LOOK_EVERY_S = 0.5


@contextmanager
def stop_on_signals(stop: asyncio.Event) -> Iterator[None]:
    """Set `stop` on Ctrl-C, SIGTERM and a closed terminal; a second one ends the process at once.

    Under `nohup`, which has SIGHUP ignored, a closed terminal means nothing.
    """
    loop = asyncio.get_running_loop()
    numbers = [signal.SIGINT, signal.SIGTERM]
    if not _is_detached():
        numbers.append(signal.SIGHUP)
    was_told = False

    def on_signal(number: int, frame: FrameType | None) -> None:
        nonlocal was_told
        if was_told:
            os._exit(128 + number)
        was_told = True
        loop.call_soon_threadsafe(stop.set)

    # Not by the loop's own means: a second Ctrl-C must work where a worker keeps the loop busy.
    before = {number: signal.signal(number, on_signal) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def stop_with_parent(stop: asyncio.Event, *, patience_s: float) -> Iterator[None]:
    """Set `stop` when the process that started this one has ended, however it did.

    Where nothing has come of that after `patience_s`, as a worker keeps the loop busy, the process
    is ended. Nothing is done for one that was meant to outlive its parent: under `nohup`, or
    started by the init system.
    """
    parent = os.getppid()
    if parent == 1 or _is_detached():
        yield
        return
    loop = asyncio.get_running_loop()
    is_over = threading.Event()

    def look() -> None:
        while not is_over.wait(_LOOK_EVERY_S):
            if os.getppid() != parent:
                loop.call_soon_threadsafe(stop.set)
                if not is_over.wait(patience_s):
                    os._exit(1)

    watching = threading.Thread(target=look, name="parent-watch", daemon=True)
    watching.start()
    try:
        yield
    finally:
        is_over.set()
        watching.join()


def _is_detached() -> bool:
    return signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
