"""Keeping the workers of a node in step with their files."""

import shutil
import subprocess
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from runtime._dev.clashes import ClashError
from runtime._dev.session import ConfigsError, DevSession
from runtime.errors import HostError
from workers import Request
from wrangler_compat import ConfigError, load_config

SAYING = """
from workers import Response
async def on_fetch(request, env):
    return Response({!r} + env.WORD)
"""
VARS = '[vars]\nWORD = "{}"\n'


@pytest.fixture
def open_session(workers: Any) -> Callable[..., DevSession]:
    """Read worker folders into a session of the test's node."""

    def open_(*folders: Path, read: Any = None) -> DevSession:
        session = DevSession(workers.node, read or partial(load_config, environ={}))
        session.read_all([folder / "wrangler.toml" for folder in folders])
        return session

    return open_


@pytest.fixture
def say(make_worker: Callable[..., Path]) -> Callable[..., Path]:
    """Make a worker that says its name and a word of its config."""

    def make(name: str, more_config: str = "") -> Path:
        config = VARS.format("one") + more_config
        return make_worker(name, SAYING.format(f"{name} "), config=config)

    return make


def rewrite(folder: Path, old: str, new: str, file: str = "wrangler.toml") -> Path:
    path = folder / file
    path.write_text(path.read_text().replace(old, new))
    return folder / "wrangler.toml"


async def test_the_first_worker_answers_for_all_and_each_for_its_own_port(
    open_session, say, workers
) -> None:
    a, b = say("a"), say("b")
    session = open_session(a, b)
    await session.load_all()

    assert [config.name for config in session.configs] == ["a", "b"]
    assert session.choose(None).name == "a"
    assert session.choose(b / "wrangler.toml").name == "b"


async def test_a_reload_reads_config_and_code_again(open_session, say, workers) -> None:
    a = say("a")
    session = open_session(a)
    await session.load_all()
    before = await workers.text("a")

    rewrite(a, "one", "two")
    await session.reload(rewrite(a, "'a '", "'A '", "src/entry.py"))

    assert (before, await workers.text("a")) == ("a one", "A two")


async def test_a_worker_that_gets_another_name_keeps_its_place(open_session, say, workers) -> None:
    a, b = say("a"), say("b")
    session = open_session(a, b)
    await session.load_all()

    await session.reload(rewrite(a, 'name = "a"', 'name = "renamed"'))

    assert list(workers.node.workers) == ["b", "renamed"]
    assert session.choose(None).name == "renamed"
    assert session.choose(a / "wrangler.toml").name == "renamed"
    assert [config.name for config in session.configs] == ["renamed", "b"]


async def test_a_config_that_breaks_changes_nothing_until_it_is_mended(
    open_session, say, workers, caplog: pytest.LogCaptureFixture
) -> None:
    a = say("a")
    session = open_session(a)
    await session.load_all()

    await session.reload(rewrite(a, "one", 'one"\nX = '))
    broken = await workers.text("a")
    await session.reload(rewrite(a, 'one"\nX = ', "two"))

    assert (broken, await workers.text("a")) == ("a one", "a two")
    assert 'worker "a" goes on as it was' in caplog.text


async def test_a_name_that_another_worker_has_changes_nothing(
    open_session, say, workers, caplog: pytest.LogCaptureFixture
) -> None:
    a, b = say("a"), say("b")
    session = open_session(a, b)
    await session.load_all()

    await session.reload(rewrite(b, 'name = "b"', 'name = "a"'))

    assert (await workers.text("a"), await workers.text("b")) == ("a one", "b one")
    assert f"{a}/wrangler.toml and {b}/wrangler.toml" in caplog.text


async def test_code_that_breaks_takes_the_worker_down_and_says_where(
    open_session, say, workers, caplog: pytest.LogCaptureFixture
) -> None:
    a = say("a")
    session = open_session(a)
    await session.load_all()

    await session.reload(rewrite(a, "async def", "async deaf", "src/entry.py"))

    assert "src/entry.py:3" in caplog.text
    with pytest.raises(HostError, match="cannot be loaded"):
        await session.choose(None).invoke("fetch", (Request("http://test/"),), {})


async def test_whatever_goes_wrong_in_a_reload_is_logged_and_the_next_one_works(
    open_session, say, workers, caplog: pytest.LogCaptureFixture
) -> None:
    a = say("a")
    faults: list[Exception] = []

    def read(path: Path) -> Any:
        if faults:
            raise faults.pop()
        return load_config(path, environ={})

    session = open_session(a, read=read)
    await session.load_all()

    faults += [ZeroDivisionError("a fault of ours"), HostError("the disk is full")]
    await session.reload(a / "wrangler.toml")
    await session.reload(a / "wrangler.toml")
    await session.reload(rewrite(a, "one", "two"))

    assert "the disk is full" in caplog.text
    assert "ZeroDivisionError: a fault of ours" in caplog.text
    assert await workers.text("a") == "a two"


