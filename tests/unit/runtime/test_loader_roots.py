"""The folders that a worker imports from."""

from pathlib import Path

import pytest

from runtime._loader.roots import dependencies_of, import_roots


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "workers" / "shop"
    (folder / "src").mkdir(parents=True)
    return folder


def project(folder: Path, text: str) -> None:
    (folder / "pyproject.toml").write_text(text)


def roots(folder: Path) -> list[str]:
    base = folder.parents[1]
    found = import_roots(folder / "src" / "entry.py", folder)
    return [path.relative_to(base).as_posix() for path in found]


def test_the_folder_of_main_is_the_first_root(folder: Path) -> None:
    assert roots(folder) == ["workers/shop/src"]


def test_vendored_packages_are_found_beside_the_config_and_beside_main(folder: Path) -> None:
    (folder / "python_modules").mkdir()
    (folder / "src" / "python_modules").mkdir()

    assert roots(folder) == [
        "workers/shop/src",
        "workers/shop/python_modules",
        "workers/shop/src/python_modules",
    ]


def test_main_beside_the_config_gives_each_root_once(folder: Path) -> None:
    (folder / "python_modules").mkdir()

    found = import_roots(folder / "entry.py", folder)

    assert [path.name for path in found] == ["shop", "python_modules"]


def test_path_sources_of_the_project_are_roots(folder: Path) -> None:
    flat, nested = folder.parent / "flat", folder.parent / "nested"
    flat.mkdir()
    (nested / "src").mkdir(parents=True)
    project(
        folder,
        "[tool.uv.sources]\n"
        'flat = { path = "../flat" }\nnested = { path = "../nested", editable = true }\n'
        'gone = { path = "../gone" }\ngit = { git = "https://x" }\nodd = 5\nworse = { path = 1 }\n',
    )

    assert roots(folder) == ["workers/shop/src", "workers/flat", "workers/nested/src"]


@pytest.mark.parametrize(
    "text",
    ["", "tool = 5", "[tool]\nuv = 5", "[tool.uv]\nsources = []", "project = 5"],
)
def test_a_project_that_says_nothing_of_use_adds_nothing(folder: Path, text: str) -> None:
    project(folder, text)

    assert roots(folder) == ["workers/shop/src"]
    assert dependencies_of(folder) == []


def test_dependencies_are_those_of_the_project(folder: Path) -> None:
    assert dependencies_of(folder) == []
    project(folder, '[project]\ndependencies = ["one>=1", "two"]\n')
    assert dependencies_of(folder) == ["one>=1", "two"]
    project(folder, '[project]\ndependencies = "one"\n')
    assert dependencies_of(folder) == []


@pytest.mark.parametrize(
    ("content", "reason"), [(b"[project\n", "line 1"), (b"\xff", "utf-8"), (None, "directory")]
)
def test_a_project_that_cannot_be_read_raises_why(
    folder: Path, content: bytes | None, reason: str
) -> None:
    if content is None:
        (folder / "pyproject.toml").mkdir()
    else:
        (folder / "pyproject.toml").write_bytes(content)

    with pytest.raises((OSError, ValueError), match=reason):
        roots(folder)
    assert dependencies_of(folder) == []
