"""Loading and replacing workers: isolation, faults of module code, versions side by side."""

import asyncio
import gc
import logging
import sys
import threading
import tracemalloc
import weakref
from pathlib import Path
from types import ModuleType

import pytest

from runtime._dispatch.node import Node
from runtime._loader.isolate import NAMESPACE
from runtime.errors import WorkerLoadError

HELLO = """
    from workers import Response
    async def on_fetch(request):
        return Response("{text}")
    """


# Isolation


async def test_two_workers_with_different_modules_of_one_name(workers) -> None:
    source = """
        from workers import Response
        import utils
        async def on_fetch(request):
            from utils import who
            import importlib
            return Response(f"{utils.who} {who} {importlib.import_module('utils').who}")
        """
    await workers.load("a", source, utils="who = 'a'")
    await workers.load("b", source, utils="who = 'b'")

    assert await workers.text("a") == "a a a"
    assert await workers.text("b") == "b b b"
    assert "utils" not in sys.modules


async def test_a_library_imports_modules_of_the_worker_that_calls_it(workers) -> None:
    source = """
        import pkgutil
        from workers import Response
        async def on_fetch(request):
            # Calls importlib.import_module, as frameworks do.
            return Response(pkgutil.resolve_name("mine:handle")())
        """
    for name in ("a", "b"):
        await workers.load(name, source, mine=f"def handle(): return 'of {name}'")

    assert [await workers.text(name) for name in ("a", "b")] == ["of a", "of b"]


@pytest.mark.parametrize(
    ("source", "reason", "line"),
    [
        ("x = 1\ndef oops(:\n    pass\n", "SyntaxError: invalid syntax", 2),
        ("if True:\nx = 1\n", "IndentationError: expected an indented block", 2),
        ("import json\njson.loads('[')\n", "JSONDecodeError: Expecting value", 2),
        ("def f():\n    raise KeyError('k')\nf()\n", "KeyError: 'k'", 2),
        ("raise SystemExit(3)", "SystemExit: 3", 1),
        ("raise KeyboardInterrupt", "KeyboardInterrupt", 1),
        ("import part", "SyntaxError: invalid syntax", 1),
        ("eval('1 +')", "SyntaxError: invalid syntax", 1),
    ],
)
async def test_a_fault_of_module_code_takes_down_one_worker_and_names_file_and_line(
    workers, source: str, reason: str, line: int
) -> None:
    await workers.load("fine", HELLO.format(text="fine"))

    error = await workers.load_error("broken", source, part="def oops(:")

    file = "part.py" if source == "import part" else "entry.py"
    assert error.reason.startswith(reason)
    assert (Path(error.file).name, error.line) == (file, line)
    assert f"{file}:{line})" in str(error)
    assert "runtime/" not in error.details
    assert await workers.text("fine") == "fine"
    with pytest.raises(WorkerLoadError, match='worker "broken" cannot be loaded: ') as caught:
        await workers.text("broken")
    assert (caught.value.details, caught.value.line) == (error.details, line)
    await workers.load("broken", HELLO.format(text="mended"))
    assert await workers.text("broken") == "mended"


@pytest.mark.parametrize(
    ("imported", "hint"),
    [
        ("missing_package", 'pip install "missing_package"'),
        ("missing_package.part", 'pip install "missing_package"'),
        ("declared_one", 'pip install "declared-one>=2,<3"'),
    ],
)
async def test_a_missing_package_is_answered_with_how_to_install_it(
    workers, make_worker, imported: str, hint: str
) -> None:
    folder = make_worker("demo", "")
    (folder / "pyproject.toml").write_text(
        '[project]\nname = "demo"\ndependencies = ["declared-one-extra", "declared-one>=2,<3"]\n'
    )

    error = await workers.load_error("demo", f"x = 1\nimport {imported}")

    top = imported if "part" not in imported else "missing_package"
    assert f"ModuleNotFoundError: No module named '{top}'" in error.reason
    assert hint in error.reason
    assert error.line == 2


