"""What must hold before any command, and how a command ends."""

import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from runtime._cli.main import require_own_sdk
from runtime.errors import SdkClashError


@pytest.fixture
def foreign_sdk(tmp_path: Path) -> str:
    """A folder in which another distribution has files that the `workers` of ours has too."""
    info = tmp_path / "site" / "workers_runtime_sdk-1.9.5.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(
        "Metadata-Version: 2.1\nName: workers-runtime-sdk\nVersion: 1.9.5\n"
    )
    (info / "RECORD").write_text("workers/__init__.py,,\nasgi.py,,\n")
    return str(tmp_path / "site")


@pytest.mark.parametrize("distributions", [[], ["edgestead"], ["edgestead", "edgestead"]])
def test_the_name_workers_may_be_ours_alone(distributions: list[str]) -> None:
    require_own_sdk(distributions)


def test_others_that_own_it_are_named_with_what_to_do() -> None:
    with pytest.raises(SdkClashError) as caught:
        require_own_sdk(["workers-runtime-sdk", "edgestead", "another", "another"])

    text = str(caught.value)
    assert text.startswith("another, workers-runtime-sdk are installed in this environment")
    assert "pip uninstall another workers-runtime-sdk" in text
    assert "pip install --force-reinstall --no-deps edgestead" in text


def test_a_clash_ends_every_command_before_it_begins(
    refused: Callable[..., tuple[int, str]], foreign_sdk: str
) -> None:
    code, output = refused("--version", PYTHONPATH=foreign_sdk)

    assert code == 1
    assert output.startswith("error: workers-runtime-sdk is installed in this environment")
    assert "Traceback" not in output


def test_help_and_version(refused: Callable[..., tuple[int, str]]) -> None:
    code, output = refused("--help")
    version_code, version = refused("--version")
    bare_code, bare = refused()

    assert (code, version_code, bare_code) == (0, 0, 2)
    assert "serve" in output
    assert "serve" in bare
    assert version.startswith("edgestead ")


def test_the_module_is_the_command(tmp_path: Path) -> None:
    ended = subprocess.run(
        [sys.executable, "-m", "runtime", "--version"], capture_output=True, text=True, cwd=tmp_path
    )

    assert (ended.returncode, ended.stdout[:10]) == (0, "edgestead ")


def test_ctrl_c_before_the_command_has_begun_is_no_traceback(
    refused: Callable[..., tuple[int, str]], tmp_path: Path
) -> None:
    pressing = "import os, signal\nos.kill(os.getpid(), signal.SIGINT)\n"
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "typer.py").write_text(pressing)

    code, output = refused("serve", PYTHONPATH=str(tmp_path / "site"))

    assert (code, output) == (128 + signal.SIGINT, "")
