"""Which config files `runtime serve` finds, and where its state goes."""

from collections.abc import Callable
from pathlib import Path

import pytest

from runtime._dev.projects import NoConfigError, find_projects


@pytest.fixture
def make_config(tmp_path: Path) -> Callable[[str], Path]:
    """Make a config file at a path below the test's folder."""

    def make(path: str) -> Path:
        file = tmp_path / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("")
        return file

    return make


def test_without_a_path_it_is_the_current_folder(make_config, tmp_path: Path) -> None:
    config = make_config("wrangler.toml")
    make_config("workers/a/wrangler.toml")

    projects = find_projects([], [], tmp_path)

    assert projects.configs == (config,)
    assert projects.state_folder == tmp_path / ".edgestead"


def test_without_a_config_there_it_is_the_folders_in_its_workers(
    make_config, tmp_path: Path
) -> None:
    configs = [make_config("workers/a/wrangler.jsonc"), make_config("workers/b/wrangler.toml")]
    (tmp_path / "workers" / "not_a_worker").mkdir()
    (tmp_path / "workers" / "file.txt").write_text("")

    projects = find_projects([], [], tmp_path)

    assert projects.configs == tuple(configs)
    assert projects.state_folder == tmp_path / ".edgestead"


def test_a_path_is_a_config_a_worker_folder_or_a_folder_of_them(
    make_config, tmp_path: Path
) -> None:
    file = make_config("one/other-name.json")
    folder = make_config("two/wrangler.toml")
    below = [make_config("three/a/wrangler.toml"), make_config("three/b/wrangler.toml")]

    projects = find_projects([file, folder.parent, tmp_path / "three"], [], tmp_path)

    assert projects.configs == (file, folder, *below)
    assert projects.state_folder == tmp_path / "one" / ".edgestead"


def test_config_files_of_an_option_come_first_and_none_is_served_twice(
    make_config, tmp_path: Path
) -> None:
    first, second = make_config("a/wrangler.toml"), make_config("b/wrangler.toml")

    projects = find_projects([second.parent, first.parent], [first], tmp_path)
    alone = find_projects([], [second, first], tmp_path)

    assert projects.configs == (first, second)
    assert projects.state_folder == tmp_path / "b" / ".edgestead"
    assert alone.configs == (second, first)
    assert alone.state_folder == tmp_path / "b" / ".edgestead"


def test_where_nothing_is_found_it_says_where_it_looked_and_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()

    for paths in ([], [tmp_path / "empty"]):
        with pytest.raises(NoConfigError) as caught:
            find_projects(paths, [], tmp_path)

        assert str(paths[0] if paths else tmp_path) in str(caught.value)
        assert "`runtime init NAME`" in str(caught.value)


def test_what_does_not_exist_is_named(tmp_path: Path) -> None:
    with pytest.raises(NoConfigError, match="no file or folder .*/gone"):
        find_projects([tmp_path / "gone"], [], tmp_path)
    with pytest.raises(NoConfigError, match="no config file .*/gone.toml"):
        find_projects([], [tmp_path / "gone.toml"], tmp_path)


def test_config_that_loses_to_another_in_its_folder_is_reported(
    make_config, tmp_path: Path
) -> None:
    used = make_config("a/wrangler.json")
    make_config("a/wrangler.toml")

    for paths in ([tmp_path], [tmp_path / "a"]):
        projects = find_projects(paths, [], tmp_path)

        assert projects.configs == (used,)
        (warning,) = projects.report.warnings
        assert "wrangler.json is used, wrangler.toml is ignored" in warning.text
