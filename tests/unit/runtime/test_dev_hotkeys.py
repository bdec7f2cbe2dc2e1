"""Single keys, typed into a terminal of the test's own."""

import asyncio
import os
import pty
import signal
import sys
import termios
from collections.abc import Iterator

import pytest

from runtime._dev.hotkeys import listen_for_keys

PATIENCE_S = 10
# Turns of the loop: enough for what has happened already to be noticed.
TURNS = 20


@pytest.fixture
def keyboard(monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    """Make standard input a terminal; what is written to this descriptor is typed there."""
    keyboard, terminal = pty.openpty()
    stdin = os.fdopen(terminal, "r")
    monkeypatch.setattr(sys, "stdin", stdin)
    # Whether a test runner stands in the foreground of its terminal is nothing to depend on.
    monkeypatch.setattr(os, "tcgetpgrp", lambda descriptor: os.getpgrp())
    yield keyboard
    stdin.close()
    try:
        os.close(keyboard)
    except OSError:
        # The test has closed the terminal itself.
        return


def local_modes() -> int:
    return termios.tcgetattr(sys.stdin.fileno())[3]


async def test_each_key_calls_its_action_whether_shifted_or_not(keyboard: int) -> None:
    pressed: asyncio.Queue[str] = asyncio.Queue()
    actions = {key: lambda key=key: pressed.put_nowait(key) for key in "rx"}

    with listen_for_keys(actions) as is_listening:
        os.write(keyboard, b"rqX\xc3\xa9x")
        keys = [await asyncio.wait_for(pressed.get(), PATIENCE_S) for _ in range(3)]

    assert is_listening
    assert keys == ["r", "x", "x"]


async def test_the_terminal_is_put_back_as_it_was(keyboard: int) -> None:
    before = local_modes()

    with listen_for_keys({}):
        during = local_modes()

    assert before & termios.ICANON
    assert not during & (termios.ICANON | termios.ECHO)
    assert during & termios.ISIG
    assert local_modes() == before


async def test_after_a_pause_the_terminal_is_taken_again(keyboard: int) -> None:
    taken = asyncio.Event()
    with listen_for_keys({"r": taken.set}):
        modes = termios.tcgetattr(sys.stdin.fileno())
        modes[3] |= termios.ICANON
        termios.tcsetattr(sys.stdin.fileno(), termios.TCSANOW, modes)

        os.kill(os.getpid(), signal.SIGCONT)
        for _ in range(TURNS):
            await asyncio.sleep(0)
        os.write(keyboard, b"r")
        await asyncio.wait_for(taken.wait(), PATIENCE_S)

    assert taken.is_set()


async def test_a_terminal_that_is_closed_is_read_no_more(keyboard: int) -> None:
    loop = asyncio.get_running_loop()
    with listen_for_keys({}):
        descriptor = sys.stdin.fileno()
        os.close(keyboard)
        for _ in range(TURNS):
            await asyncio.sleep(0)
        was_read = loop.remove_reader(descriptor)

    assert not was_read


async def test_where_input_is_no_terminal_nothing_is_read(tmp_path, monkeypatch) -> None:
    file = tmp_path / "input"
    file.write_text("x")
    with file.open() as stdin:
        monkeypatch.setattr(sys, "stdin", stdin)

        with listen_for_keys({}) as is_listening:
            assert not is_listening


async def test_without_any_input_nothing_is_read(monkeypatch) -> None:
    monkeypatch.setattr(sys, "stdin", None)

    with listen_for_keys({}) as is_listening:
        assert not is_listening
