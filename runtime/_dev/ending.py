"""When `runtime serve` ends: it is told to, its terminal closes, or its parent goes."""

import asyncio
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager

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

    def on_signal(number: signal.Signals) -> None:
        if stop.is_set():
            os._exit(128 + number)
        stop.set()

    for number in numbers:
        loop.add_signal_handler(number, on_signal, number)
    try:
        yield
    finally:
        for number in numbers:
            loop.remove_signal_handler(number)


@contextmanager
def stop_with_parent(stop: asyncio.Event) -> Iterator[None]:
    """Set `stop` when the process that started this one has ended, however it did.

    Nothing is done for a process that was meant to outlive its parent: under `nohup`, or started
    by the init system.
    """
    parent = os.getppid()
    if parent == 1 or _is_detached():
        yield
        return
    loop = asyncio.get_running_loop()
    timer: asyncio.TimerHandle

    def look() -> None:
        nonlocal timer
        if os.getppid() == parent:
            timer = loop.call_later(_LOOK_EVERY_S, look)
        else:
            stop.set()

    timer = loop.call_later(_LOOK_EVERY_S, look)
    try:
        yield
    finally:
        timer.cancel()


def _is_detached() -> bool:
    return signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
