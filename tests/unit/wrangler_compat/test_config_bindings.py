from typing import TYPE_CHECKING, Any

import pytest

from wrangler_compat import Position
from wrangler_compat.config.keys import KEYS
from wrangler_compat.config.sections import BINDING_SECTIONS, TRIGGER_SECTIONS

if TYPE_CHECKING:
    from conftest import Project

KINDS: list[tuple[str, str, dict[str, Any]]] = [
    ('vars = { B = "text" }', "plain_text", {"text": "text"}),
    ("vars = { B = 1 }", "json", {"json": 1}),
    ("vars = { B = [true, { x = 1.5 }] }", "json", {"json": [True, {"x": 1.5}]}),
    (
        'kv_namespaces = [{ binding = "B", id = "x" }]',
        "kv_namespace",
        {"namespace_id": "x"},
    ),
    (
        'kv_namespaces = [{ binding = "B", id = "x", preview_id = "y", remote = true }]',
        "kv_namespace",
        {"namespace_id": "x", "preview_id": "y", "remote": True},
    ),
    ('services = [{ binding = "B", service = "s" }]', "service", {"service": "s"}),
    (
        'services = [{ binding = "B", service = "s", entrypoint = "E", props = { a = 1 } }]',
        "service",
        {"service": "s", "entrypoint": "E", "props": {"a": 1}},
    ),
    (
        'durable_objects.bindings = [{ name = "B", class_name = "C" }]',
        "durable_object_namespace",
        {"class_name": "C"},
    ),
    (
        'r2_buckets = [{ binding = "B", bucket_name = "files" }]',
        "r2_bucket",
        {"bucket_name": "files"},
    ),
    ('d1_databases = [{ binding = "B", database_id = "d" }]', "d1", {"id": "d"}),
    ('queues.producers = [{ binding = "B", queue = "q" }]', "queue", {"queue_name": "q"}),
    (
        'workflows = [{ binding = "B", name = "w", class_name = "W" }]',
        "workflow",
        {"workflow_name": "w", "class_name": "W"},
    ),
    (
        'send_email = [{ name = "B", allowed_sender_addresses = ["a@b.c"] }]',
        "send_email",
        {"allowed_sender_addresses": ["a@b.c"]},
    ),
    (
        'ratelimits = [{ name = "B", namespace_id = "1", simple = { limit = 1, period = 10 } }]',
        "ratelimit",
        {"namespace_id": "1", "simple": {"limit": 1, "period": 10}},
    ),
    ('hyperdrive = [{ binding = "B", id = "h" }]', "hyperdrive", {"id": "h"}),
    (
        'analytics_engine_datasets = [{ binding = "B", dataset = "d" }]',
        "analytics_engine",
        {"dataset": "d"},
    ),
    ('vectorize = [{ binding = "B", index_name = "i" }]', "vectorize", {"index_name": "i"}),
    ('version_metadata = { binding = "B" }', "version_metadata", {}),
    ('ai = { binding = "B" }', "ai", {}),
    (
        'assets = { directory = "public", binding = "B" }',
        "assets",
        {"directory": "public"},
    ),
    (
        'unsafe.bindings = [{ name = "B", type = "made_up", any = 1 }]',
        "made_up",
        {"any": 1},
    ),
    ('logfwdr.bindings = [{ name = "B", destination = "d" }]', "logfwdr", {"destination": "d"}),
    ('wasm_modules = { B = "a.wasm" }', "wasm_module", {"part": "a.wasm"}),
]


@pytest.mark.parametrize(("more", "kind", "fields"), KINDS)
def test_section_becomes_a_binding_in_the_flat_form(
    project: "Project", more: str, kind: str, fields: dict[str, Any]
) -> None:
    config = project.config(f"{more}\n")

    assert [(b.name, b.type, b.fields) for b in config.bindings] == [("B", kind, fields)]
    assert config.bindings[0].position is not None
    assert config.bindings[0].position.line == 5
    assert config.bindings[0].source is None
    assert project.warnings(f"{more}\n") == []


