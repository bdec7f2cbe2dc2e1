from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from wrangler_compat import ConfigError, SecretValue, WorkerConfig, load_config, read_config

if TYPE_CHECKING:
    from conftest import Project

KV = '[[kv_namespaces]]\nbinding = "KV"\nid = "x"\n'


def shown(config: WorkerConfig) -> dict[str, tuple[str, Any]]:
    """Return name → (type, value) of the variables and secrets."""
    values = {}
    for binding in config.bindings:
        value = binding.fields.get("text", binding.fields.get("json"))
        text = value.reveal() if isinstance(value, SecretValue) else value
        values[binding.name] = (binding.type, text)
    return values


def test_secret_replaces_the_variable_of_its_name(project: "Project") -> None:
    project.write(".dev.vars", "A=from-file\nB=2\n")

    config, report = project.load('[vars]\nA = "plain"\nC = 3\n')

    assert shown(config) == {
        "A": ("secret_text", "from-file"),
        "B": ("secret_text", "2"),
        "C": ("json", 3),
    }
    assert not report.has_warnings


def test_secret_binding_says_where_it_comes_from(project: "Project") -> None:
    project.write(".dev.vars", "A=1\n")

    config, _ = project.load('secrets = { required = ["A", "B"] }\n', environ={"B": "2"})

    sources = {binding.name: (binding.source, str(binding.position)) for binding in config.bindings}
    assert sources == {
        "A": (".dev.vars:1", ".dev.vars:1:1"),
        "B": ("environment variable B", "None"),
    }


def test_secrets_can_be_left_unread(project: "Project") -> None:
    project.write(".dev.vars", "A=1\n")

    config, _ = project.load(secrets=False)

    assert config.bindings == ()


def test_secrets_of_the_environment_are_read(project: "Project") -> None:
    project.write(".dev.vars", "A=1\n")
    project.write(".dev.vars.staging", "A=2\n")

    config, _ = project.load("[env.staging]\n", env="staging")
    top, _ = project.load("[env.staging]\n", env="")

    assert shown(config) == {"A": ("secret_text", "2")}
    assert shown(top) == {"A": ("secret_text", "1")}


