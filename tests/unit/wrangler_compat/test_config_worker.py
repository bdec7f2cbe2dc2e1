import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from wrangler_compat import DevSettings, Limits, Position

if TYPE_CHECKING:
    from conftest import Project

REST = 'main = "src/entry.py"\ncompatibility_flags = ["python_workers"]\n'


def errors_of(project: "Project", text: str, *, file: str = "wrangler.toml") -> list[str]:
    return [str(message) for message in project.read(text, file=file)[1].errors]


def test_worker_is_read_in_full(project: "Project") -> None:
    config = project.config(
        'account_id = "abc"\nworkers_dev = false\npreview_urls = true\nbase_dir = "src"\n'
    )

    assert config.config_path == project.folder / "wrangler.toml"
    assert config.folder == project.folder
    assert (config.name, config.top_level_name) == ("my-worker", "my-worker")
    assert config.main == project.folder / "src" / "entry.py"
    assert config.base_dir == project.folder / "src"
    assert config.compatibility_date == "2025-01-01"
    assert config.compatibility_flags == ("python_workers",)
    assert config.account_id == "abc"
    assert (config.workers_dev, config.preview_urls) == (False, True)
    assert config.positions[("name",)] == Position("wrangler.toml", 1, 1)
    assert config.origins["main"] == ("main",)
    assert "limits" not in config.origins


def test_what_a_config_does_not_say_has_a_default(project: "Project") -> None:
    config = project.config()

    assert config.base_dir is None
    assert config.account_id is None
    assert (config.workers_dev, config.preview_urls) == (None, None)
    assert config.routes == config.crons == config.triggers == config.bindings == ()
    assert config.required_secrets is None
    assert config.dev == DevSettings()
    assert config.limits == Limits(cpu_ms=30_000, subrequests=None)
    assert config.extra == {}


@pytest.mark.parametrize("name", ["a", "my-worker", "my_worker", "_x", "0", "a-" * 100])
def test_name_may_have_letters_digits_dashes_and_underscores(project: "Project", name: str) -> None:
    config, _ = project.read(f'name = "{name}"\n{REST}')

    assert config is not None
    assert config.name == name


@pytest.mark.parametrize("name", ["My-Worker", "-a", "a b", "a.b", "é", "a\\n"])
def test_other_names_are_refused(project: "Project", name: str) -> None:
    assert errors_of(project, f'name = "{name}"\n{REST}') == [
        'Expected "name" to be of type string, alphanumeric and lowercase with dashes only but got '
        f'"{name}". (wrangler.toml:1:1)'
    ]


def test_name_of_the_wrong_type_is_reported_once(project: "Project") -> None:
    assert errors_of(project, f"name = 5\n{REST}") == [
        'Expected "name" to be of type string but got 5. (wrangler.toml:1:1)'
    ]


def test_name_of_the_top_level_is_checked_for_an_environment_too(project: "Project") -> None:
    config, report = project.read(f'name = "W"\n{REST}[env.x]\nname = "w"\n', env="x")

    assert config is None
    assert ['Expected "name" to be' in message.text for message in report.errors] == [True]


def test_name_of_an_environment_follows_the_same_rule(project: "Project") -> None:
    assert project.errors('[env.x]\nname = "X"\n', env="x") == [
        'Expected "env.x.name" to be of type string, alphanumeric and lowercase with dashes only '
        'but got "X". (wrangler.toml:6:1)'
    ]


@pytest.mark.parametrize(
    ("file", "text", "example"),
    [
        ("wrangler.toml", REST, 'name = "shop-front-2"'),
        ("wrangler.toml", f'name = ""\n{REST}', 'name = "shop-front-2"'),
        ("wrangler.json", '{"main": "src/entry.py"}', '"name": "shop-front-2"'),
    ],
)
def test_missing_name_is_an_error_that_suggests_one(
    tmp_path: Path, project: "Project", file: str, text: str, example: str
) -> None:
    folder = "Shop Front_2"
    project.write(f"{folder}/src/entry.py", "")

    errors = errors_of(project, text, file=f"{folder}/{file}")

    assert errors == [
        f'Missing "name": say how the worker is called, for example {example}. '
        f"({folder}/{file}:1:1)"
    ]


def test_folder_without_a_usable_name_gives_a_neutral_example(project: "Project") -> None:
    project.write("漢/src/entry.py", "")

    assert 'for example name = "my-worker".' in errors_of(project, REST, file="漢/wrangler.toml")[0]


