"""What stands on `env` for another worker."""

from typing import Any

import pytest

from runtime.events import ScheduledController
from runtime.stubs import WorkerStub
from workers import Request, Response, python_to_rpc


class Calls:
    """Notes what is invoked, and answers with what a test gives."""

    def __init__(self, answer: object = None) -> None:
        self.made: list[tuple[Any, ...]] = []
        self.answer = answer

    async def __call__(self, worker: str, handler: str, /, *args: object, **options: Any) -> Any:
        self.made.append((worker, handler, args, options))
        return self.answer


PLAIN = {"entrypoint": None, "props": None}


async def test_fetch_sends_the_request_itself_or_one_that_it_makes() -> None:
    calls = Calls(Response("x"))
    request = Request("http://h/")

    await WorkerStub(calls, "back").fetch(request)
    response = await WorkerStub(calls, "back").fetch("http://h/y", method="PUT", body="b")

    (_, _, (same,), options), (worker, handler, (made,), _) = calls.made
    assert (worker, handler, options) == ("back", "fetch", PLAIN)
    assert same is request
    assert (made.method, made.url, await made.text()) == ("PUT", "http://h/y", "b")
    assert response is calls.answer


async def test_entrypoint_and_props_go_along() -> None:
    calls = Calls()
    stub = WorkerStub(calls, "back", entrypoint="Admin", props={"a": 1})

    await stub.method()
    await stub.fetch("http://h/")
    await stub.scheduled()

    for _, _, _, options in calls.made:
        assert (options["entrypoint"], options["props"]) == ("Admin", {"a": 1})
    assert repr(stub) == "WorkerStub('back', entrypoint='Admin')"
    assert repr(WorkerStub(calls, "back")) == "WorkerStub('back')"


async def test_arguments_and_result_pass_by_value() -> None:
    given = {"list": [1]}
    calls = Calls(python_to_rpc({"b": {"c": 1}}))

    result = await WorkerStub(calls, "back").method(given, key=given)

    ((_, handler, (sent,), options),) = calls.made
    assert handler == "method"
    assert sent == options["kwargs"]["key"] == given
    assert sent is not given
    assert sent["list"] is not given["list"]
    assert result.b.c == 1


async def test_what_cannot_be_sent_is_refused_before_the_call() -> None:
    calls = Calls()

    with pytest.raises(TypeError, match="cannot be sent over RPC"):
        await WorkerStub(calls, "back").method((1,))

    assert calls.made == []


async def test_scheduled_makes_the_controller() -> None:
    calls = Calls()

    outcome = await WorkerStub(calls, "back").scheduled(scheduledTime=1000.9, cron="* * * * *")

    ((_, handler, (controller,), _),) = calls.made
    assert handler == "scheduled"
    assert controller == ScheduledController(scheduledTime=1000, cron="* * * * *")
    assert outcome.outcome == "ok"


def test_a_method_has_its_name() -> None:
    assert WorkerStub(Calls(), "back").do_it.__name__ == "do_it"


@pytest.mark.parametrize("name", ["_private", "__dunder"])
def test_private_names_are_no_methods(name: str) -> None:
    stub = WorkerStub(Calls(), "back")

    with pytest.raises(AttributeError, match=f'"{name}" of worker "back" is private'):
        getattr(stub, name)


@pytest.mark.parametrize("name", ["email", "queue", "tail", "test"])
def test_events_are_no_methods(name: str) -> None:
    stub = WorkerStub(Calls(), "back")

    with pytest.raises(AttributeError, match=f'"{name}" of worker "back" handles events'):
        getattr(stub, name)


def test_a_stub_is_passed_on_over_rpc_as_it_is() -> None:
    stub = WorkerStub(Calls(), "back")

    assert python_to_rpc([stub])[0] is stub
