"""What worker code ends with besides an Exception, and what its caller sees instead."""

import ctypes
from collections.abc import Sequence

from runtime._loader.load import place_in
from runtime.errors import CpuLimitError

__all__ = ["FAULTS", "CpuLimitExceeded", "error_of", "interrupt_thread"]


class CpuLimitExceeded(BaseException):
    """Raised inside worker code that computes too long.

    Not an Exception, so that a worker's `except Exception` does not swallow it.
    """


# Let out of a task, SystemExit would end the event loop, and with it every other worker.
FAULTS = (CpuLimitExceeded, SystemExit)


def error_of(
    fault: BaseException, worker: str, what: str, cpu_ms: int, roots: Sequence[str]
) -> Exception:
    """Return the Exception that stands for one of `FAULTS`; `what` names what was running."""
    file, line = place_in(fault.__traceback__, roots)
    place = "" if file is None else f" ({file}:{line})"
    if isinstance(fault, CpuLimitExceeded):
        return CpuLimitError(
            f'worker "{worker}": {what} computed longer than {cpu_ms} ms (limits.cpu_ms) '
            f"without yielding and was interrupted{place}"
        )
    return RuntimeError(f'worker "{worker}": {what} tried to end the process: {fault!r}{place}')


def interrupt_thread(thread_id: int) -> None:
    """Raise CpuLimitExceeded in the thread, at its next Python instruction."""
    ctypes.pythonapi.PyThreadState_SetAsyncExc(
        ctypes.c_ulong(thread_id), ctypes.py_object(CpuLimitExceeded)
    )
