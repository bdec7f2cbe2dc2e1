"""Types and fields of keys: every wrong one is named, with what is wrong and where it stands."""

from typing import TYPE_CHECKING

import pytest

from wrangler_compat.config.fields import json_text, place_label
from wrangler_compat.config.keys import FIELDS, KEYS

if TYPE_CHECKING:
    from conftest import Project

STRING = 'Expected "{}" to be of type string but got {}.'
BOOLEAN = 'Expected "{}" to be of type boolean but got {}.'
NUMBER = 'Expected "{}" to be of type number but got {}.'
STRINGS = 'Expected "{}" to be of type string array but got {}.'
ARRAY = 'The field "{}" should be an array but got {}.'
OBJECT = 'The field "{}" should be an object but got {}.'


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ("account_id = 5", STRING.format("account_id", "5")),
        ("account_id = true", STRING.format("account_id", "true")),
        ("workers_dev = 1", BOOLEAN.format("workers_dev", "1")),
        ('preview_urls = "no"', BOOLEAN.format("preview_urls", '"no"')),
        ("kv_namespaces = {}", ARRAY.format("kv_namespaces", "{}")),
        ("vars = []", OBJECT.format("vars", "[]")),
        ('routes = "a"', ARRAY.format("routes", '"a"')),
        ("dev = 8787", OBJECT.format("dev", "8787")),
        ('dev.port = "8787"', NUMBER.format("dev.port", '"8787"')),
        ("dev.port = true", NUMBER.format("dev.port", "true")),
        ("dev.ip = 1", STRING.format("dev.ip", "1")),
        (
            'dev.local_protocol = "ftp"',
            'Expected "dev.local_protocol" field to be one of ["http","https"] but got "ftp".',
        ),
        ('triggers.crons = "* * * * *"', STRINGS.format("triggers.crons", '"* * * * *"')),
        ("triggers.crons = [1]", STRINGS.format("triggers.crons", "[1]")),
        ('secrets.required = "A"', STRINGS.format("secrets.required", '"A"')),
        ("queues = []", OBJECT.format("queues", "[]")),
        ("queues.producers = {}", ARRAY.format("queues.producers", "{}")),
        (
            "queues.consumers = [{}]",
            '"queues.consumers[0].queue" is a required field.',
        ),
        (
            'queues.consumers = [{ queue = "q", max_retries = "3" }]',
            NUMBER.format("queues.consumers[0].max_retries", '"3"'),
        ),
        ('tail_consumers = ["t"]', OBJECT.format("tail_consumers[0]", '"t"')),
        ("rules = [[]]", OBJECT.format("rules[0]", "[]")),
        (
            'rules = [{ type = "Wrong", globs = ["*"] }]',
            'Expected "rules[0].type" field to be one of ["ESModule","CommonJS","CompiledWasm",'
            '"Text","Data","PythonModule","PythonRequirement"] but got "Wrong".',
        ),
        (
            'rules = [{ type = "Text", globs = "*" }]',
            STRINGS.format("rules[0].globs", '"*"'),
        ),
        ("migrations = [{}]", '"migrations[0].tag" is a required field.'),
        (
            'migrations = [{ tag = "v1", renamed_classes = [{ from = "A" }] }]',
            '"migrations[0].renamed_classes[0].to" is a required field.',
        ),
        (
            "observability.logs = { enabled = true, head_sampling_rate = true }",
            NUMBER.format("observability.logs.head_sampling_rate", "true"),
        ),
        (
            "build.watch_dir = 1",
            'Expected "build.watch_dir" to be a string or an array of strings but got 1.',
        ),
        (
            'assets.run_worker_first = "yes"',
            'The field "assets.run_worker_first" should be an array of strings or a boolean, '
            'but got "yes".',
        ),
    ],
)
def test_wrong_type_is_an_error_with_its_place(project: "Project", more: str, message: str) -> None:
    key = more.partition(" ")[0].partition(".")[0]

    errors = project.errors(f"{more}\n")

    assert len(errors) == 1, errors
    assert errors[0].startswith(f"{message} (wrangler.toml:5:")
    assert key in KEYS


@pytest.mark.parametrize(
    "more",
    [
        'build.watch_dir = "src"',
        'build.watch_dir = ["src", "lib"]',
        "assets.run_worker_first = true",
        'assets.run_worker_first = ["/api/*"]',
        "dev.port = 8787.0",
        'rules = [{ type = "Text", globs = ["*.md"] }]',
    ],
)
def test_right_type_is_accepted(project: "Project", more: str) -> None:
    assert project.errors(f"{more}\n") == []
    assert project.warnings(f"{more}\n") == []


