"""`setTimeout` and its kin: a timer is `waitUntil` work of the invocation that sets it."""

import asyncio
import inspect
from collections.abc import Callable
from typing import Any

from workers._host import require_host

__all__ = ["Timer", "clearInterval", "clearTimeout", "setInterval", "setTimeout"]


class Timer:
    """What `clearTimeout` takes."""

    __slots__ = ("_task",)

    def __init__(self, task: asyncio.Task[None]) -> None:
        self._task = task

    def cancel(self) -> None:
        """Stop it; one that has run is left as it is."""
        self._task.cancel()


def setTimeout(function: Callable[..., Any], delay: float = 0, *args: Any) -> Timer:
    """Call `function(*args)` after `delay` milliseconds; a coroutine that it returns is awaited.

    It lives as long as its invocation: up to 30 s after the response. What it raises is logged.
    """
    return _started("setTimeout", _once(function, delay, args))


def setInterval(function: Callable[..., Any], delay: float = 0, *args: Any) -> Timer:
    """Call `function(*args)` every `delay` milliseconds, until it is cleared or raises."""
    return _started("setInterval", _again_and_again(function, delay, args))


def clearTimeout(timer: Timer | None = None) -> None:
    """Stop a timer; None, and one that has run, are passed over."""
    if timer is not None:
        timer.cancel()


clearInterval = clearTimeout


async def _once(function: Callable[..., Any], delay: float, args: tuple[Any, ...]) -> None:
    await asyncio.sleep(delay / 1000)
    result = function(*args)
    if inspect.isawaitable(result):
        await result


async def _again_and_again(
    function: Callable[..., Any], delay: float, args: tuple[Any, ...]
) -> None:
    while True:
        await _once(function, delay, args)


def _started(name: str, work: Any) -> Timer:
    try:
        host = require_host(name)
    except RuntimeError:
        work.close()
        raise
    task = asyncio.create_task(work)
    host.wait_until(task)
    return Timer(task)
