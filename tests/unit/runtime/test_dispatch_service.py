"""Calls from worker to worker: fetch, RPC by value, events, exceptions, limits."""

import datetime
import textwrap
import time

import pytest

from runtime.errors import NoWorkerError, SubrequestLimitError
from workers.body import Body
from workers.request import incoming_request

TO_BACK = '[[services]]\nbinding = "BACK"\nservice = "back"\n'
BACK = """
    from workers import Response, WorkerEntrypoint, env
    import time

    class OwnError(ValueError): pass
    class Custom: pass

    class Base(WorkerEntrypoint):
        async def from_base(self):
            return "base"
        hidden = from_base

    class Default(Base):
        class Nested: pass
        constant = 5
        hidden = None

        async def fetch(self, request):
            if request.url.endswith("/raise"):
                raise OwnError("own text")
            body = await request.text()
            return Response(f"{request.method} {request.url} {body} {env.WORD}", status=201)

        async def scheduled(self, controller, env, ctx):
            if controller.cron == "raise":
                raise ValueError("no run")
            ran.append((controller.scheduledTime, controller.cron, controller.type))
            controller.noRetry()

        async def ran(self): return [list(run) for run in ran]
        async def echo(self, value): return value
        def sync(self, a, b=2, *, worker="w", handler="h", entrypoint="e", props="p", kwargs="k"):
            return [a, b, worker, handler, entrypoint, props, kwargs]
        async def custom(self): return Custom()
        async def word(self): return env.WORD
        async def counter(self):
            count = 0
            async def step(by):
                nonlocal count
                count += by
                return [count, env.WORD]
            return step
        async def call(self, function, value): return await function(value)
        async def own_error(self): raise OwnError("own text")
        async def builtin_error(self): raise KeyError("key")
        async def _private(self): return "secret"

    class Admin(WorkerEntrypoint):
        async def fetch(self, request): return Response("admin")
        async def role(self): return "admin"

    ran = []
    """
FRONT = """
    from workers import Response, WorkerEntrypoint, Request, env
    class Default(WorkerEntrypoint):
        async def run(self, source):
            lines = source.strip().splitlines()
            body = "\\n".join("    " + line for line in lines)
            scope = {"back": self.env.BACK, "env": self.env, "Request": Request}
            exec(f"async def run():\\n{body}", scope)
            return await scope["run"]()
    """


@pytest.fixture
async def run(workers):
    """Run code in the worker `front`, with its binding as `back`."""
    await workers.load("back", BACK, config='[vars]\nWORD = "of back"\n')
    await workers.load(
        "front",
        FRONT,
        config='[vars]\nWORD = "of front"\n'
        + TO_BACK
        + '[[services]]\nbinding = "ADMIN"\nservice = "back"\nentrypoint = "Admin"\n'
        + '[[services]]\nbinding = "NOBODY"\nservice = "nobody"\n',
    )

    async def run_source(source: str) -> object:
        return await workers.call("front", "run", textwrap.dedent(source))

    return run_source


# fetch


async def test_fetch_takes_a_url_and_options(run) -> None:
    text = "return await (await back.fetch('https://any.example/x', {})).text()"

    assert await run(text.replace(", {}", "")) == "GET https://any.example/x  of back"
    assert (
        await run(text.replace("{}", "method='POST', body='data'"))
        == "POST https://any.example/x data of back"
    )


async def test_fetch_takes_a_request_which_moves(run) -> None:
    seen = await run(
        """
        request = Request("http://h/x", method="PUT", body="data", headers={"a": "b"})
        response = await back.fetch(request)
        again = None
        try:
            await back.fetch(request)
        except OSError as error:
            again = str(error)
        return [response.status, await response.text(), request.body_used, again]
        """
    )

    assert seen == [201, "PUT http://h/x data of back", True, "Body already used"]


async def test_a_callee_cannot_change_its_callers_request(workers) -> None:
    await workers.load(
        "back",
        """
        from workers import Response
        async def on_fetch(request):
            request.params = {"id": 1}
            request.headers["x-user"] = "root"
            return Response(request.headers["x-from"] + str(request.cf))
        """,
    )
    await workers.load(
        "front",
        """
        from workers import Request, Response
        async def on_fetch(request, env):
            mine = Request("http://h/", headers={"x-from": "front"}, cf={"colo": "DEV"})
            answer = await env.BACK.fetch(mine)
            return Response(f"{await answer.text()} {list(mine.headers)} {hasattr(mine, 'params')}")
        """,
        config=TO_BACK,
    )

    assert await workers.text("front") == "front{'colo': 'DEV'} ['x-from'] False"


