"""Which keys an environment inherits, and what is reported about those that it does not."""

import json
from typing import TYPE_CHECKING, Any

import pytest

from wrangler_compat import WorkerConfig
from wrangler_compat.config.keys import KEYS

if TYPE_CHECKING:
    from conftest import Project

OBJECTS: dict[str, Any] = {
    "ai": {"binding": "AI"},
    "assets": {"directory": "public"},
    "dev": {"port": 1},
    "build": {"cwd": "x"},
    "limits": {"cpu_ms": 5},
    "observability": {"enabled": True},
    "placement": {"mode": "smart"},
    "python_modules": {"exclude": ["x"]},
    "queues": {"producers": []},
    "secrets": {"required": []},
    "triggers": {"crons": ["* * * * *"]},
    "logfwdr": {"bindings": []},
    "unsafe": {"metadata": {"x": 1}},
    "version_metadata": {"binding": "V"},
}
PLAIN = {
    "string": "text",
    "boolean": True,
    "strings": ["text"],
    "array": [],
    "any": "example.com/*",
    "object": {},
}

INHERITED = [
    "account_id",
    "assets",
    "base_dir",
    "build",
    "compatibility_date",
    "compatibility_flags",
    "find_additional_modules",
    "limits",
    "logpush",
    "main",
    "migrations",
    "observability",
    "placement",
    "preview_urls",
    "python_modules",
    "route",
    "routes",
    "rules",
    "triggers",
    "workers_dev",
]
OWN = [
    "analytics_engine_datasets",
    "d1_databases",
    "define",
    "durable_objects",
    "hyperdrive",
    "kv_namespaces",
    "queues",
    "r2_buckets",
    "ratelimits",
    "secrets",
    "send_email",
    "services",
    "tail_consumers",
    "vars",
    "version_metadata",
    "workflows",
]
TOP_LEVEL = ["$schema", "dev", "keep_vars", "legacy_env", "send_metrics"]

HEADER = """\
name = "w"
main = "src/entry.py"
compatibility_flags = ["python_workers"]
"""


def example(key: str) -> Any:
    """Return a value that the key may have."""
    if key == "compatibility_date":
        return "2025-01-01"
    return OBJECTS.get(key, PLAIN[KEYS[key].type])


def read(project: "Project", data: dict[str, Any], env: str) -> tuple[WorkerConfig, list[str]]:
    data = {"name": "w", "main": "src/entry.py", "compatibility_flags": ["python_workers"], **data}
    config, report = project.read(json.dumps(data), env=env, file="wrangler.json")
    assert config is not None, report.render_errors()
    return config, [message.text for message in report.warnings]


@pytest.mark.parametrize("key", INHERITED)
def test_environment_inherits_what_it_does_not_set(project: "Project", key: str) -> None:
    value = "src/entry.py" if key == "main" else example(key)
    flags = ["python_workers"] if key == "compatibility_flags" else value

    top, _ = read(project, {key: flags, "env": {"x": {}}}, env="")
    inherited, warnings = read(project, {key: flags, "env": {"x": {}}}, env="x")

    assert inherited.settings[key] == top.settings[key]
    assert inherited.origins[key] == (key,)
    assert warnings == []


@pytest.mark.parametrize("key", OWN)
def test_environment_does_not_inherit_the_rest_and_that_is_a_warning(
    project: "Project", key: str
) -> None:
    config, warnings = read(project, {key: example(key), "env": {"x": {}}}, env="x")

    assert config.settings.get(key) == KEYS[key].default
    assert warnings == [
        f'"{key}" exists at the top level, but not on "env.x".\n'
        f'This is not what you probably want, since "{key}" is not inherited by environments.\n'
        f'Please add "{key}" to "env.x".'
    ]


@pytest.mark.parametrize("key", OWN)
def test_environment_that_sets_the_key_itself_is_not_warned_about(
    project: "Project", key: str
) -> None:
    value = example(key)

    _, warnings = read(project, {key: value, "env": {"x": {key: value}}}, env="x")

    assert warnings == []


@pytest.mark.parametrize("key", TOP_LEVEL)
def test_key_of_the_top_level_counts_everywhere_and_stands_nowhere_else(
    project: "Project", key: str
) -> None:
    value = example(key)

    config, warnings = read(project, {key: value, "env": {"x": {key: value}}}, env="x")

    assert config.origins[key] == (key,)
    assert warnings == [
        f'Unexpected fields found in env.x field: "{key}"\n'
        f'"{key}" can stand at the top level only; here it is ignored.'
    ]


@pytest.mark.parametrize("key", [*INHERITED, *OWN])
def test_environment_wins_over_the_top_level(project: "Project", key: str) -> None:
    value = "src/entry.py" if key == "main" else example(key)
    other = {"routes": ["b.example.com/*"], "route": "b.example.com/*"}.get(key, value)

    config, _ = read(project, {key: value, "env": {"x": {key: other}}}, env="x")

    assert config.origins[key] == ("env", "x", key)


