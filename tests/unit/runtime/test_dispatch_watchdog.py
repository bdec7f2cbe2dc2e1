"""Worker code that computes too long is interrupted, and nobody else."""

import asyncio
import logging
import signal
import sys
import threading
import time
from collections.abc import Callable, Coroutine
from types import ModuleType
from typing import Any

import pytest
import uvloop

from runtime._dispatch.faults import CpuLimitExceeded
from runtime._dispatch.node import Node, NodeOptions
from runtime._dispatch.watchdog import Watchdog
from runtime._registry import Registry
from runtime.errors import CpuLimitError
from workers import Request

LIMIT = "[limits]\ncpu_ms = 150\n"
HOG = """
    import asyncio, time
    from workers import Response, WorkerEntrypoint, waitUntil
    caught = []

    def spin():
        while True:
            pass

    def spin_for(seconds):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            pass

    async def chunks():
        yield b"first"
        spin()

    async def late():
        await asyncio.sleep(0)
        spin()

    class Hard:
        async def __aenter__(self): pass
        async def __aexit__(self, *_): spin()

    class Default(WorkerEntrypoint):
        async def fetch(self, request):
            match request.url.rpartition("/")[2]:
                case "spin":
                    spin()
                case "awaited":
                    await asyncio.sleep(0)
                    await late()
                case "swallowing":
                    while True:
                        try:
                            spin()
                        except Exception:
                            pass
                case "once":
                    try:
                        spin()
                    except BaseException as fault:
                        caught.append(type(fault).__name__)
                case "sleep":
                    time.sleep(60)
                case "often":
                    for _ in range(40):
                        spin_for(0.01)
                        await asyncio.sleep(0)
                case "stream":
                    return Response(chunks())
                case "later":
                    waitUntil(late())
                case "library":
                    import concurrent.futures
                    concurrent.futures.Future().result()
                case "task":
                    import library_of_test
                    await asyncio.create_task(library_of_test.spin())
                case "orphan":
                    asyncio.get_running_loop().call_soon(spin)
                    await asyncio.sleep(0)
                    await asyncio.sleep(0)
            return Response("ok" + "".join(caught))
        def sync(self):
            spin()
    """


@pytest.fixture
async def hog(workers):
    """A worker that computes on demand."""
    await workers.load("hog", HOG, config=LIMIT)
    return workers


@pytest.fixture
def library(monkeypatch: pytest.MonkeyPatch) -> None:
    """An installed package whose coroutine computes for ever."""
    module = ModuleType("library_of_test")
    exec("async def spin():\n    while True: pass", vars(module))
    monkeypatch.setitem(sys.modules, module.__name__, module)


@pytest.mark.parametrize("path", ["spin", "awaited", "swallowing", "library"])
async def test_a_handler_that_computes_too_long_is_interrupted_and_the_next_works(
    hog, path: str
) -> None:
    began = time.monotonic()
    with pytest.raises(CpuLimitError) as caught:
        await hog.fetch("hog", f"http://test/{path}")
    took_s = time.monotonic() - began

    assert str(caught.value).startswith(
        'worker "hog": fetch computed longer than 150 ms (limits.cpu_ms) without yielding and was '
        "interrupted ("
    )
    assert "entry.py:" in str(caught.value)
    assert 0.15 <= took_s < 5
    assert await hog.text("hog") == "ok"


async def test_a_sync_method_is_interrupted_too(hog) -> None:
    with pytest.raises(CpuLimitError, match="sync computed longer"):
        await hog.call("hog", "sync")


async def test_a_call_that_blocks_is_interrupted(hog) -> None:
    with pytest.raises(CpuLimitError):
        await hog.fetch("hog", "http://test/sleep")


async def test_code_that_catches_the_interruption_goes_on(hog) -> None:
    assert await hog.text("hog", "http://test/once") == "okCpuLimitExceeded"


async def test_code_that_yields_may_compute_as_long_as_it_likes(hog) -> None:
    assert await hog.text("hog", "http://test/often") == "ok"


async def test_a_body_that_computes_too_long_breaks_off(hog) -> None:
    response = await hog.fetch("hog", "http://test/stream")

    with pytest.raises(CpuLimitError, match="a streamed body computed longer"):
        await response.text()
    assert await hog.text("hog") == "ok"


async def test_late_work_that_computes_too_long_is_logged(hog, caplog) -> None:
    worker = hog.node.find("hog")

    answer = await hog.text("hog", "http://test/later")
    await worker.close()

    (record,) = [record for record in caplog.records if record.levelno == logging.ERROR]
    assert answer == "ok"
    assert "waitUntil work computed longer than 150 ms" in str(record.exc_info[1])


async def test_a_callback_that_computes_too_long_ends_nothing_but_itself(hog, caplog) -> None:
    answer = await hog.text("hog", "http://test/orphan")

    assert answer == "ok"
    assert "CpuLimitExceeded" in caplog.text


async def test_a_librarys_task_is_the_workers_that_started_it(hog, library) -> None:
    with pytest.raises(CpuLimitError):
        await hog.fetch("hog", "http://test/task")


async def test_an_innocent_invocation_in_the_same_turn_is_not_hit(hog) -> None:
    await hog.load("innocent", HOG, config=LIMIT)

    results = await asyncio.gather(
        *[hog.text("innocent", "http://test/often") for _ in range(3)],
        hog.text("hog", "http://test/spin"),
        *[hog.text("innocent", "http://test/often") for _ in range(3)],
        return_exceptions=True,
    )

    hogs = [result for result in results if isinstance(result, BaseException)]
    assert [type(error) for error in hogs] == [CpuLimitError]
    assert results.count("ok") == 6