async def test_an_incoming_get_with_a_body_can_be_passed_on(workers) -> None:
    await workers.load("back", BACK, config='[vars]\nWORD = "w"\n')
    await workers.load(
        "front",
        "async def on_fetch(request, env): return await env.BACK.fetch(request)",
        config=TO_BACK,
    )
    request = incoming_request("GET", "http://h/", lambda: [("a", "b")], Body(b"odd"))

    response = await workers.node.find("front").invoke("fetch", (request,), {})

    assert await response.text() == "GET http://h/ odd w"


async def test_an_entrypoint_of_the_binding_answers(run) -> None:
    assert await run("return await (await env.ADMIN.fetch('http://h/')).text()") == "admin"
    assert await run("return await env.ADMIN.role()") == "admin"


async def test_a_service_that_is_not_loaded_is_named_on_use(run) -> None:
    with pytest.raises(NoWorkerError, match='no worker "nobody" is loaded; loaded: back, front'):
        await run("await env.NOBODY.fetch('http://h/')")


async def test_a_service_may_be_loaded_after_its_callers(workers) -> None:
    await workers.load("front", FRONT, config=TO_BACK)
    await workers.load("back", BACK, config='[vars]\nWORD = "w"\n')

    assert await workers.call("front", "run", "return await back.word()") == "w"


# Exceptions


@pytest.mark.parametrize("call", ["back.fetch('http://h/raise')", "back.own_error()"])
async def test_a_callees_exception_is_an_exception_here_of_a_class_that_both_know(
    run, call: str
) -> None:
    seen = await run(
        f"""
        try:
            await {call}
        except ValueError as error:
            return [type(error).__name__, str(error), type(error.__cause__).__name__]
        """
    )

    assert seen == ["ValueError", "own text", "OwnError"]


async def test_a_built_in_exception_passes_as_it_is(run) -> None:
    assert (
        await run(
            "try:\n    await back.builtin_error()\nexcept KeyError as e:\n    return e.args[0]"
        )
        == "key"
    )


async def test_an_exception_that_nobody_catches_reaches_the_server_as_it_was_raised(
    workers,
) -> None:
    await workers.load("back", BACK, config='[vars]\nWORD = "w"\n')

    with pytest.raises(ValueError, match="own text") as caught:
        await workers.fetch("back", "http://h/raise")

    assert type(caught.value).__name__ == "OwnError"


# RPC


@pytest.mark.parametrize(
    "value",
    [None, True, 5, 1.5, "text", [1, [2]], {"a": {"b": 1}}, {1, 2}],
)
async def test_values_pass_in_both_directions(workers, run, value: object) -> None:
    assert await run(f"return await back.echo({value!r})") == value


async def test_values_arrive_in_the_form_of_cloudflare(run) -> None:
    seen = await run(
        """
        import datetime
        given = {1: b"x", "when": datetime.datetime(2026, 1, 2, 3, 4, 5, 678901)}
        got = await back.echo(given)
        assert type(got["1"]) is memoryview and bytes(got["1"]) == b"x"
        assert got.when == datetime.datetime(2026, 1, 2, 3, 4, 5, 678000)
        mine = [1]
        theirs = await back.echo(mine)
        assert theirs == mine and theirs is not mine
        return got.when
        """
    )

    assert seen == datetime.datetime(2026, 1, 2, 3, 4, 5, 678000)


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("(1, 2)", "cannot be sent over RPC"),
        ("bytearray()", "cannot be sent over RPC"),
        ("{'a': [(1,)]}", "cannot be sent over RPC"),
        ("1j", "DataCloneError"),
    ],
)
async def test_what_cannot_be_sent_is_refused(run, value: str, message: str) -> None:
    with pytest.raises(TypeError, match=message):
        await run(f"await back.echo({value})")


async def test_a_result_that_cannot_be_sent_is_refused(run) -> None:
    with pytest.raises(TypeError, match=r"^DataCloneError.*Custom"):
        await run("await back.custom()")


async def test_methods_take_any_argument_whatever_its_name(run) -> None:
    assert await run("return await back.sync(1)") == [1, 2, "w", "h", "e", "p", "k"]
    assert await run(
        "return await back.sync(1, b=3, worker=4, handler=5, entrypoint=6, props=7, kwargs=8)"
    ) == [1, 3, 4, 5, 6, 7, 8]


