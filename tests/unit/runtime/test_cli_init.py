"""`runtime init`: what it makes, what it refuses, and that it never leaves half a project."""

import os
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
import typer

from runtime._cli.init import FilesInTheWayError, init
from wrangler_compat import load_config

Refused = Callable[..., tuple[int, str]]

FILES = {
    ".gitignore",
    "README.md",
    "package.json",
    "pyproject.toml",
    "src/entry.py",
    "tests/test_entry.py",
    "wrangler.jsonc",
}


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder."""
    current = tmp_path / "here"
    current.mkdir()
    monkeypatch.chdir(current)
    return current


# A limit to the size of files stands in for a full disk: no file can have more bytes than the first
# ones of a project have. In a process of its own, for it is the limit of whoever set it as well.
ON_A_FULL_DISK = """
import resource, sys
from runtime._cli.init import init

resource.setrlimit(resource.RLIMIT_FSIZE, (300, resource.RLIM_INFINITY))
try:
    init(sys.argv[1])
except OSError as error:
    sys.exit(error.filename)
"""


def init_on_a_full_disk(name: str) -> str:
    """Make a project where that cannot be; return the name of the file that could not be made."""
    # Measuring tools would write into files of theirs, and the limit is for those as well.
    environ = {key: value for key, value in os.environ.items() if "COV" not in key}
    done = subprocess.run(
        [sys.executable, "-c", ON_A_FULL_DISK, name],
        capture_output=True,
        text=True,
        env=environ,
    )
    assert done.returncode == 1, done.stdout
    return done.stderr.strip()


def files_below(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if not path.is_dir()}


def test_a_project_is_made_and_told(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    init("hello")

    printed = capsys.readouterr().out
    assert files_below(folder / "hello") == FILES
    assert printed.startswith(f'made worker "hello" in {folder / "hello"}\n')
    assert FILES <= set(printed.split())
    for command in ("cd hello\n", "runtime serve ", "pytest ", "pywrangler deploy\n"):
        assert command in printed


def test_the_name_stands_wherever_a_file_names_the_worker(folder: Path) -> None:
    init("hello")

    texts = {name: (folder / "hello" / name).read_text() for name in FILES}
    assert [name for name, text in texts.items() if "{{" in text] == []
    assert texts["README.md"].startswith("# hello\n")
    assert 'name = "hello"' in texts["pyproject.toml"]
    assert '"name": "hello"' in texts["package.json"]


def test_the_config_is_read_without_a_warning_and_is_of_today(folder: Path) -> None:
    before = datetime.now(UTC).date().isoformat()
    init("hello")
    after = datetime.now(UTC).date().isoformat()

    config, report = load_config(folder / "hello" / "wrangler.jsonc")

    assert report.render_warnings() == ""
    assert config.name == "hello"
    assert config.main == folder / "hello" / "src" / "entry.py"
    assert before <= str(config.compatibility_date) <= after
    assert list(config.compatibility_flags) == ["python_workers"]


@pytest.mark.parametrize(
    ("name", "worker"),
    [
        ("my-worker", "my-worker"),
        ("a/b/deep", "deep"),
        ("trailing/", "trailing"),
        ("./here-below", "here-below"),
        ("../beside", "beside"),
        ("MyWorker", "myworker"),
        ("My first worker", "my-first-worker"),
        ("snake_case.v2", "snake-case-v2"),
        ("Café", "cafe"),
        ("-dashes-", "dashes"),
        ("x" * 63, "x" * 63),
    ],
)
def test_a_folders_name_becomes_a_valid_one(folder: Path, name: str, worker: str) -> None:
    init(name)

    config, _ = load_config(folder / name / "wrangler.jsonc")
    assert config.name == worker


@pytest.mark.parametrize("name", [".", "./"])
def test_this_folder_gives_its_name(
    folder: Path, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    init(name)

    printed = capsys.readouterr().out
    assert files_below(folder) == FILES
    assert printed.startswith('made worker "here" in ')
    assert "  cd " not in printed


def test_a_folder_that_a_shell_would_take_apart_is_quoted(
    capsys: pytest.CaptureFixture[str],
) -> None:
    init("two words")

    init("-x")

    printed = capsys.readouterr().out
    assert "  cd 'two words'\n" in printed
    assert "  cd ./-x\n" in printed


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("", "'' names no folder to make; try: runtime init my-worker"),
        ("..", "'..' names no folder to make; try: runtime init my-worker"),
        ("a/..", "'a/..' names no folder to make; try: runtime init a/my-worker"),
        ("/", "'/' names no folder to make; try: runtime init /my-worker"),
        ("日本", "'日本' has no letter a-z and no digit; try: runtime init my-worker"),
        ("a/---", "'---' has no letter a-z and no digit; try: runtime init a/my-worker"),
        ("new\nline", "'new\\nline' has characters that cannot be shown"),
        ("caf\udce9", "'caf\\udce9' has characters that cannot be shown"),
        ("a/" + "X" * 64, "a worker's name may have 63; try: runtime init a/" + "x" * 63),
    ],
)
def test_a_name_that_cannot_be_made_valid_is_refused_with_another(
    folder: Path, name: str, told: str
) -> None:
    with pytest.raises(typer.BadParameter) as raised:
        init(name)

    assert told in raised.value.message
    assert list(folder.iterdir()) == []


def test_files_in_the_way_are_listed_and_nothing_is_made(folder: Path) -> None:
    (folder / "hello" / "src").mkdir(parents=True)
    (folder / "hello" / "README.md").write_text("mine")
    (folder / "hello" / "src" / "entry.py").write_text("mine too")

    with pytest.raises(FilesInTheWayError) as raised:
        init("hello")

    assert str(raised.value) == (
        "nothing was made, for these are in the way:\n"
        "  hello/README.md\n"
        "  hello/src/entry.py\n"
        "Move them away, or choose another folder."
    )
    assert files_below(folder) == {"hello/README.md", "hello/src/entry.py"}
    assert (folder / "hello" / "README.md").read_text() == "mine"


def test_a_project_is_never_made_twice(folder: Path) -> None:
    init("hello")
    (folder / "hello" / "src" / "entry.py").write_text("changed")

    with pytest.raises(FilesInTheWayError) as raised:
        init("hello")

    assert all(f"  hello/{name}\n" in str(raised.value) for name in FILES)
    assert (folder / "hello" / "src" / "entry.py").read_text() == "changed"


@pytest.mark.parametrize("config", ["wrangler.json", "wrangler.toml"])
def test_a_worker_that_is_there_under_another_config_is_in_the_way(
    folder: Path, config: str
) -> None:
    (folder / config).write_text("")

    with pytest.raises(FilesInTheWayError, match=rf"\n  {config}\n"):
        init(".")

    assert files_below(folder) == {config}


def test_files_in_the_place_of_folders_are_in_the_way(folder: Path) -> None:
    (folder / "a").write_text("a file")
    (folder / "b").mkdir()
    (folder / "b" / "src").write_text("a file")
    (folder / "c").symlink_to("nowhere")

    for name, told in (("a", "a"), ("b", "b/src"), ("c", "c")):
        with pytest.raises(FilesInTheWayError, match=rf"\n  {told}\nMove"):
            init(name)

    assert files_below(folder) == {"a", "b/src", "c"}


def test_a_repository_with_other_files_is_left_as_it_is(folder: Path) -> None:
    (folder / ".git").mkdir()
    (folder / ".git" / "HEAD").write_text("ref: refs/heads/main\n")
    (folder / "LICENSE").write_text("mine")

    init(".")

    assert files_below(folder) == FILES | {".git/HEAD", "LICENSE"}
    assert (folder / "LICENSE").read_text() == "mine"


def test_a_disk_that_fills_up_leaves_no_half_made_project(folder: Path) -> None:
    failed = init_on_a_full_disk("a/b/hello")

    assert failed == "a/b/hello/README.md"
    assert list(folder.iterdir()) == []


def test_a_disk_that_fills_up_leaves_what_was_there(folder: Path) -> None:
    (folder / "src").mkdir()
    (folder / "mine.txt").write_text("mine")

    init_on_a_full_disk(".")

    assert {path.name for path in folder.iterdir()} == {"src", "mine.txt"}


def test_the_command_ends_with_a_message_and_a_code(refused: Refused, folder: Path) -> None:
    (folder / "file").write_text("")

    named_badly, usage = refused("init", "..", cwd=folder)
    in_the_way, listed = refused("init", "file", cwd=folder)
    below_a_file, system = refused("init", "file/hello", cwd=folder)

    assert (named_badly, in_the_way, below_a_file) == (2, 1, 1)
    assert "Invalid value for NAME: '..' names no folder to make" in usage
    assert listed.startswith("error: nothing was made, for these are in the way:\n  file\n")
    assert system == "error: Not a directory: file/hello\n"
