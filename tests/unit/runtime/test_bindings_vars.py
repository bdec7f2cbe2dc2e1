"""`vars` on env."""

import pytest

from runtime.bindings.vars import VarsPlugin
from runtime.plugins import Diagnostics, RawBinding

CONFIG = """
[vars]
TEXT = "text"
NUMBER = 5
FRACTION = 1.5
YES = true
LIST = [1, "two"]
TABLE = { inner = { deep = 1 } }
"""


async def test_values_arrive_as_they_are_configured(workers) -> None:
    await workers.load(
        "demo",
        """
        from workers import Response
        async def on_fetch(request, env):
            names = ["TEXT", "NUMBER", "FRACTION", "YES", "LIST", "TABLE"]
            return Response.json([getattr(env, name) for name in names])
        """,
        config=CONFIG,
    )

    values = await (await workers.fetch("demo")).json()

    assert values == ["text", 5, 1.5, True, [1, "two"], {"inner": {"deep": 1}}]


async def test_what_a_worker_changes_does_not_outlive_it(workers) -> None:
    source = """
        from workers import Response
        async def on_fetch(request, env):
            env.LIST.append("changed")
            return Response(str(env.LIST))
        """
    await workers.load("demo", source, config=CONFIG)
    before = await workers.text("demo")

    await workers.load("demo", source, config=CONFIG)

    assert before == await workers.text("demo") == "[1, 'two', 'changed']"


@pytest.mark.parametrize(
    ("kind", "fields", "value"),
    [
        ("plain_text", {"text": "x"}, "x"),
        ("json", {"json": {"a": None}}, {"a": None}),
        ("json", {"json": None}, None),
    ],
)
def test_a_binding_in_flat_form_is_read(kind: str, fields: dict, value: object) -> None:
    report = Diagnostics()

    spec = VarsPlugin().parse(RawBinding(worker="w", name="V", type=kind, fields=fields), report)

    assert spec == value
    assert not report.has_errors


@pytest.mark.parametrize("fields", [{}, {"text": 5}])
def test_a_text_that_is_none_is_reported(fields: dict) -> None:
    report = Diagnostics()
    raw = RawBinding(worker="w", name="V", type="plain_text", fields=fields)

    assert VarsPlugin().parse(raw, report) is None
    assert report.render() == f'"V" needs a text, got {fields.get("text")!r}.'