def test_wrong_type_in_an_environment_is_named_with_its_path(project: "Project") -> None:
    assert project.errors('[env.x.dev]\nport = 1\n[env.x.limits]\ncpu_ms = "1"\n', env="x") == [
        'Expected "env.x.limits.cpu_ms" to be of type number but got "1". (wrangler.toml:8:1)'
    ]


@pytest.mark.parametrize(
    ("more", "warning"),
    [
        (
            "compatability_date = 1\n",
            'Unexpected fields found in top-level field: "compatability_date"\n'
            'Did you mean "compatibility_date"? (wrangler.toml:5:1)',
        ),
        (
            "KV_Namespaces = []\n",
            'Unexpected fields found in top-level field: "KV_Namespaces"\n'
            'Did you mean "kv_namespaces"? (wrangler.toml:5:1)',
        ),
        (
            "zzz = 1\n",
            'Unexpected fields found in top-level field: "zzz" (wrangler.toml:5:1)',
        ),
        (
            'crons = ["* * * * *"]\n',
            'Unexpected fields found in top-level field: "crons"\n'
            'Did you mean "triggers.crons"? (wrangler.toml:5:1)',
        ),
        (
            "[dev]\ncrons = 1\n",
            'Unexpected fields found in dev field: "crons" (wrangler.toml:6:1)',
        ),
        (
            "[dev]\nports = 1\n",
            'Unexpected fields found in dev field: "ports"\n'
            'Did you mean "port"? (wrangler.toml:6:1)',
        ),
        (
            "[triggers]\ncron = []\n",
            'Unexpected fields found in triggers field: "cron"\n'
            'Did you mean "crons"? (wrangler.toml:6:1)',
        ),
        (
            "[observability.traces]\nenabled = true\npersists = true\n",
            'Unexpected fields found in observability.traces field: "persists"\n'
            'Did you mean "persist"? (wrangler.toml:7:1)',
        ),
        (
            '[[queues.consumers]]\nqueue = "q"\nretries = 1\n',
            'Unexpected fields found in queues.consumers[0] field: "retries"\n'
            'Did you mean "max_retries"? (wrangler.toml:7:1)',
        ),
    ],
)
def test_unknown_field_is_a_warning_with_the_nearest_known_name(
    project: "Project", more: str, warning: str
) -> None:
    assert project.warnings(more) == [warning]
    assert project.errors(more) == []


def test_unknown_field_stays_in_the_settings_of_a_table(project: "Project") -> None:
    assert project.config("[limits]\nnew_one = 1\n").settings["limits"] == {"new_one": 1}


def test_all_faults_of_a_file_are_reported_at_once(project: "Project") -> None:
    report = project.read('main = 1\nlogpush = "a"\nroutes = 3\nunknown = 1\n')[1]

    assert len(report.errors) == 4  # the name is missing, too
    assert len(report.warnings) == 1


def test_tables_of_fields_belong_to_known_keys() -> None:
    assert {name.partition(".")[0].removesuffix("[]") for name in FIELDS} <= set(KEYS)


def test_label_of_a_place_is_written_like_a_path_in_javascript() -> None:
    assert place_label(("env", "x", "kv_namespaces", 0, "id")) == "env.x.kv_namespaces[0].id"
    assert place_label((0, "tag")) == "[0].tag"
    assert place_label(()) == ""


def test_long_values_are_cut_in_messages() -> None:
    assert json_text({"a": ["é", None]}) == '{"a":["é",null]}'
    assert json_text("x" * 300) == '"' + "x" * 199 + "…"


def test_what_looks_like_a_secret_is_hidden_in_messages(project: "Project") -> None:
    url = "postgres://user:hunter2@db.example.com/x"
    assert json_text({"url": [url], "n": {"password": "hunter2"}, "x": 1}) == (
        '{"url":["(hidden)"],"n":{"password":"(hidden)"},"x":1}'
    )

    table = f'[[hyperdrive]]\nbinding = "DB"\nlocalConnectionString = "{url}"\n'

    (error,) = project.errors(table)
    assert "hunter2" not in error
    assert '{"binding":"DB","localConnectionString":"(hidden)"}' in error