async def test_a_missing_module_of_the_workers_own_gets_no_such_hint(workers) -> None:
    error = await workers.load_error("demo", "import shop.missing", shop="")

    assert "No module named 'shop.missing'" in error.reason
    assert "pip" not in error.reason


async def test_a_missing_main_module_is_a_load_error(workers, read_worker) -> None:
    config = read_worker("demo", "")
    config.main.unlink()

    error = (await workers.node.load(config)).error

    assert "its main module does not exist" in str(error)
    assert error.file == str(config.main)


@pytest.mark.parametrize("content", [b"[project", b"\xff"])
async def test_an_unreadable_pyproject_is_a_load_error(workers, make_worker, content) -> None:
    folder = make_worker("demo", "")
    (folder / "pyproject.toml").write_bytes(content)

    error = await workers.load_error("demo", HELLO)

    assert "pyproject.toml cannot be read: " in str(error)


# Module code that does not end


@pytest.mark.parametrize(
    "source",
    [
        "x = 1\nwhile True: pass\n",
        "x = 1\nwhile True:\n    try:\n        x += 1\n    except Exception: pass\n",
        "import part\n",
        "import time, contextlib\nfor _ in range(2):\n"
        "    with contextlib.suppress(BaseException):\n        while True: pass\n"
        "from workers import *\ndef on_fetch(): pass\n",
    ],
)
async def test_module_code_that_hangs_is_interrupted(open_workers, source: str) -> None:
    workers = await open_workers(load_timeout_s=0.1)
    await workers.load("fine", HELLO.format(text="fine"))

    loading = asyncio.create_task(
        workers.load_error("hanging", source, part="while True:\n    pass\n")
    )
    meanwhile = await workers.text("fine")
    error = await loading

    assert meanwhile == "fine"
    assert "its module code did not finish within 0.1 s" in str(error)
    assert error.line is not None
    assert Path(error.file).name == ("part.py" if "part" in source else "entry.py")


