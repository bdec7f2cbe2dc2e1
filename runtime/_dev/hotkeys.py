"""Single keys while `runtime serve` runs in a terminal."""

import asyncio
import os
import signal
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress

__all__ = ["listen_for_keys"]


@contextmanager
def listen_for_keys(actions: Mapping[str, Callable[[], None]]) -> Iterator[bool]:
    """Call `actions[key]()` on the event loop for each key pressed; yield whether keys are read.

    The terminal is put back as it was, and taken again after Ctrl-Z and `fg`. Where standard input
    is no terminal, or this process runs in its background, nothing is read.
    """
    if not _is_foreground_terminal():
        yield False
        return
    import termios
    import tty

    descriptor = sys.stdin.fileno()
    before = termios.tcgetattr(descriptor)
    loop = asyncio.get_running_loop()

    def read_keys() -> None:
        try:
            typed = os.read(descriptor, 64)
        except OSError:
            typed = b""
        if not typed:
            # The terminal is closed, and would be ready to be read for ever.
            loop.remove_reader(descriptor)
        for key in typed.decode("ascii", "ignore").lower():
            action = actions.get(key)
            if action is not None:
                action()

    def take_terminal() -> None:
        if _is_foreground_terminal():
            tty.setcbreak(descriptor)

    take_terminal()
    loop.add_signal_handler(signal.SIGCONT, take_terminal)
    loop.add_reader(descriptor, read_keys)
    try:
        yield True
    finally:
        loop.remove_reader(descriptor)
        loop.remove_signal_handler(signal.SIGCONT)
        with suppress(termios.error):
            termios.tcsetattr(descriptor, termios.TCSADRAIN, before)


def _is_foreground_terminal() -> bool:
    try:
        return sys.stdin.isatty() and os.tcgetpgrp(sys.stdin.fileno()) == os.getpgrp()
    except (OSError, ValueError, AttributeError):
        return False