def test_process_environment_is_the_default(
    project: "Project", monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DECLARED", "x")
    path = project.write(
        "wrangler.json",
        '{"name": "w", "main": "src/entry.py", "compatibility_flags": ["python_workers"],'
        ' "secrets": {"required": ["DECLARED"]}}',
    )

    config, _ = load_config(path)

    assert shown(config) == {"DECLARED": ("secret_text", "x")}


def test_file_may_replace_a_variable_although_secrets_are_declared(project: "Project") -> None:
    project.write(".dev.vars", "A=1\nVARIABLE=2\nOTHER=3\n")

    config, _ = project.load('secrets = { required = ["A"] }\n[vars]\nVARIABLE = "x"\n')

    assert shown(config) == {"A": ("secret_text", "1"), "VARIABLE": ("secret_text", "2")}


def test_missing_declared_secret_is_a_warning(project: "Project") -> None:
    _, report = project.load('secrets = { required = ["API_KEY"] }\n')

    assert [message.text for message in report.warnings] == [
        'The secret "API_KEY" is required, but nothing defines it. '
        "Add API_KEY=… to .dev.vars, or set it as an environment variable."
    ]


def test_secret_that_has_the_name_of_another_binding_is_an_error(project: "Project") -> None:
    project.write(".dev.vars", "\nKV=hunter2\n")

    with pytest.raises(ConfigError) as caught:
        project.load(KV)

    assert str(caught.value) == (
        "Processing wrangler.toml configuration:\n"
        '  - "KV" is the name of a kv_namespace binding (wrangler.toml:6:1) and of a secret '
        "(.dev.vars:2). Rename one of them. (wrangler.toml:6:1)"
    )


def test_command_line_wins_over_variables_and_secrets(project: "Project") -> None:
    project.write(".dev.vars", "SECRET=file\n")

    config, report = project.load(
        '[vars]\nTEXT = "a"\nDATA = 1\nKEPT = "k"\n',
        overrides={"TEXT": "b", "DATA": "c", "SECRET": "d", "NEW": "e:f"},
    )

    assert shown(config) == {
        "TEXT": ("plain_text", "b"),
        "DATA": ("plain_text", "c"),
        "KEPT": ("plain_text", "k"),
        "SECRET": ("plain_text", "d"),
        "NEW": ("plain_text", "e:f"),
    }
    assert {binding.source for binding in config.bindings} == {None, "command line (--var)"}
    assert not report.has_warnings


def test_command_line_counts_without_secrets(project: "Project") -> None:
    config, _ = project.load(secrets=False, overrides={"A": "1"})

    assert shown(config) == {"A": ("plain_text", "1")}


def test_secret_that_the_command_line_sets_is_not_missing(project: "Project") -> None:
    config, report = project.load(
        'secrets = { required = ["A", "B"] }\n', environ={"B": "2"}, overrides={"A": "1"}
    )

    assert shown(config) == {"A": ("plain_text", "1"), "B": ("secret_text", "2")}
    assert not report.has_warnings


def test_override_that_has_the_name_of_another_binding_is_an_error(project: "Project") -> None:
    with pytest.raises(ConfigError) as caught:
        project.load(KV, overrides={"KV": "1"})

    assert (
        '"KV" is the name of a kv_namespace binding (wrangler.toml:6:1) and of a variable of the '
        "command line (--var). Rename one of them."
    ) in str(caught.value)


def test_config_with_errors_raises_them_all(project: "Project") -> None:
    with pytest.raises(ConfigError) as caught:
        project.load('workers_dev = "yes"\nlogpush = 1\n')

    assert len(caught.value.diagnostics.errors) == 2


def test_secret_is_shown_nowhere(project: "Project") -> None:
    project.write(".env", "A=hunter2\nB=x${A}\nbroken hunter2\n")

    config, report = project.load('[vars]\nA = "plain"\n')

    assert shown(config)["B"] == ("secret_text", "xhunter2")
    texts = [repr(config), str(config), repr(config.bindings), repr(config.settings), str(report)]
    assert not any("hunter2" in text for text in texts)


def test_secret_is_not_shown_by_the_error_of_a_clash(project: "Project") -> None:
    project.write(".dev.vars", "KV=hunter2\nA='hunter2\n")

    with pytest.raises(ConfigError) as caught:
        project.load(KV)

    assert "hunter2" not in caught.value.diagnostics.render() + repr(caught.value)


def test_folder_is_read_by_its_config_file(project: "Project") -> None:
    project.write("wrangler.toml", 'name = "w"\nmain = "src/entry.py"\n')

    config, _ = read_config(project.folder)

    assert config is not None
    assert config.config_path == project.folder / "wrangler.toml"
    assert config.folder == project.folder


def test_folder_without_a_config_file_is_an_error(project: "Project") -> None:
    config, report = read_config(project.folder / "src")

    assert config is None
    assert str(report) == (
        "Processing src configuration:\n"
        "  - There is no config file: none of wrangler.json, wrangler.jsonc, wrangler.toml exists."
    )


def test_losing_config_files_of_a_folder_are_named(project: "Project") -> None:
    content = '{"name": "w", "main": "src/entry.py", "compatibility_flags": ["python_workers"]}'
    for name in ("wrangler.json", "wrangler.jsonc"):
        project.write(name, content)

    config, report = read_config(project.folder)

    assert config is not None
    assert config.config_path.name == "wrangler.json"
    assert str(report) == (
        "Processing wrangler.json configuration:\n"
        f"  - {project.folder} has more than one config file: wrangler.json is used, "
        "wrangler.jsonc is ignored. Delete what you do not need."
    )


def test_relative_path_is_read_from_the_current_folder(project: "Project") -> None:
    project.write("wrangler.toml", 'name = "w"\nmain = "src/entry.py"\n')

    config, _ = read_config(Path("wrangler.toml"))

    assert config is not None
    assert config.config_path == project.folder / "wrangler.toml"


def test_day_of_utc_is_what_a_date_is_compared_with(project: "Project") -> None:
    path = project.write(
        "wrangler.toml",
        'name = "w"\nmain = "src/entry.py"\ncompatibility_date = "9999-01-01"\n'
        'compatibility_flags = ["python_workers"]\n',
    )

    _, report = read_config(path)

    assert ["9999-01-01" in message.text for message in report.warnings] == [True]


def test_file_that_breaks_its_syntax_gives_no_config(project: "Project") -> None:
    config, report = project.read('name = "w\n')

    assert config is None
    assert len(report.errors) == 1
    assert report.errors[0].position is not None