def test_name_has_the_environment_as_suffix(project: "Project") -> None:
    config = project.config("[env.staging]\n", env="staging")

    assert (config.name, config.top_level_name) == ("my-worker-staging", "my-worker")
    assert config.target_environment == "staging"
    assert config.settings["name"] == "my-worker-staging"
    assert config.settings["topLevelName"] == "my-worker"
    assert config.settings["targetEnvironment"] == "staging"


def test_own_name_of_an_environment_has_no_suffix(project: "Project") -> None:
    config = project.config('[env.staging]\nname = "other"\n', env="staging")

    assert (config.name, config.top_level_name) == ("other", "my-worker")


def test_top_level_has_no_target(project: "Project") -> None:
    config = project.config("[env.b]\n[env.a]\n")

    assert (config.name, config.top_level_name) == ("my-worker", "my-worker")
    assert config.target_environment is None
    assert config.defined_environments == ("b", "a")
    assert config.settings["definedEnvironments"] == ["b", "a"]
    assert "targetEnvironment" not in config.settings


def test_undefined_environment_is_a_warning_that_lists_the_others(project: "Project") -> None:
    more = "[vars]\nA = 1\n[env.a]\n[env.b]\n"

    config = project.config(more, env="c")

    assert config.name == "my-worker-c"
    assert config.target_environment == "c"
    assert [binding.name for binding in config.bindings] == ["A"]
    assert project.warnings(more, env="c") == [
        'No environment found in configuration with name "c".\n'
        'The available configured environment names are: ["a","b"]\n'
        'The top level is used. To define it, add an "env.c" section. (wrangler.toml:7:2)'
    ]


def test_undefined_environment_where_none_is_defined(project: "Project") -> None:
    assert project.warnings(env="c") == [
        'No environment found in configuration with name "c".\n'
        "No environment is configured.\n"
        'The top level is used. To define it, add an "env.c" section. (wrangler.toml:1:1)'
    ]


def test_messages_of_an_environment_stand_in_its_section(project: "Project") -> None:
    _, report = project.read(
        HEADER + 'logpush = "x"\nbuilt = 1\n[env.production]\nworkers_dev = 3\nwords = ""\n',
        env="production",
    )

    assert str(report) == (
        "Processing wrangler.toml configuration:\n"
        '  - Unexpected fields found in top-level field: "built"\n'
        '    Did you mean "build"? (wrangler.toml:5:1)\n'
        '  - "env.production" environment configuration\n'
        '      - Unexpected fields found in env.production field: "words" (wrangler.toml:8:1)\n'
        "\n"
        "Processing wrangler.toml configuration:\n"
        '  - Expected "logpush" to be of type boolean but got "x". (wrangler.toml:4:1)\n'
        '  - "env.production" environment configuration\n'
        '      - Expected "env.production.workers_dev" to be of type boolean but got 3. '
        "(wrangler.toml:7:1)"
    )


def test_environment_that_is_no_table_is_an_error(project: "Project") -> None:
    assert project.errors("[env]\nx = 5\n", env="x") == [
        'The field "env.x" should be an object but got 5. (wrangler.toml:6:1)'
    ]
    assert project.errors("env = 5\n", env="x") == [
        'The field "env" should be an object but got 5. (wrangler.toml:5:1)'
    ]


@pytest.mark.parametrize(
    ("more", "warning"),
    [
        (
            "[vars]\nA = 1\nB = 2\nC = 3\n[env.x.vars]\nB = 2\n",
            "The following vars exist at the top level, but not on \"env.x.vars\".\n"
            'This is probably not what you want, since "vars" configuration is not inherited by '
            "environments.\n"
            'Please add them to "env.x.vars": A, C. (wrangler.toml:9:8)',
        ),
        (
            'kv_namespaces = [{ binding = "A", id = "a" }, { binding = "B", id = "b" }]\n'
            '[[env.x.kv_namespaces]]\nbinding = "B"\nid = "c"\n',
            'The following kv_namespaces bindings exist at the top level, but not on '
            '"env.x.kv_namespaces".\n'
            'This is probably not what you want, since "kv_namespaces" configuration is not '
            "inherited by environments.\n"
            'Please add them to "env.x.kv_namespaces": A. (wrangler.toml:6:9)',
        ),
        (
            'version_metadata = { binding = "A" }\n[env.x.version_metadata]\nbinding = "B"\n',
            "The following version_metadata bindings exist at the top level, but not on "
            '"env.x.version_metadata".\n'
            'This is probably not what you want, since "version_metadata" configuration is not '
            "inherited by environments.\n"
            'Please add them to "env.x.version_metadata": A. (wrangler.toml:6:8)',
        ),
    ],
)  # fmt: skip
def test_bindings_that_an_environment_lacks_are_named(
    project: "Project", more: str, warning: str
) -> None:
    assert project.warnings(more, env="x") == [warning]


