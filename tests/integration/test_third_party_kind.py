"""A binding kind from a distribution of its own: installed, configured, used over HTTP."""

import subprocess
import sys
import textwrap
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

# What the wheel of such a distribution holds: its metadata, and one module that imports
# runtime.plugins.
METADATA = {
    "METADATA": "Metadata-Version: 2.1\nName: edgestead-tally\nVersion: 1.2\n",
    "WHEEL": "Wheel-Version: 1.0\nGenerator: hand\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    "entry_points.txt": "[edgestead.bindings]\ntally = edgestead_tally:Plugin\n",
    "RECORD": "",
}
MODULE = """
    import asyncio
    from contextlib import asynccontextmanager
    from dataclasses import dataclass

    from runtime.plugins import BindingPlugin, HostError

    __all__ = ["Plugin"]

    @dataclass(frozen=True)
    class CounterSpec:
        start: int

    class Counter:
        def __init__(self, totals, name, start):
            self._totals, self._name, self._start = totals, name, start

        async def add(self, by=1):
            self._totals[self._name] = self._totals.get(self._name, self._start) + by
            return self._totals[self._name]

    class Plugin(BindingPlugin):
        kinds = ("tally",)
        sections = {"tallys": "tally"}

        def parse(self, raw, report):
            start = raw.fields.get("start", 0)
            if not isinstance(start, int):
                reason = f'"{raw.name}" starts at a number, not {start!r}.'
                report.add_error(reason, raw.position)
                return None
            return CounterSpec(start)

        @asynccontextmanager
        async def own(self, host):
            fault = host.option("tally", "fault", "")
            if fault == "host":
                raise HostError("the counters are kept by another process")
            if fault:
                raise RuntimeError(fault)
            async with asyncio.TaskGroup():
                yield {}

        @asynccontextmanager
        async def open(self, host):
            self._host = host
            yield self

        def bind(self, spec, worker):
            return Counter(self._host.owner("tally"), worker, spec.start)
    """
WORKER = """
    from workers import Response, WorkerEntrypoint

    class Default(WorkerEntrypoint):
        async def fetch(self, request):
            if request.url.endswith("/plain"):
                return Response("plain")
            return Response(str(await self.env.COUNT.add()))
    """


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The folder that such a distribution is installed in, for a process to look into."""
    folder = tmp_path_factory.mktemp("tally")
    wheel = folder / "edgestead_tally-1.2-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr("edgestead_tally.py", textwrap.dedent(MODULE))
        for name, text in METADATA.items():
            archive.writestr(f"edgestead_tally-1.2.dist-info/{name}", text)
    site = folder / "site"
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    command += ["--no-deps", "--no-index", "--target", str(site), str(wheel)]
    subprocess.run(command, check=True)
    return str(site)


@pytest.fixture
def folder(make_worker: Callable[..., Path]) -> Path:
    """A worker that uses the kind, by the config key that comes with it."""
    config = '[[tallys]]\nbinding = "COUNT"\nstart = 40\n'
    return make_worker("demo", textwrap.dedent(WORKER), config=config)


def test_an_installed_kind_is_used_like_a_built_in_one(serve, installed, folder: Path) -> None:
    server = serve(folder, PYTHONPATH=installed)
    before = [server.get("/").text for _ in range(2)]

    source = folder / "src" / "entry.py"
    source.write_text(source.read_text() + "\nchanged = True\n")
    server.wait_for("reloaded worker")

    assert before == ["41", "42"]
    # What the kind owns outlives a reload.
    assert server.get("/").text == "43"
    assert "warning" not in server.output
    assert server.interrupt() == 0


def test_without_its_distribution_the_worker_loads_and_the_section_is_unknown(
    serve, folder: Path
) -> None:
    server = serve(folder)

    assert server.get("/plain").text == "plain"
    assert "tallys" in server.output
    assert server.get("/").status_code == 500


def test_its_own_check_of_a_config_names_the_place(serve, installed, make_worker) -> None:
    config = '[[tallys]]\nbinding = "COUNT"\nstart = "high"\n'
    folder = make_worker("demo", textwrap.dedent(WORKER), config=config)

    server = serve(folder, PYTHONPATH=installed)

    page = server.get("/")
    assert page.status_code == 500
    assert "\"COUNT\" starts at a number, not 'high'." in page.text
    assert "wrangler.toml:" in page.text


def test_a_kind_that_does_not_open_is_told_and_unavailable(serve, installed, folder: Path) -> None:
    server = serve(folder, PYTHONPATH=installed, EDGESTEAD_TALLY_FAULT="out of order")

    assert server.get("/plain").text == "plain"
    page = server.get("/")
    assert page.status_code == 500
    assert 'kind "tally" of "COUNT", failed: RuntimeError: out of order' in page.text
    assert "edgestead_tally:Plugin of edgestead-tally 1.2" in server.output


def test_a_kind_may_end_the_command_with_a_message(refused, installed, folder: Path) -> None:
    code, output = refused(
        "serve", folder, "--port", "0", PYTHONPATH=installed, EDGESTEAD_TALLY_FAULT="host"
    )

    assert code == 1
    assert "error: the counters are kept by another process" in output
    assert "Traceback" not in output


def test_two_distributions_of_one_kind_are_refused_naming_both(
    refused, installed, folder: Path, tmp_path: Path
) -> None:
    other = tmp_path / "other" / "rival-1.0.dist-info"
    other.mkdir(parents=True)
    (other / "METADATA").write_text("Metadata-Version: 2.1\nName: rival\nVersion: 1.0\n")
    (other / "entry_points.txt").write_text(
        "[edgestead.bindings]\nrival = edgestead_tally:Plugin\n"
    )

    code, output = refused("serve", folder, PYTHONPATH=f"{installed}:{other.parent}")

    assert code == 1
    assert 'the binding kind "tally" is served by edgestead_tally:Plugin of ' in output
    assert "edgestead-tally 1.2" in output
    assert "rival 1.0" in output
    assert "Traceback" not in output
