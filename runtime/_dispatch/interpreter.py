"""What the interpreter is told at start, so that the event loop is not kept waiting."""

import gc
import sys

__all__ = ["keep_loop_free"]

_SWITCH_S = 0.001


def keep_loop_free() -> None:
    """Shorten what keeps the loop's thread from running: other threads, and garbage collection.

    A thread that computes gives the interpreter up after a millisecond instead of five. And what
    has been imported so far is not searched for garbage any more, which takes 30 ms each time.
    """
    sys.setswitchinterval(_SWITCH_S)
    gc.freeze()