async def test_many_short_steps_in_one_turn_are_not_one_long_one(workers) -> None:
    await workers.load(
        "busy",
        """
        import time
        from workers import Response
        async def on_fetch(request):
            end = time.monotonic() + 0.1
            while time.monotonic() < end: pass
            return Response("ok")
        """,
        config=LIMIT,
    )

    texts = await asyncio.gather(*[workers.text("busy") for _ in range(6)])

    assert texts == ["ok"] * 6


async def test_the_callees_limit_counts_for_the_callee(workers) -> None:
    await workers.load("callee", HOG, config=LIMIT)
    await workers.load(
        "caller",
        """
        from workers import Response
        async def on_fetch(request, env):
            try:
                await env.HOG.fetch("http://h/spin")
            except Exception as error:
                return Response(f"{type(error).__name__} {error}")
        """,
        config='[[services]]\nbinding = "HOG"\nservice = "callee"\n',
    )

    text = await workers.text("caller")

    assert text.startswith('CpuLimitError worker "callee": fetch computed longer than 150 ms')


async def test_an_old_version_keeps_its_own_limit(workers) -> None:
    gated = HOG.replace(
        "        async def fetch(self, request):\n",
        "        async def fetch(self, request):\n"
        "            while request.url.endswith('/later-spin') and not caught:\n"
        "                await asyncio.sleep(0)\n"
        "            if request.url.endswith('/later-spin'): spin()\n",
    ).replace(
        "        def sync(self):\n",
        "        def go(self): caught.append('')\n        def s(self):\n",
    )
    await workers.load("hog", gated, config=LIMIT)
    old = workers.node.find("hog")
    running = asyncio.create_task(workers.text("hog", "http://test/later-spin"))
    await asyncio.sleep(0)
    await workers.load("hog", HOG, config="[limits]\ncpu_ms = 300000\n")
    await old.invoke("go", (), {})

    with pytest.raises(CpuLimitError, match="150 ms"):
        await running


async def test_the_runtimes_own_code_is_never_interrupted(hog) -> None:
    # A step of nobody's, longer than any limit, while an invocation is open.
    response = await hog.fetch("hog", "http://test/stream")

    end = time.monotonic() + 0.4
    while time.monotonic() < end:
        pass

    assert time.monotonic() >= end
    await response.body.cancel()


@pytest.mark.parametrize("module", ["runtime.of_test", "kvstore.of_test", "pdb"])
async def test_what_keeps_state_for_all_is_not_broken_into_though_a_worker_calls_it(
    workers, monkeypatch: pytest.MonkeyPatch, module: str
) -> None:
    shared = ModuleType("shared_of_test")
    shared.steps = []
    scope = {"__name__": module, "steps": shared.steps, "time": time}
    exec(
        "def spin():\n"
        "    end = time.monotonic() + 0.4\n"
        "    while time.monotonic() < end: pass\n"
        "    steps.append('all done')\n",
        scope,
    )
    shared.spin = scope["spin"]
    monkeypatch.setitem(sys.modules, shared.__name__, shared)
    await workers.load(
        "demo",
        """
        import shared_of_test
        from workers import Response
        async def on_fetch():
            try:
                shared_of_test.spin()
            finally:
                return Response("ok")
        """,
        config=LIMIT,
    )

    await workers.text("demo")

    assert shared.steps == ["all done"]


async def test_a_stray_signal_does_nothing_but_reach_who_was_there_before(workers) -> None:
    seen: list[int] = []
    mine = signal.signal(signal.SIGURG, lambda number, frame: seen.append(number))
    try:
        watchdog = Watchdog()
        watchdog.start()
        signal.raise_signal(signal.SIGURG)
        watchdog.stop()
        signal.raise_signal(signal.SIGURG)
    finally:
        signal.signal(signal.SIGURG, mine)

    assert seen == [signal.SIGURG] * 2


async def test_a_watchdog_that_was_never_started_can_be_stopped() -> None:
    watchdog = Watchdog()

    watchdog.stop()

    assert signal.getsignal(signal.SIGURG) is not watchdog._on_signal


@pytest.fixture
def outcomes(read_worker, outbound, tmp_path) -> Callable[..., Coroutine[Any, Any, list[str]]]:
    """Run the paths of a hog one after the other in a node of the running loop."""

    async def run(*paths: str) -> list[str]:
        found = []
        options = NodeOptions(mode="test", data_dir=tmp_path, environ={})
        async with Node(registry=Registry([]), options=options, outbound=outbound) as node:
            await node.load(read_worker("hog", HOG, config=LIMIT))
            for path in paths:
                try:
                    request = Request(f"http://test/{path}")
                    response = await node.find("hog").invoke("fetch", (request,), {})
                    found.append(await response.text())
                except CpuLimitError as error:
                    found.append(str(error).partition(" computed")[0])
        return found

    return run


def test_a_loop_in_another_thread_is_watched_too(outcomes) -> None:
    found: list[str] = []

    thread = threading.Thread(target=lambda: found.extend(asyncio.run(outcomes("spin", ""))))
    thread.start()
    thread.join()

    assert found == ['worker "hog": fetch', "ok"]


@pytest.mark.parametrize("path", ["spin", "awaited", "sleep", "task"])
def test_uvloop_is_watched_too(outcomes, library, path: str) -> None:
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        found = runner.run(outcomes(path, ""))

    assert found == ['worker "hog": fetch', "ok"]


def test_a_loop_that_is_closed_ends_the_watching(outbound) -> None:
    watchdog = Watchdog()

    async def start() -> None:
        watchdog.start()

    asyncio.run(start())

    assert watchdog._thread is not None
    watchdog._thread.join(5)
    assert not watchdog._thread.is_alive()
    watchdog.stop()


def test_the_interruption_is_no_exception_that_code_would_catch() -> None:
    assert not issubclass(CpuLimitExceeded, Exception)
