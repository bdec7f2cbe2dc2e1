"""Where each value comes from."""

from typing import TYPE_CHECKING, Any

import pytest

from wrangler_compat import (
    ExplainedSecret,
    ExplainedValue,
    WorkerConfig,
    explain_secrets,
    explain_settings,
)

if TYPE_CHECKING:
    from conftest import Project


def explained(config: WorkerConfig, *path: Any) -> ExplainedValue:
    (found,) = [one for one in explain_settings(config) if one.path == path]
    return found


def told(config: WorkerConfig, *path: Any) -> tuple[str, str | None]:
    one = explained(config, *path)
    return one.origin, None if one.position is None else str(one.position)


def test_value_of_the_top_level_has_its_place(project: "Project") -> None:
    config = project.config('[[kv_namespaces]]\nbinding = "KV"\nid = "x"\n')

    assert told(config, "main") == ("top level", "wrangler.toml:2:1")
    assert told(config, "kv_namespaces", 0, "id") == ("top level", "wrangler.toml:7:1")
    assert told(config, "compatibility_flags", 0) == ("top level", "wrangler.toml:4:24")
    assert explained(config, "name").reason is None


def test_value_of_an_environment_is_its_own_or_inherited(project: "Project") -> None:
    config = project.config("logpush = true\n[env.x]\nlogpush = false\n", env="x")

    assert told(config, "logpush") == ("environment", "wrangler.toml:7:1")
    assert told(config, "main") == ("inherited", "wrangler.toml:2:1")
    assert explained(config, "logpush").value is False


def test_name_with_a_suffix_is_told_as_such(project: "Project") -> None:
    name = explained(project.config("[env.x]\n", env="x"), "name")

    assert (name.value, name.origin) == ("my-worker-x", "inherited")
    assert name.reason == "with the environment's name added"


def test_environment_that_is_not_defined_inherits_nothing(project: "Project") -> None:
    assert told(project.config(env="y"), "main") == ("top level", "wrangler.toml:2:1")


def test_value_that_nobody_sets_is_a_default(project: "Project") -> None:
    config = project.config("dev = { port = 9000 }\n")

    assert told(config, "kv_namespaces") == ("default", None)
    assert told(config, "dev", "ip") == ("default", None)
    assert told(config, "dev", "port") == ("top level", "wrangler.toml:5:9")


def test_value_that_is_made_of_others_says_of_what(project: "Project") -> None:
    config = project.config("no_bundle = false\n[env.x]\n", env="x")

    assert told(config, "topLevelName") == ("derived", "wrangler.toml:1:1")
    assert told(config, "definedEnvironments", 0) == ("derived", "wrangler.toml:6:2")
    assert told(config, "configPath") == ("derived", None)
    assert told(config, "targetEnvironment") == ("derived", None)
    assert told(config, "rules", 0, "type") == ("derived", None)
    assert explained(config, "no_bundle").reason == "because main is Python"
    assert explained(config, "no_bundle").value is True


def test_javascript_has_its_own_bundling(project: "Project") -> None:
    project.write("src/entry.js", "")
    config, _ = project.read('name = "w"\nmain = "src/entry.js"\nno_bundle = true\n')

    assert config is not None
    assert told(config, "no_bundle") == ("top level", "wrangler.toml:3:1")
    assert told(config, "rules") == ("default", None)


def test_every_value_is_told_once_and_in_order(project: "Project") -> None:
    config = project.config('routes = ["a.example/*"]\n[vars]\nA = { b = [1, {}] }\n')

    paths = [one.path for one in explain_settings(config)]

    assert ("vars", "A", "b", 0) in paths
    assert ("vars", "A", "b", 1) in paths
    assert len(paths) == len(set(paths))
    assert list(dict.fromkeys(path[0] for path in paths)) == list(config.settings)


def test_variable_that_a_secret_replaces_is_hidden_and_names_it(project: "Project") -> None:
    project.write(".dev.vars", "A=hunter2\n")

    config, _ = project.load('[vars]\nA = "plain"\nB = "shown"\n')

    a, b = explained(config, "vars", "A"), explained(config, "vars", "B")
    assert (a.value, a.hidden, a.replaced_by) == (None, True, ".dev.vars:1")
    assert str(a.position) == "wrangler.toml:6:1"
    assert (b.value, b.hidden, b.replaced_by) == ("shown", False, None)


@pytest.mark.parametrize("line", ['API_KEY = "hunter2"', 'A = { password = "hunter2" }'])
def test_variable_that_looks_like_a_secret_is_hidden(project: "Project", line: str) -> None:
    config = project.config(f"[vars]\n{line}\n")

    hidden = [one for one in explain_settings(config) if one.hidden]

    assert [one.value for one in hidden] == [None]
    assert "hunter2" not in repr(explain_settings(config))


def test_secrets_are_told_by_name_and_source(project: "Project") -> None:
    project.write(".dev.vars", "\nA=hunter2\n")

    config, _ = project.load('secrets = { required = ["A", "B", "C"] }\n', environ={"B": "hunter2"})

    secrets = explain_secrets(config)
    assert [(one.name, one.source) for one in secrets] == [
        ("A", ".dev.vars:2"),
        ("B", "environment variable B"),
        ("C", None),
    ]
    assert str(secrets[0].position) == ".dev.vars:2:1"
    assert "hunter2" not in repr(secrets)


def test_worker_without_secrets_has_none(project: "Project") -> None:
    assert explain_secrets(project.config()) == []
    assert explain_secrets(project.config('secrets = { required = ["A"] }\n')) == [
        ExplainedSecret(name="A", source=None)
    ]
