"""When `runtime serve` ends."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Iterator

import pytest

from runtime._dev.ending import stop_on_signals, stop_with_parent

PATIENCE_S = 10
# A parent that starts a child, tells its process id, and ends when it is told to; the child
# reports that it has stopped by ending.
PARENT = """
import subprocess, sys
child = subprocess.Popen([sys.executable, "-c", sys.argv[1]], stdout=sys.stdout)
sys.stdin.read()
"""
CHILD = """
import asyncio, sys
from runtime._dev.ending import stop_with_parent
async def main(is_busy):
    stop = asyncio.Event()
    with stop_with_parent(stop, patience_s=0.1 if is_busy else 60):
        print("begun", flush=True)
        while is_busy:
            pass
        await stop.wait()
    print("stopped", flush=True)
asyncio.run(main({is_busy}))
"""


@pytest.fixture
def ignored_hangup() -> Iterator[None]:
    """Be under `nohup`."""
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    yield
    signal.signal(signal.SIGHUP, before)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
async def test_a_signal_stops(number: signal.Signals) -> None:
    stop = asyncio.Event()

    with stop_on_signals(stop):
        os.kill(os.getpid(), number)
        await asyncio.wait_for(stop.wait(), PATIENCE_S)

    assert stop.is_set()


async def test_afterwards_signals_do_what_they_did_before() -> None:
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = [signal.getsignal(number) for number in numbers]

    with stop_on_signals(asyncio.Event()):
        during = [signal.getsignal(number) for number in numbers]

    assert not set(before) & set(during)
    assert [signal.getsignal(number) for number in numbers] == before


async def test_under_nohup_a_closed_terminal_stops_nothing(ignored_hangup) -> None:
    stop = asyncio.Event()

    with stop_on_signals(stop), stop_with_parent(stop, patience_s=PATIENCE_S):
        os.kill(os.getpid(), signal.SIGHUP)
        await asyncio.sleep(0)

        assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
        assert not stop.is_set()


async def test_while_its_parent_lives_nothing_stops() -> None:
    stop = asyncio.Event()

    with stop_with_parent(stop, patience_s=PATIENCE_S):
        await asyncio.sleep(0)

    assert not stop.is_set()


@pytest.mark.parametrize(("is_busy", "last_words"), [(False, "stopped\n"), (True, "")])
def test_a_process_whose_parent_has_been_killed_ends_even_if_its_loop_is_busy(
    is_busy: bool, last_words: str
) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", PARENT, CHILD.format(is_busy=is_busy)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as parent:
        assert parent.stdout is not None
        begun = parent.stdout.readline()
        parent.kill()
        # The child holds the pipe open until it ends.
        rest = parent.stdout.read()

    assert (begun, rest) == ("begun\n", last_words)