@pytest.fixture
def gate(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """An installed module with two events, for module code to tell its progress and to wait."""
    module = ModuleType("gate_of_test")
    module.reached, module.opened = threading.Event(), threading.Event()
    monkeypatch.setitem(sys.modules, module.__name__, module)
    return module


async def test_module_code_that_waits_is_left_behind(open_workers, gate) -> None:
    workers = await open_workers(load_timeout_s=0.1)

    error = await workers.load_error("waiting", "import gate_of_test\ngate_of_test.opened.wait()")

    assert "did not finish within 0.1 s" in str(error)
    assert (Path(error.file).name, error.line) == ("entry.py", 2)
    (thread,) = [thread for thread in threading.enumerate() if thread.name == "load waiting"]
    assert thread.daemon
    gate.opened.set()
    thread.join(5)
    assert not thread.is_alive()


async def test_a_cancelled_load_stops_its_thread(workers, read_worker, gate) -> None:
    source = "import gate_of_test\ngate_of_test.reached.set()\nwhile True: pass"
    loading = asyncio.create_task(workers.node.load(read_worker("demo", source)))
    await asyncio.to_thread(gate.reached.wait, 5)
    (thread,) = [thread for thread in threading.enumerate() if thread.name == "load demo"]

    loading.cancel()
    await asyncio.wait([loading])

    await asyncio.to_thread(thread.join, 5)
    assert not thread.is_alive()
    assert loading.cancelled()
    assert list(workers.node.workers) == []


# Versions


GATED = """
    import asyncio
    from workers import Response, WorkerEntrypoint
    import part
    gate = asyncio.Event()
    class Default(WorkerEntrypoint):
        async def fetch(self, request):
            await gate.wait()
            import part as again
            import lazy, importlib
            from lazy import value
            from lazy_package.inner import deep
            late = importlib.import_module("lazy")
            assert again is part and late is lazy
            return Response(f"{part.value} {value} {deep} {self.env.WORD}")
        async def open(self):
            gate.set()
    """


def files(value: str) -> dict[str, str]:
    return {"part": f"value = '{value}'", "lazy": f"import part\nvalue = part.value + '{value}'"}


async def test_reload_gives_a_fresh_module_set_and_requests_in_flight_finish_on_the_old(
    workers, make_worker
) -> None:
    folder = make_worker("demo", "")
    inner = folder / "src" / "lazy_package" / "inner.py"
    inner.parent.mkdir()
    inner.write_text("from . import sibling\ndeep = sibling.deep")
    (inner.parent / "sibling.py").write_text("deep = 'deep'")
    word = '[vars]\nWORD = "WORD"\n'
    await workers.load("demo", GATED, config=word.replace('"WORD"', '"one"'), **files("1"))
    old = workers.node.find("demo")
    running = [asyncio.create_task(workers.text("demo")) for _ in range(2)]
    await asyncio.sleep(0)

    await workers.load("demo", GATED, config=word.replace('"WORD"', '"two"'), **files("2"))
    await workers.call("demo", "open")
    after = await workers.text("demo")
    still_running = [task for task in running if not task.done()]
    await old.invoke("open", (), {})

    assert len(still_running) == 2
    assert after == "2 22 deep two"
    assert await asyncio.gather(*running) == ["1 12 deep one"] * 2


async def test_code_that_outlives_its_version_still_imports(open_workers, make_worker) -> None:
    workers = await open_workers(retire_s=0.01)
    folder = make_worker("demo", "")
    (folder / "src" / "lazy_package").mkdir()
    (folder / "src" / "lazy_package" / "inner.py").write_text("deep = 'deep'")
    await workers.load("demo", GATED, config='[vars]\nWORD = "one"\n', **files("1"))
    old = workers.node.find("demo")
    running = asyncio.create_task(workers.text("demo"))
    await asyncio.sleep(0)
    await workers.load("demo", GATED, config='[vars]\nWORD = "two"\n', **files("2"))
    await old.close()
    package = old.isolate.package

    registered = [name for name in sys.modules if name.startswith(package)]
    await old.invoke("open", (), {})

    assert registered == []
    assert await running == "1 12 deep one"
    assert [name for name in sys.modules if name.startswith(package)] == []


async def test_a_version_that_does_not_load_takes_the_place_of_the_old(workers) -> None:
    await workers.load("demo", HELLO.format(text="old"))

    await workers.load_error("demo", "raise ValueError('new')")

    with pytest.raises(WorkerLoadError, match="ValueError: new"):
        await workers.text("demo")


async def test_what_a_worker_registers_is_closed_with_it_newest_first(workers, caplog) -> None:
    await workers.load("demo", HELLO)
    closed: list[str] = []
    worker = workers.node.find("demo")

    async def close(name: str) -> None:
        closed.append(name)
        if name == "failing":
            raise ValueError("close failed")

    for name in ("first", "failing", "last"):
        worker.on_close(lambda name=name: close(name))
    await worker.close()
    await worker.close()

    assert closed == ["last", "failing", "first"]
    assert [record.getMessage() for record in caplog.records] == ['worker "demo": closing failed']


async def test_an_asgi_application_starts_once_a_version_and_stops_with_it(workers) -> None:
    source = """
        import asgi
        log = []
        async def app(scope, receive, send):
            if scope["type"] == "lifespan":
                await receive()
                await send({"type": "lifespan.startup.complete"})
                await receive()
                log.append("stopped")
                await send({"type": "lifespan.shutdown.complete"})
                return
            log.append(scope["env"].WORD)
            await send({"type": "http.response.start", "status": 200, "headers": []})
            await send({"type": "http.response.body", "body": str(log).encode()})
        async def on_fetch(request, env):
            return await asgi.fetch(app, request, env)
        async def on_scheduled():
            return log
        """
    await workers.load("demo", source, config='[vars]\nWORD = "w"\n')
    old = workers.node.find("demo")
    texts = [await workers.text("demo") for _ in range(2)]

    await old.close()

    assert texts == ["['w']", "['w', 'w']"]
    assert await old.invoke("scheduled", (), {}) == ["w", "w", "stopped"]


async def test_closing_a_node_lets_what_runs_finish(open_workers) -> None:
    workers = await open_workers()
    await workers.load("demo", GATED, config='[vars]\nWORD = "w"\n', **files("1"))
    worker = workers.node.find("demo")
    running = asyncio.create_task(worker.invoke("open", (), {}))

    async with asyncio.timeout(5):
        await workers.node.__aexit__(None, None, None)

    assert running.done()
    assert list(workers.node.workers) == []


async def test_loading_reports_its_time_and_the_modules_stay_private(workers, read_worker) -> None:
    report = await workers.node.load(read_worker("demo", HELLO))

    assert report.worker == "demo"
    assert 0 < report.seconds < 5
    assert report.error is None


async def test_secrets_of_replaced_versions_stay_secret(workers, make_worker) -> None:
    folder = make_worker("demo", "")
    for secret in ("first-secret", "second-secret"):
        (folder / ".dev.vars").write_text(f"TOKEN={secret}\n")
        await workers.load("demo", HELLO)

    assert workers.node.sensitive == {"first-secret", "second-secret"}


def size_of(node: Node) -> tuple[int, int]:
    gc.collect()
    private = [name for name in sys.modules if name.startswith(NAMESPACE)]
    return len(private), tracemalloc.get_traced_memory()[0]


@pytest.mark.timeout(60)
async def test_200_reloads_leave_nothing_behind(workers, read_worker) -> None:
    config = read_worker(
        "demo",
        """
        import logging
        from dataclasses import dataclass
        from workers import Response, WorkerEntrypoint, waitUntil
        import part
        logger = logging.getLogger(__name__)
        ballast = bytearray(100_000)
        @dataclass
        class Point:
            x: int
        class Default(WorkerEntrypoint):
            async def fetch(self, request):
                async def later(): pass
                async def body():
                    yield str(Point(part.value))
                waitUntil(later())
                return Response(body())
        """,
        part="value = 1",
    )
    worker = None

    async def reload() -> None:
        nonlocal worker
        await workers.node.load(config)
        assert "Point" in await workers.text("demo")
        worker = workers.node.find("demo")
        await asyncio.gather(*workers.node._retiring)

    tracemalloc.start()
    try:
        for _ in range(20):
            await reload()
        gone = weakref.ref(worker.isolate)
        modules, memory = size_of(workers.node)
        for _ in range(200):
            await reload()
        worker = None
        more_modules, more_memory = size_of(workers.node)
    finally:
        tracemalloc.stop()

    assert more_modules == modules
    assert gone() is None
    # 200 kept versions would be 20 MB of ballast alone.
    assert more_memory - memory < 1_000_000


async def test_workers_may_load_while_others_do_and_while_requests_are_answered(workers) -> None:
    await workers.load("busy", HELLO.format(text="busy"))
    names = [f"w{number}" for number in range(8)]

    loads = [asyncio.create_task(workers.load(name, HELLO.format(text=name))) for name in names]
    answers = [await workers.text("busy") for _ in range(50)]
    await asyncio.gather(*loads)

    assert set(answers) == {"busy"}
    assert [await workers.text(name) for name in names] == names


async def test_unserved_kinds_are_warned_about_once_a_load(workers, caplog) -> None:
    caplog.set_level(logging.WARNING)
    await workers.load(
        "demo", HELLO, config='[[r2_buckets]]\nbinding = "BUCKET"\nbucket_name = "files"\n'
    )

    warnings = [record.getMessage() for record in caplog.records]
    assert len(warnings) == 1
    assert '"BUCKET"' in warnings[0]