@pytest.mark.parametrize(
    ("file", "text", "example"),
    [
        ("wrangler.toml", 'name = "w"\n', 'main = "src/entry.py"'),
        ("wrangler.jsonc", '{"name": "w"}', '"main": "src/entry.py"'),
    ],
)
def test_missing_main_is_an_error_that_names_the_key(
    project: "Project", file: str, text: str, example: str
) -> None:
    assert errors_of(project, text, file=file) == [
        f'Missing "main": say which file holds the worker, for example {example}. ({file}:1:1)'
    ]


@pytest.mark.parametrize(
    ("main", "state"), [("src/missing.py", "does not exist"), ("src", "is a folder")]
)
def test_main_that_is_no_file_is_an_error_that_says_what_to_do(
    project: "Project", main: str, state: str
) -> None:
    assert errors_of(project, f'name = "w"\nmain = "{main}"\n') == [
        f'The entry-point file at "{main}" was not found: {project.folder / main} {state}.\n'
        'Create it, or let "main" name the file that holds the worker. (wrangler.toml:2:1)'
    ]


@pytest.mark.parametrize("main", ["a\\u0000b.py", "x" * 300 + ".py", "..", ""])
def test_main_that_can_be_no_file_is_the_same_error(project: "Project", main: str) -> None:
    errors = errors_of(project, f'{{"name": "w", "main": "{main}"}}', file="wrangler.json")

    assert ["The entry-point file at" in error for error in errors] == [True]


def test_main_of_the_wrong_type_is_reported_once(project: "Project") -> None:
    assert errors_of(project, 'name = "w"\nmain = ["a"]\n') == [
        'Expected "main" to be of type string but got ["a"]. (wrangler.toml:2:1)'
    ]


def test_dev_settings_are_read(project: "Project") -> None:
    config = project.config(
        '[dev]\nip = "0.0.0.0"\nport = 8788.0\ninspector_port = 0\nlocal_protocol = "https"\n'
        'host = "example.com"\n'
    )

    assert config.dev == DevSettings(
        ip="0.0.0.0",
        port=8788,
        inspector_port=0,
        local_protocol="https",
        upstream_protocol="https",
        host="example.com",
    )


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ("[dev]\nport = 65536\n", '"dev.port" to be a whole number, 0 at least and 65535 at most'),
        ("[dev]\nport = -1\n", '"dev.port" to be a whole number, 0 at least and 65535 at most'),
        ("[dev]\nport = 80.5\n", '"dev.port" to be a whole number, 0 at least and 65535 at most'),
        ("[dev]\ninspector_port = inf\n", '"dev.inspector_port" to be a whole number, 0 at least'),
        ("[limits]\ncpu_ms = 0\n", '"limits.cpu_ms" to be a whole number, 1 at least,'),
        ("[limits]\nsubrequests = nan\n", '"limits.subrequests" to be a whole number, 1 at least,'),
    ],
)
def test_number_out_of_range_is_an_error(project: "Project", more: str, message: str) -> None:
    errors = project.errors(more)

    assert len(errors) == 1
    assert errors[0].startswith(f"Expected {message}")
    assert errors[0].endswith("(wrangler.toml:6:1)")


def test_limits_are_read_and_inherited(project: "Project") -> None:
    more = "[limits]\ncpu_ms = 50\nsubrequests = 7\n[env.x]\n[env.y.limits]\ncpu_ms = 9\n"

    assert project.config(more).limits == Limits(cpu_ms=50, subrequests=7)
    assert project.config(more, env="x").limits == Limits(cpu_ms=50, subrequests=7)
    assert project.config(more, env="y").limits == Limits(cpu_ms=9)


def test_required_secrets_are_read(project: "Project") -> None:
    assert project.config('[secrets]\nrequired = ["A", "B"]\n').required_secrets == ("A", "B")
    assert project.config("[secrets]\nrequired = []\n").required_secrets == ()
    assert project.config("[secrets]\n").required_secrets is None


def test_settings_can_be_written_as_json(project: "Project") -> None:
    config = project.config(
        "[observability]\nenabled = true\nsince = [2020-01-02, 2020-01-02T03:04:05Z]\n"
    )

    written = json.loads(json.dumps(config.settings))

    assert written["observability"] == {
        "enabled": True,
        "since": ["2020-01-02", "2020-01-02T03:04:05+00:00"],
    }


def test_settings_are_not_shared_between_configs(project: "Project") -> None:
    project.config().settings["kv_namespaces"].append("x")

    assert project.config().settings["kv_namespaces"] == []


def test_rule_for_python_modules_is_added_once(project: "Project") -> None:
    own = {"type": "PythonModule", "globs": ["**/*.py", "**/*.pyi"]}
    more = 'rules = [{ type = "PythonModule", globs = ["**/*.py", "**/*.pyi"] }]\n'

    assert project.config(more).settings["rules"] == [own]
