"""Code that workers declare for commands: found, imported isolated, and told where it is wrong."""

import importlib
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from kvstore import EngineError, KVError
from runtime._cli.hosts import LocalHosts
from runtime._loader.isolate import NAMESPACE
from runtime._registry import Registry
from runtime.errors import HostError, WorkerLoadError

DECLARED = '[tool.edgestead.jobs]\ntidy = "jobs:tidy"\nsweep = "jobs:Broom.sweep"\n'
JOBS = """
import importlib
from shelf import BOOKS

def tidy():
    from late import word
    return [*BOOKS, word, importlib.import_module("late").word]

class Broom:
    @staticmethod
    def sweep(error):
        raise error
"""


@pytest.fixture
def worker(make_worker: Callable[..., Path]) -> Callable[..., Path]:
    """Make a worker with a pyproject.toml and the modules `jobs`, `shelf` and `late`."""

    def make(name: str = "library", declared: str = DECLARED, **modules: str) -> Path:
        modules = {"jobs": JOBS, "shelf": "BOOKS = ['one']", "late": "word = 'late'"} | modules
        folder = make_worker(name, "raise RuntimeError('main is not loaded')", **modules)
        (folder / "pyproject.toml").write_text(declared)
        return folder

    return make


@pytest.fixture
def load(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    """Load what the workers of some folders declare in the group `jobs`."""
    monkeypatch.chdir(tmp_path)
    hosts = LocalHosts(Registry.discover())

    def load_(name: str, *folders: Path) -> Any:
        return hosts.load(hosts.local(config=folders), "jobs", name)

    return load_


def test_code_is_imported_as_the_workers_own_and_taken_out_again(load, worker) -> None:
    before = importlib.import_module
    with load("tidy", worker()) as tidy:
        assert tidy() == ["one", "late", "late"]
        assert tidy.__module__.startswith(f"{NAMESPACE}.library.")

    assert [name for name in sys.modules if name.startswith(f"{NAMESPACE}.library.")] == []
    assert importlib.import_module is before


def test_it_is_found_among_several_workers(load, worker) -> None:
    other = worker("other", '[tool.edgestead]\nother = 1\n[tool.edgestead.jobs]\nread = "x:y"\n')

    with load("tidy", other, worker()) as tidy:
        assert "library" in tidy.__module__


def test_what_nobody_declares_is_told_with_what_there_is(load, worker, make_worker) -> None:
    folders = [worker(), make_worker("plain", "")]

    with pytest.raises(HostError) as raised, load("nothing", *folders):
        pass
    with pytest.raises(HostError, match=r"declared: nothing$"), load("nothing", folders[1]):
        pass

    assert str(raised.value) == (
        'no worker declares "nothing" in [tool.edgestead.jobs] of its pyproject.toml; declared: '
        'tidy (worker "library", library/pyproject.toml), '
        'sweep (worker "library", library/pyproject.toml)'
    )


def test_what_two_declare_is_refused(load, worker) -> None:
    with pytest.raises(HostError) as raised, load("tidy", worker(), worker("twin")):
        pass

    assert str(raised.value) == (
        '"tidy" is declared in [tool.edgestead.jobs] of library/pyproject.toml and '
        "twin/pyproject.toml; name the config of one worker only"
    )


@pytest.mark.parametrize(
    ("declared", "reason"),
    [
        ("[tool", "pyproject.toml cannot be read: "),
        ("tool = 1", "tool.edgestead.jobs is no table"),
        ("[tool.edgestead]\njobs = 1", "tool.edgestead.jobs is no table"),
        ("[tool.edgestead.jobs]\ntidy = 1", 'tool.edgestead.jobs.tidy is a text "module:name"'),
        ("[tool.edgestead.jobs]\ntidy = 'jobs'", "is a text \"module:name\", not 'jobs'"),
        ("[tool.edgestead.jobs]\ntidy = 'os:remove'", "a module that the worker has not: os"),
        ("[tool.edgestead.jobs]\ntidy = 'jobs:tdy'", 'names "tdy", which jobs has not'),
    ],
)
def test_a_declaration_that_is_wrong_is_told_with_its_file(
    load, worker, declared: str, reason: str
) -> None:
    folder = worker(declared=declared)

    with pytest.raises(WorkerLoadError) as raised, load("tidy", folder):
        pass

    assert reason in str(raised.value)
    assert raised.value.file == str(folder / "pyproject.toml")


@pytest.mark.parametrize(
    ("source", "reason", "line"),
    [
        ("\nimport nowhere", "ModuleNotFoundError: No module named 'nowhere'", 2),
        ("x = 1\n\n1 / 0", "ZeroDivisionError: division by zero", 3),
        ("def tidy(:", "SyntaxError: ", 1),
        ("raise SystemExit", "SystemExit", 1),
        ("from workers import env\nenv.KV", "env has no binding", 2),
    ],
)
def test_code_that_cannot_be_imported_is_told_with_its_line(
    load, worker, source: str, reason: str, line: int
) -> None:
    folder = worker(jobs=source)

    with pytest.raises(WorkerLoadError) as raised, load("tidy", folder):
        pass

    assert reason in raised.value.reason
    assert (raised.value.file, raised.value.line) == (str(folder / "src" / "jobs.py"), line)


def test_an_interruption_is_no_fault_of_the_worker(load, worker) -> None:
    with pytest.raises(KeyboardInterrupt), load("tidy", worker(jobs="raise KeyboardInterrupt")):
        pass


def test_what_the_code_raises_is_told_with_its_line(load, worker) -> None:
    folder = worker()

    with pytest.raises(HostError) as raised, load("sweep", folder) as sweep:
        sweep(ValueError("no broom"))

    assert str(raised.value) == (
        f'"sweep" of worker "library" failed: ValueError: no broom ({folder}/src/jobs.py:12)'
    )
    with pytest.raises(HostError, match='"sweep" of worker "library" failed: KVError: KV PUT'):
        with load("sweep", folder) as sweep:
            sweep(KVError("PUT", 413, "too large"))


@pytest.mark.parametrize(
    "error",
    [EngineError("the disk is full"), OSError("gone"), HostError("no"), KeyboardInterrupt()],
)
def test_what_is_no_fault_of_the_code_stays_what_it_is(load, worker, error: Any) -> None:
    with pytest.raises(BaseException) as raised, load("sweep", worker()) as sweep:
        sweep(error)

    assert raised.value is error


def test_a_fault_of_the_command_itself_stays_what_it_is(load, worker) -> None:
    with pytest.raises(ZeroDivisionError), load("tidy", worker()):
        _ = 1 / 0
