"""Local secrets that git tracks."""

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from runtime._dev.tracked import warn_of_tracked_secrets
from wrangler_compat import Diagnostics, WorkerConfig

pytestmark = pytest.mark.skipif(shutil.which("git") is None, reason="there is no git here")

SOURCE = "async def on_fetch(request):\n    pass\n"


@pytest.fixture
def git(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Run git in the test's folder, which is a repository."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments: str) -> None:
        subprocess.run(["git", *arguments], cwd=tmp_path, check=True, capture_output=True)

    run("init", "-q", ".")
    return run


def warnings(*configs: WorkerConfig) -> list[str]:
    report = Diagnostics()
    warn_of_tracked_secrets(configs, report)
    return [str(message) for message in report.warnings]


def test_files_of_secrets_that_git_has_are_named(git, read_worker, tmp_path: Path) -> None:
    config = read_worker("shop", SOURCE, config="[env.staging]\n")
    for name in (".dev.vars", ".dev.vars.staging", ".dev.vars.example", ".env"):
        (tmp_path / "shop" / name).write_text("A=hunter2\n")
    git("add", "-f", ".")

    assert warnings(config, config) == [
        f'"shop/{name}" is tracked by git: whoever has the repository has the secrets in it.\n'
        f"Take it out with `git rm --cached shop/{name}`, add it to .gitignore, and change what "
        f"was secret in it. (shop/{name}:1:1)"
        for name in (".dev.vars", ".dev.vars.staging")
    ]


def test_file_that_git_does_not_have_is_fine(git, read_worker, tmp_path: Path) -> None:
    config = read_worker("shop", SOURCE)
    git("add", ".")
    (tmp_path / "shop" / ".dev.vars").write_text("A=1\n")

    assert warnings(config) == []


def test_file_that_is_gone_is_not_named(git, read_worker, tmp_path: Path) -> None:
    config = read_worker("shop", SOURCE)
    (tmp_path / "shop" / ".dev.vars").write_text("A=1\n")
    git("add", "-f", ".")
    (tmp_path / "shop" / ".dev.vars").unlink()

    assert warnings(config) == []


def test_variables_of_a_hook_do_not_lead_astray(
    git, read_worker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = read_worker("shop", SOURCE)
    (tmp_path / "shop" / ".dev.vars").write_text("A=1\n")
    git("add", "-f", ".")
    monkeypatch.setenv("GIT_DIR", ".git")
    monkeypatch.setenv("GIT_INDEX_FILE", "nothing")

    assert len(warnings(config)) == 1


def test_program_that_a_repository_names_is_not_run(git, read_worker, tmp_path: Path) -> None:
    config = read_worker("shop", SOURCE)
    (tmp_path / "shop" / ".dev.vars").write_text("A=1\n")
    git("add", "-f", ".")
    trap = tmp_path / "trap"
    trap.write_text(f"#!/bin/sh\ntouch {tmp_path}/sprung\n")
    trap.chmod(0o700)
    git("config", "core.fsmonitor", str(trap))

    assert len(warnings(config)) == 1
    assert not (tmp_path / "sprung").exists()


def test_without_a_repository_or_git_nothing_is_said(
    read_worker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = read_worker("shop", SOURCE)
    (tmp_path / "shop" / ".dev.vars").write_text("A=1\n")
    outside = warnings(config)
    monkeypatch.setenv("PATH", str(tmp_path))

    assert (outside, warnings(config)) == ([], [])


@pytest.mark.parametrize("script", ["#!/bin/sh\nexec sleep 60\n", "no program\n"])
def test_git_that_hangs_or_does_not_run_holds_up_nobody(
    read_worker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str
) -> None:
    config = read_worker("shop", SOURCE)
    (tmp_path / "shop" / ".dev.vars").write_text("A=1\n")
    fake = tmp_path / "bin" / "git"
    fake.parent.mkdir()
    fake.write_text(script)
    fake.chmod(0o700)
    monkeypatch.setenv("PATH", f"{fake.parent}:/usr/bin:/bin")

    assert warnings(config) == []