def test_malformed_bindings_are_not_taken_for_names(project: "Project") -> None:
    data = {
        "kv_namespaces": [{"binding": 5}, 7, {"id": "x"}],
        "env": {"x": {"kv_namespaces": []}},
    }
    _, report = project.read(json.dumps(data), env="x", file="wrangler.json")

    assert not any("exist at the top level" in message.text for message in report.warnings)


def test_faulty_bindings_of_the_top_level_are_reported_for_an_environment_too(
    project: "Project",
) -> None:
    more = '[[kv_namespaces]]\nid = "x"\n[env.x]\nkv_namespaces = []\n'

    _, report = project.read(HEADER + more, env="x")

    assert report.render_errors() == (
        "Processing wrangler.toml configuration:\n"
        '  - "kv_namespaces[0]" bindings should have a string "binding" field but got {"id":"x"}. '
        "(wrangler.toml:4:3)"
    )


@pytest.mark.parametrize("key", ["account_id", "route"])
def test_empty_text_counts_as_absent(project: "Project", key: str) -> None:
    value = {"account_id": "abc", "route": "example.com/*"}[key]

    config, warnings = read(project, {key: value, "env": {"x": {key: ""}}}, env="x")

    assert config.settings[key] == value
    assert warnings == [
        f'The "{key}" field in your configuration is an empty string and will be ignored.\n'
        f'Please remove the "{key}" field from your configuration.'
    ]


def test_key_that_stands_below_vars_by_accident_is_named(project: "Project") -> None:
    more = '[vars]\nA = 1\nroutes = ["example.com/*"]\nworkers_dev = true\nname = 5\n'

    assert project.warnings(more) == [
        '"routes" stands below [vars], so it is a variable and not the "routes" of the '
        "configuration.\n"
        "In TOML a key belongs to the table header above it: move it above the first [header]. "
        "(wrangler.toml:7:1)",
        '"workers_dev" stands below [vars], so it is a variable and not the "workers_dev" of the '
        "configuration.\n"
        "In TOML a key belongs to the table header above it: move it above the first [header]. "
        "(wrangler.toml:8:1)",
    ]


def test_key_below_the_vars_of_an_environment_is_named(project: "Project") -> None:
    warnings = project.warnings('[env.x.vars]\naccount_id = "abc"\n', env="x")

    assert ['"account_id" stands below [env.x.vars]' in text for text in warnings] == [True]


def test_variable_that_only_shares_a_keys_name_is_none_of_these(project: "Project") -> None:
    in_json = '{"name": "w", "main": "src/entry.py", "vars": {"routes": ["x"]}}'

    assert project.warnings('[vars]\nmain = "x"\nroutes = "none"\n') == []
    _, report = project.read(in_json, file="wrangler.json")
    assert not any("stands below" in message.text for message in report.warnings)


def test_every_key_of_the_specification_is_in_the_table() -> None:
    scopes = {
        "inherited": {*INHERITED, "name"},
        "own": set(OWN),
        "top_level": {*TOP_LEVEL, "env"},
    }

    for scope, keys in scopes.items():
        assert {key: KEYS[key].scope for key in keys} == dict.fromkeys(keys, scope)


def test_key_of_a_plugin_is_known_and_not_inherited(project: "Project") -> None:
    more = '[[flags]]\nbinding = "F"\n[env.x]\n'

    config = project.config(more, env="x", plugin_keys={"flags": "feature_flags", "vars": "no"})
    top = project.config(more, plugin_keys={"flags": "feature_flags"})

    assert config.bindings == ()
    assert config.extra == {}
    assert top.extra == {"flags": [{"binding": "F"}]}
    assert [(binding.name, binding.type) for binding in top.bindings] == [("F", "feature_flags")]


def test_fields_of_a_plugins_key_are_for_the_plugin_to_know(project: "Project") -> None:
    text = 'name = "w"\nmain = "src/entry.py"\ncompatibility_flags = ["python_workers"]\n'
    text += '[[flags]]\nbinding = "F"\nown = 1\n'

    config, report = project.read(text, plugin_keys={"flags": "feature_flags"})

    assert config is not None
    assert [binding.fields for binding in config.bindings] == [{"own": 1}]
    assert not report.has_warnings


@pytest.mark.parametrize("key", ["build", "limits", "migrations", "rules", "triggers"])
def test_null_counts_as_absent_where_it_does_for_wrangler(project: "Project", key: str) -> None:
    config, warnings = read(project, {key: example(key), "env": {"x": {key: None}}}, env="x")

    assert config.origins[key] == (key,)
    assert warnings == []


def test_null_is_a_wrong_type_elsewhere(project: "Project") -> None:
    _, report = project.read('{"name": "w", "vars": null}', file="wrangler.json")

    assert 'The field "vars" should be an object but got null.' in [
        message.text for message in report.errors
    ]
