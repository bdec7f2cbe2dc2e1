"""Reload on save: whose file it is, and seeing that it changes."""

import asyncio
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from runtime._dev.reloading import WatchedWorker, affected_workers, watch

PATIENCE_S = 10


def worker(folder: Path, *roots: str) -> WatchedWorker:
    return WatchedWorker(
        config_path=folder / "wrangler.toml",
        roots=tuple(folder / root for root in roots or ("src",)),
    )


@pytest.mark.parametrize(
    ("path", "is_owned"),
    [
        ("wrangler.toml", True),
        (".dev.vars", True),
        (".dev.vars.staging", True),
        (".env.local", True),
        ("pyproject.toml", True),
        ("src/entry.py", True),
        ("src/deep/data.json", True),
        ("src", True),
        ("README.md", False),
        ("wrangler.jsonc", False),
        (".dev.vars.swp", False),
        ("src/__pycache__/entry.pyc", False),
        ("src/node_modules/x/y.py", False),
        ("src/python_modules/x.py", False),
        ("src/.edgestead/kv", False),
        ("src/entry.py~", False),
        ("src/.entry.py.swp", False),
        ("other/entry.py", False),
        ("", True),
    ],
)
def test_a_worker_owns_its_code_its_config_and_what_is_read_with_it(
    path: str, is_owned: bool
) -> None:
    folder = Path("/home/node_modules/shop")

    assert worker(folder).owns(folder / path) is is_owned


def test_a_file_may_belong_to_several_workers_and_to_none() -> None:
    a, b, shared = Path("/w/a"), Path("/w/b"), "/w/shared/src"
    workers = {Path("a"): worker(a, "src", shared), Path("b"): worker(b, "src", shared)}

    assert affected_workers([Path("/w/shared/src/x.py")], workers) == [Path("a"), Path("b")]
    assert affected_workers([Path("/w/b/src/x.py")], workers) == [Path("b")]
    assert affected_workers([Path("/w/README.md")], workers) == []


class Watching:
    """Two workers whose folders are watched, and what was reloaded."""

    def __init__(self, folder: Path) -> None:
        self.workers = {Path("a"): worker(folder / "a"), Path("b"): worker(folder / "b")}
        self.begun = asyncio.Event()
        self.reloaded: asyncio.Queue[str] = asyncio.Queue()

    async def reload(self, key: Path) -> None:
        self.reloaded.put_nowait(str(key))

    async def next(self) -> str:
        """Return which worker is reloaded next."""
        return await asyncio.wait_for(self.reloaded.get(), PATIENCE_S)


@pytest.fixture
def watching(tmp_path: Path) -> Watching:
    """Two workers with a source file each."""
    for name in ("a", "b"):
        (tmp_path / name / "src").mkdir(parents=True)
        (tmp_path / name / "src" / "entry.py").write_text("")
    return Watching(tmp_path)


@asynccontextmanager
async def running(watching: Watching) -> AsyncIterator[None]:
    task = asyncio.create_task(watch(lambda: watching.workers, watching.reload, watching.begun))
    await asyncio.wait_for(watching.begun.wait(), PATIENCE_S)
    yield
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def test_a_save_reloads_the_worker_whose_file_it_is(watching, tmp_path: Path) -> None:
    async with running(watching):
        (tmp_path / "b" / "src" / "entry.py").write_text("x = 1")
        assert await watching.next() == "b"
        (tmp_path / "a" / "wrangler.toml").write_text("")
        assert await watching.next() == "a"


async def test_a_rename_onto_the_file_is_a_save_and_so_are_new_and_deleted_files(
    watching, tmp_path: Path
) -> None:
    source = tmp_path / "a" / "src"
    async with running(watching):
        (tmp_path / "new").write_text("x = 1")
        (tmp_path / "new").rename(source / "entry.py")
        assert await watching.next() == "a"
        (source / "package").mkdir()
        assert await watching.next() == "a"
        (source / "package" / "module.py").write_text("")
        assert await watching.next() == "a"
        shutil.rmtree(source / "package")
        assert await watching.next() == "a"


async def test_folders_that_a_reload_adds_are_watched_and_saves_before_that_are_not_lost(
    watching, tmp_path: Path
) -> None:
    added = tmp_path / "shared"

    async def reload(key: Path) -> None:
        if not added.exists():
            added.mkdir()
            watching.workers[key] = worker(tmp_path / "a", "src", str(added))
        watching.reloaded.put_nowait(str(key))

    watching.reload = reload
    async with running(watching):
        (tmp_path / "a" / "wrangler.toml").write_text("")
        assert [await watching.next(), await watching.next()] == ["a", "a"]
        (added / "module.py").write_text("")
        assert await watching.next() == "a"


async def test_a_source_folder_may_go_and_come_back(watching, tmp_path: Path) -> None:
    source = tmp_path / "a" / "src"
    async with running(watching):
        shutil.rmtree(source)
        assert await watching.next() == "a"
        source.mkdir()
        (source / "entry.py").write_text("x = 1")
        assert await watching.next() == "a"


async def test_a_folder_that_is_not_there_yet_is_watched_from_above(
    watching, tmp_path: Path
) -> None:
    watching.workers[Path("a")] = worker(tmp_path / "a", "deep/down/src")
    async with running(watching):
        (tmp_path / "a" / "deep").mkdir()
        assert await watching.next() == "a"


async def test_without_a_folder_to_watch_it_waits_for_one(watching, tmp_path: Path) -> None:
    watching.workers = {Path("a"): WatchedWorker(config_path=tmp_path / "x" / "y", roots=())}
    task = asyncio.create_task(watch(lambda: watching.workers, watching.reload, watching.begun))
    await asyncio.sleep(0)

    (tmp_path / "x").mkdir()
    await asyncio.wait_for(watching.begun.wait(), PATIENCE_S)

    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert watching.begun.is_set()


async def test_where_watching_is_impossible_it_says_so_and_serving_goes_on(
    watching, caplog: pytest.LogCaptureFixture
) -> None:
    watching.workers = {
        Path("a"): WatchedWorker(config_path=Path("/" + "long" * 100) / "x", roots=())
    }

    await asyncio.wait_for(
        watch(lambda: watching.workers, watching.reload, watching.begun), PATIENCE_S
    )

    assert watching.begun.is_set()
    assert "reload on save is off" in caplog.text