async def test_functions_arrive_as_stubs_that_run_where_they_came_from(run) -> None:
    seen = await run(
        """
        step = await back.counter()
        assert step
        async def mine(value):
            import workers
            return [value, workers.env.WORD]
        return [await step(1), await step(2), await back.call(mine, 7), await back.call(step, 3)]
        """
    )

    assert seen == [[1, "of back"], [3, "of back"], [7, "of front"], [6, "of back"]]


async def test_a_binding_can_be_passed_on(run) -> None:
    assert await run("return await (await back.echo(env.ADMIN)).role()") == "admin"


@pytest.mark.parametrize("name", ["nope", "constant", "Nested", "hidden", "ctx", "env"])
async def test_what_is_no_method_is_an_attribute_error_naming_worker_and_method(
    run, name: str
) -> None:
    with pytest.raises(AttributeError, match=f'worker "back" has no RPC method "{name}"'):
        await run(f"await back.{name}()")


async def test_methods_of_a_base_class_of_the_worker_can_be_called(run) -> None:
    assert await run("return await back.from_base()") == "base"


@pytest.mark.parametrize("name", ["_private", "__call", "_env"])
async def test_private_names_are_never_callable(workers, run, name: str) -> None:
    with pytest.raises(AttributeError, match=f'"{name}" of worker "back" is private'):
        await run(f"await back.{name}()")
    with pytest.raises(AttributeError, match=f'"back" has no RPC method "{name}"'):
        await workers.call("back", name)


@pytest.mark.parametrize("name", ["queue", "email", "tail", "test"])
async def test_event_handlers_are_not_callable(run, name: str) -> None:
    with pytest.raises(AttributeError, match=f'"{name}" of worker "back" handles events'):
        await run(f"await back.{name}()")


# scheduled


async def test_scheduled_runs_the_handler_and_gives_its_outcome(run) -> None:
    result = await run(
        """
        result = await back.scheduled(scheduledTime=1000, cron="* * * * *")
        return [result.outcome, result["noRetry"], await back.ran()]
        """
    )

    assert result == ["ok", False, [[1000, "* * * * *", "scheduled"]]]


async def test_scheduled_means_now_unless_told(run) -> None:
    before = time.time() * 1000
    ((millis, cron, _),) = await run("await back.scheduled()\nreturn await back.ran()")

    assert before - 1 <= millis <= time.time() * 1000
    assert cron == ""


async def test_scheduled_raises_what_the_handler_raises(run) -> None:
    with pytest.raises(ValueError, match="no run"):
        await run("await back.scheduled(cron='raise')")


# Depth


@pytest.mark.parametrize(("calls", "fits"), [(32, True), (33, False)])
@pytest.mark.parametrize("way", ["rpc", "binding", "route"])
async def test_calls_nest_32_deep_and_no_deeper(workers, way: str, calls: int, fits: bool) -> None:
    await workers.load(
        "loop",
        """
        from workers import Response, WorkerEntrypoint, fetch
        class Default(WorkerEntrypoint):
            async def fetch(self, request):
                way, left = request.url.split("/")[-2:]
                if way == "rpc":
                    return Response(str(await self.down(int(left))))
                if left == "0":
                    return Response("bottom")
                following = f"http://loop.localhost/{way}/{int(left) - 1}"
                if way == "route":
                    return await fetch(following)
                return await self.env.SELF.fetch(following)
            async def down(self, left):
                return await self.env.SELF.down(left - 1) if left else "bottom"
        """,
        config='[[services]]\nbinding = "SELF"\nservice = "loop"\n',
    )

    if fits:
        assert await workers.text("loop", f"http://h/{way}/{calls}") == "bottom"
        return
    with pytest.raises(SubrequestLimitError, match='nest over 32 deep: "loop" called "loop"'):
        await workers.text("loop", f"http://h/{way}/{calls}")


# Faults that are no Exception


@pytest.mark.parametrize("how", ["sys.exit(3)", "raise SystemExit(3)", "exit(3)"])
async def test_a_worker_cannot_end_the_process(workers, how: str) -> None:
    await workers.load("demo", f"import sys\nasync def on_fetch():\n    {how}")

    with pytest.raises(RuntimeError, match=r"fetch tried to end the process: SystemExit\(3\)") as e:
        await workers.fetch("demo")

    assert "entry.py:3" in str(e.value)