def test_binding_has_the_place_of_its_name(project: "Project") -> None:
    config = project.config('[[kv_namespaces]]\nid = "x"\n  binding = "KV"\n[vars]\nA = 1\n')

    assert {binding.name: binding.position for binding in config.bindings} == {
        "KV": Position("wrangler.toml", 7, 3),
        "A": Position("wrangler.toml", 9, 1),
    }


@pytest.mark.parametrize(
    ("section", "field"),
    [
        ('kv_namespaces = [{ binding = "B" }]', "namespace_id"),
        ('r2_buckets = [{ binding = "B" }]', "bucket_name"),
        ('d1_databases = [{ binding = "B" }]', "id"),
        ('queues.producers = [{ binding = "B" }]', "queue_name"),
    ],
)
def test_resource_without_an_id_gets_one_of_worker_and_binding(
    project: "Project", section: str, field: str
) -> None:
    config = project.config(f"{section}\n")

    assert config.bindings[0].fields == {field: "my-worker.B"}
    assert project.warnings(f"{section}\n") == []


def test_made_up_id_differs_between_environments(project: "Project") -> None:
    more = '[[env.x.kv_namespaces]]\nbinding = "KV"\n[[env.y.kv_namespaces]]\nbinding = "KV"\n'

    ids = {
        binding.fields["namespace_id"]
        for env in ("x", "y")
        for binding in project.config(more, env=env).bindings
    }

    assert ids == {"my-worker-x.KV", "my-worker-y.KV"}


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (
            'kv_namespaces = [{ id = "x" }]',
            '"kv_namespaces[0]" bindings should have a string "binding" field but got {"id":"x"}.',
        ),
        (
            'kv_namespaces = [{ binding = "", id = "x" }]',
            '"kv_namespaces[0]" bindings should have a string "binding" field '
            'but got {"binding":"","id":"x"}.',
        ),
        (
            'kv_namespaces = [{ binding = "A", id = "" }]',
            '"kv_namespaces[0]" bindings should have a string "id" field '
            'but got {"binding":"A","id":""}.',
        ),
        (
            'kv_namespaces = [{ binding = "A", id = 5 }]',
            '"kv_namespaces[0]" bindings should have a string "id" field '
            'but got {"binding":"A","id":5}.',
        ),
        (
            'kv_namespaces = [{ binding = "A", id = "x", preview_id = 5 }]',
            '"kv_namespaces[0]" bindings should, optionally, have a string "preview_id" field '
            'but got {"binding":"A","id":"x","preview_id":5}.',
        ),
        (
            'services = [{ binding = "A" }]',
            '"services[0]" bindings should have a string "service" field but got {"binding":"A"}.',
        ),
        (
            'services = [{ binding = "A", service = "s", props = 1 }]',
            '"services[0]" bindings should, optionally, have an object "props" field '
            'but got {"binding":"A","service":"s","props":1}.',
        ),
        (
            'ratelimits = [{ name = "A", namespace_id = "1" }]',
            '"ratelimits[0]" bindings should have an object "simple" field '
            'but got {"name":"A","namespace_id":"1"}.',
        ),
        (
            'ratelimits = [{ name = "A", namespace_id = "1", simple = { limit = 1 } }]',
            '"ratelimits[0].simple.period" is a required field.',
        ),
        (
            "version_metadata = {}",
            '"version_metadata" bindings should have a string "binding" field but got {}.',
        ),
        (
            'unsafe.bindings = [{ name = "A" }]',
            '"unsafe.bindings[0]" bindings should have a string "type" field but got {"name":"A"}.',
        ),
        ('services = ["a"]', 'The field "services[0]" should be an object but got "a".'),
        (
            "wasm_modules = { A = 1 }",
            'Expected "wasm_modules.A" to be of type string but got 1.',
        ),
        (
            'send_email = [{ name = "A", allowed_sender_addresses = "a@b.c" }]',
            '"send_email[0]" bindings should, optionally, have a string array '
            '"allowed_sender_addresses" field '
            'but got {"name":"A","allowed_sender_addresses":"a@b.c"}.',
        ),
        (
            "logfwdr = {}",
            '"logfwdr.bindings" is a required field.',
        ),
    ],
)
def test_faulty_binding_is_an_error(project: "Project", more: str, message: str) -> None:
    errors = project.errors(f"{more}\n")

    assert len(errors) == 1, errors
    assert errors[0].startswith(f"{message} (wrangler.toml:5:")


