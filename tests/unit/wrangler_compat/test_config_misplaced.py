"""Keys below the wrong table header, and in the wrong object."""

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from conftest import Project

TOML_HINT = "In TOML a key belongs to the table header above it: move it above the first [header]."


@pytest.mark.parametrize(
    ("header", "label"),
    [
        ("[triggers]\ncrons = []", "triggers"),
        ('[[kv_namespaces]]\nbinding = "KV"\nid = "x"', "kv_namespaces[0]"),
        ('[[services]]\nbinding = "S"\nservice = "s"', "services[0]"),
        ("[dev]\nport = 9000", "dev"),
        ("[limits]\ncpu_ms = 5", "limits"),
        ("[observability.logs]\nenabled = true", "observability.logs"),
        ('[[queues.consumers]]\nqueue = "q"', "queues.consumers[0]"),
        (
            '[[durable_objects.bindings]]\nname = "D"\nclass_name = "C"',
            "durable_objects.bindings[0]",
        ),
    ],
)
def test_key_after_another_sections_header_is_told_where_it_belongs(
    project: "Project", header: str, label: str
) -> None:
    (warning,) = project.warnings(f"{header}\nworkers_dev = true\n")

    line = 5 + header.count("\n") + 1
    assert warning == (
        f'Unexpected fields found in {label} field: "workers_dev"\n'
        f"{TOML_HINT} (wrangler.toml:{line}:1)"
    )


def test_all_keys_after_a_header_are_told_together(project: "Project") -> None:
    config, report = project.read(
        '[triggers]\ncrons = []\nname = "w"\nmain = "src/entry.py"\nroutes = []\n'
    )

    assert config is None
    assert [message.text.partition(":")[0] for message in report.errors] == [
        'Missing "name"',
        'Missing "main"',
    ]
    assert [message.text for message in report.warnings] == [
        f'Unexpected fields found in triggers field: "{key}"\n{TOML_HINT}'
        for key in ("name", "main", "routes")
    ]


@pytest.mark.parametrize(
    "more",
    [
        # The key stands where it belongs as well.
        "workers_dev = true\n[limits]\nworkers_dev = true\n",
        # Its value has another type.
        '[limits]\nworkers_dev = "x"\n',
        # Nobody writes it there by accident.
        "limits = { cpu_ms = 5, cpu_mss = 5 }\n",
    ],
)
def test_other_unknown_fields_are_not_told_so(project: "Project", more: str) -> None:
    (warning,) = project.warnings(more)

    assert warning.startswith("Unexpected fields found in limits field: ")
    assert "header" not in warning


def test_key_in_an_inline_table_is_told_whose_it_is(project: "Project") -> None:
    (warning,) = project.warnings("limits = { workers_dev = true }\n")

    assert '"workers_dev" is a key of the top level.' in warning


def test_key_in_the_wrong_object_of_json_is_told_whose_it_is(project: "Project") -> None:
    text = (
        '{"name": "w", "main": "src/entry.py", "compatibility_flags": ["python_workers"],\n'
        ' "triggers": {"routes": []},\n'
        ' "env": {"x": {"limits": {"logpush": true}}}}'
    )

    _, report = project.read(text, file="wrangler.json", env="x")

    assert [str(message) for message in report.warnings] == [
        'Unexpected fields found in triggers field: "routes"\n'
        '"routes" is a key of the top level. (wrangler.json:2:15)',
        'Unexpected fields found in env.x.limits field: "logpush"\n'
        '"logpush" is a key of "env.x". (wrangler.json:3:27)',
    ]


def test_key_below_a_header_of_an_environment_belongs_to_the_environment(
    project: "Project",
) -> None:
    (warning,) = project.warnings("[env.x.limits]\nlogpush = true\n", env="x")

    assert "move it right below [env.x]. (wrangler.toml:6:1)" in warning


@pytest.mark.parametrize(
    ("header", "meaning"),
    [
        ("vars", "is a variable"),
        ("vars.nested", "is a variable"),
        ("define", 'belongs to "define"'),
        ("alias", 'belongs to "alias"'),
    ],
)
def test_key_in_a_table_that_takes_any_name_is_told_what_it_became(
    project: "Project", header: str, meaning: str
) -> None:
    (warning,) = project.warnings(f'[{header}]\naccount_id = "abc"\n')

    assert warning == (
        f'"account_id" stands below [{header}], so it {meaning} and not the "account_id" of '
        f"the configuration.\n{TOML_HINT} (wrangler.toml:6:1)"
    )


@pytest.mark.parametrize(
    "more",
    [
        "[vars.limits]\ncpu_ms = 5\n",
        "vars = { routes = [] }\n",
        "vars.routes = []\n",
        "[[vars.routes]]\na = 1\n",
        "[vars]\nx = { routes = [] }\n",
    ],
)
def test_variable_that_was_meant_is_none_of_these(project: "Project", more: str) -> None:
    assert project.warnings(more) == []
