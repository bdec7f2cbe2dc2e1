"""A project that `runtime init` made runs at once, and its own tests pass."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest


@pytest.fixture
def project(tmp_path: Path, refused: Callable[..., tuple[int, str]]) -> Path:
    """A project as the real command made it."""
    code, output = refused("init", "hello", cwd=tmp_path)
    assert (code, output.partition(" in ")[0]) == (0, 'made worker "hello"'), output
    return tmp_path / "hello"


def test_it_is_served_without_a_warning(project: Path, serve: Callable) -> None:
    server = serve(cwd=project)

    greeting = server.get("/?name=Ada")
    as_json = server.get("/api/greeting")

    assert (greeting.status_code, greeting.text) == (200, "Hello, Ada!\n")
    assert as_json.json() == {"greeting": "Hello, world!"}
    assert server.get("/elsewhere").status_code == 404
    assert "warning" not in server.output.lower()


@pytest.mark.parametrize("place", [".", ".."])
def test_its_tests_pass(project: Path, place: str) -> None:
    arguments = [] if place == "." else [project.name]

    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", *arguments],
        cwd=project / place,
        # As on a machine that knows no settings of this test run.
        env={name: value for name, value in os.environ.items() if name != "PYTEST_ADDOPTS"},
        capture_output=True,
        encoding="utf-8",
    )

    assert done.returncode == 0, done.stdout + done.stderr
    assert "4 passed" in done.stdout