def test_every_fault_of_a_binding_is_reported(project: "Project") -> None:
    errors = project.errors("[[services]]\nentrypoint = 1\n")

    assert [error.partition('"services[0]" bindings ')[2][:30] for error in errors] == [
        "should have a string \"binding\"",
        "should have a string \"service\"",
        "should, optionally, have a str",
    ]  # fmt: skip


def test_unknown_field_of_a_binding_is_a_warning(project: "Project") -> None:
    assert project.warnings('[[kv_namespaces]]\nbinding = "A"\nid = "x"\nprevew_id = "y"\n') == [
        'Unexpected fields found in kv_namespaces[0] field: "prevew_id"\n'
        'Did you mean "preview_id"? (wrangler.toml:8:1)'
    ]


def test_two_bindings_of_one_name_are_an_error_that_names_both_places(project: "Project") -> None:
    errors = project.errors(
        '[vars]\nA = 1\n[[kv_namespaces]]\nbinding = "A"\nid = "x"\n'
        '[[services]]\nbinding = "A"\nservice = "s"\n'
    )

    assert errors == [
        '"A" is the name of two bindings: vars.A (wrangler.toml:6:1) and '
        f"{second}.\n"
        "Bindings must have unique names, so that they can all be referenced in the worker. "
        f"Rename one of them. ({place})"
        for second, place in (
            ("kv_namespaces[0].binding", "wrangler.toml:8:1"),
            ("services[0].binding", "wrangler.toml:11:1"),
        )
    ]


def test_declared_secret_takes_its_name(project: "Project") -> None:
    errors = project.errors('secrets.required = ["A", "B"]\nvars.A = "x"\n')

    assert errors == [
        '"A" is the name of two bindings: vars.A (wrangler.toml:6:6) and secrets.required[0].\n'
        "Bindings must have unique names, so that they can all be referenced in the worker. "
        "Rename one of them. (wrangler.toml:5:21)"
    ]


@pytest.mark.parametrize(
    ("value", "example"),
    [
        ("2020-01-02", "D"),
        ("2020-01-02T03:04:05Z", "D"),
        ("03:04:05", "D"),
        ("[[{ x = 2020-01-02 }]]", "D"),
    ],
)
def test_date_in_a_variable_is_an_error(project: "Project", value: str, example: str) -> None:
    assert project.errors(f"[vars]\nD = {value}\n") == [
        'The field "vars.D" is a TOML date, which is not supported. Please use a string instead, '
        f'e.g. {example} = "2025-12-19". (wrangler.toml:6:1)'
    ]


def test_assets_without_a_binding_are_none(project: "Project") -> None:
    config = project.config('assets = { directory = "public" }\n')

    assert config.bindings == ()
    assert config.settings["assets"] == {"directory": "public"}


def test_consumers_and_tails_are_triggers(project: "Project") -> None:
    config = project.config(
        '[[queues.consumers]]\nqueue = "q"\nmax_retries = 2\n'
        '[[tail_consumers]]\nservice = "t"\n[[streaming_tail_consumers]]\nservice = "s"\n'
    )

    assert [(trigger.type, trigger.fields) for trigger in config.triggers] == [
        ("queue", {"queue": "q", "max_retries": 2}),
        ("tail", {"service": "t"}),
        ("streaming_tail", {"service": "s"}),
    ]
    assert config.triggers[0].position == Position("wrangler.toml", 5, 10)


def test_sections_belong_to_known_keys_and_each_kind_stands_once() -> None:
    sections = [section for section in BINDING_SECTIONS if section.kind]

    assert {section.path[0] for section in (*BINDING_SECTIONS, *TRIGGER_SECTIONS)} <= set(KEYS)
    assert len({section.kind for section in sections}) == len(sections)