async def test_all_workers_can_be_reloaded_at_once(open_session, say, workers) -> None:
    a, b = say("a"), say("b")
    session = open_session(a, b)
    await session.load_all()
    rewrite(a, "one", "two")
    rewrite(b, "one", "three")

    await session.reload_all()

    assert (await workers.text("a"), await workers.text("b")) == ("a two", "b three")


async def test_a_warning_is_given_once_and_again_when_it_comes_back(
    open_session, say, caplog: pytest.LogCaptureFixture
) -> None:
    service = '[[services]]\nbinding = "S"\nservice = "nobody"\n'
    a = say("a", service)
    unknown, known = "[vars]", "unknown_key = 1\n[vars]"
    session = open_session(a)
    await session.load_all()

    def said(text: str) -> int:
        count = sum(text in record.getMessage() for record in caplog.records)
        caplog.clear()
        return count

    assert said('leads to a worker "nobody"') == 1
    await session.reload(a / "wrangler.toml")
    assert said("nobody") == 0
    await session.reload(rewrite(a, unknown, known))
    assert said("unknown_key") == 1
    await session.reload(a / "wrangler.toml")
    assert said("unknown_key") == 0
    await session.reload(rewrite(a, known, unknown))
    await session.reload(rewrite(a, unknown, known))
    assert said("unknown_key") == 1


async def test_what_workers_do_to_each_other_is_warned_of(
    open_session, say, caplog: pytest.LogCaptureFixture
) -> None:
    contested = 'API_KEY = "hunter2"\n'
    routes = 'routes = ["x.example/*"]\n[vars]'
    folders = [say("a", contested), say("b")]
    for folder in folders:
        rewrite(folder, "[vars]", routes)
    session = open_session(*folders)

    await session.load_all()

    assert 'Two workers claim the route "x.example/*": "a"' in caplog.text
    assert 'The variable "API_KEY" looks like a secret' in caplog.text
    assert "hunter2" not in caplog.text


@pytest.fixture
def tracked(say) -> Path:
    """A worker whose local secrets git tracks."""
    folder = say("a")
    (folder / ".dev.vars").write_text("A=1\n")
    for arguments in (["init", "-q", "."], ["add", "-f", "."]):
        subprocess.run(["git", *arguments], cwd=folder, check=True, capture_output=True)
    return folder


@pytest.mark.skipif(shutil.which("git") is None, reason="there is no git here")
async def test_secrets_that_git_has_are_warned_of(
    open_session, tracked, caplog: pytest.LogCaptureFixture
) -> None:
    session = open_session(tracked)

    await session.warn_of_tracked_secrets()

    assert '.dev.vars" is tracked by git' in caplog.text


async def test_a_changed_port_asks_for_a_restart(
    open_session, say, caplog: pytest.LogCaptureFixture
) -> None:
    a = say("a")
    session = open_session(a)
    await session.load_all()

    await session.reload(rewrite(a, "[vars]", "dev = { port = 9000 }\n[vars]"))

    assert "a changed dev.port needs a restart" in caplog.text


def test_one_bad_config_is_its_own_error_and_several_are_told_together(
    open_session, make_worker
) -> None:
    a, b = (make_worker(name, "", config="x = \n") for name in ("a", "b"))

    with pytest.raises(ConfigError, match="a/wrangler.toml"):
        open_session(a)
    with pytest.raises(ConfigsError) as caught:
        open_session(a, b)

    assert "a/wrangler.toml" in str(caught.value)
    assert "b/wrangler.toml" in str(caught.value)


def test_workers_that_clash_are_not_served(open_session, say, tmp_path: Path) -> None:
    a = say("a")
    (tmp_path / "copies").mkdir()
    copy = a.rename(tmp_path / "copies" / "a")
    a = say("a")

    with pytest.raises(ClashError):
        open_session(a, copy)


async def test_what_is_watched_follows_the_project_file(open_session, say) -> None:
    a = say("a")
    shared = a.parent / "shared"
    shared.mkdir()
    session = open_session(a)
    path = a / "wrangler.toml"
    before = session.watched()[path]

    (a / "pyproject.toml").write_text('[tool.uv.sources]\nshared = { path = "../shared" }\n')

    assert (before.config_path, before.roots) == (path, (a / "src",))
    assert session.watched()[path].roots == (a / "src", shared)


async def test_a_source_folder_that_is_away_is_still_watched(open_session, say) -> None:
    a = say("a")
    session = open_session(a)
    (a / "src").rename(a / "away")

    assert session.watched()[a / "wrangler.toml"].roots == (a / "src",)
