"""Service bindings as they are declared; calls stand with the dispatcher's tests."""

import pytest

from runtime.bindings.service import ServicePlugin, ServiceSpec
from runtime.plugins import Diagnostics, Position, RawBinding, WorkerStub


def parse(**fields: object) -> tuple[ServiceSpec | None, str]:
    report = Diagnostics()
    raw = RawBinding(
        worker="w", name="BACK", type="service", fields=fields, position=Position("f.toml", 3, 1)
    )
    return ServicePlugin().parse(raw, report), report.render()


def test_a_service_is_named_with_entrypoint_and_props() -> None:
    spec, report = parse(service="back", entrypoint="Admin", props={"a": 1})

    assert spec == ServiceSpec(worker="back", entrypoint="Admin", props={"a": 1})
    assert report == ""


def test_entrypoint_and_props_may_be_left_out() -> None:
    assert parse(service="back") == (ServiceSpec(worker="back", entrypoint=None, props=None), "")


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({}, 'does not say which worker it calls; add service = "<worker name>". (f.toml:3:1)'),
        ({"service": ""}, "does not say which worker it calls"),
        ({"service": 5}, "does not say which worker it calls"),
        ({"service": "b", "entrypoint": 5}, "is the name of a class, not 5"),
        ({"service": "b", "props": [1]}, "are a table, not [1]"),
    ],
)
def test_a_faulty_binding_is_reported_with_its_place(fields: dict, reason: str) -> None:
    spec, report = parse(**fields)

    assert spec is None
    assert '"BACK"' in report
    assert reason in report
    assert "(f.toml:3:1)" in report


async def test_the_binding_is_a_stub_of_the_worker() -> None:
    class Host:
        async def invoke(self, *args: object, **options: object) -> tuple[object, ...]:
            return args, options

    plugin = ServicePlugin()
    async with plugin.open(Host()) as binder:
        stub = binder.bind(ServiceSpec(worker="back", entrypoint="E", props={"a": 1}), "w")

    assert isinstance(stub, WorkerStub)
    assert repr(stub) == "WorkerStub('back', entrypoint='E')"
