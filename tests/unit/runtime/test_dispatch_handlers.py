"""Which handlers a worker has, how each is called, and what may come back."""

import logging

import pytest

IMPORTS = "from workers import *\n"


async def test_default_class_answers_with_env_and_ctx_on_self(workers) -> None:
    await workers.load(
        "demo",
        """
        from workers import Response, WorkerEntrypoint
        class Default(WorkerEntrypoint):
            async def fetch(self, request):
                self.ctx.passThroughOnException()
                return Response(f"{self.env.WORD} {request.url}")
        """,
        config='[vars]\nWORD = "hello"\n',
    )

    assert await workers.text("demo", "http://test/a?b") == "hello http://test/a?b"


async def test_each_invocation_gets_an_object_of_its_own(workers) -> None:
    await workers.load(
        "demo",
        """
        from workers import Response, WorkerEntrypoint
        class Default(WorkerEntrypoint):
            count = 0
            async def fetch(self, request):
                self.count += 1
                return Response(str(self.count))
        """,
    )

    assert [await workers.text("demo") for _ in range(2)] == ["1", "1"]


@pytest.mark.parametrize(
    "signature", ["self, request", "self, request, env", "self, request, env, ctx", "self, *args"]
)
async def test_handlers_of_a_class_may_take_fewer_arguments(workers, signature: str) -> None:
    await workers.load(
        "demo",
        f"""
        from workers import Response, WorkerEntrypoint
        class Default(WorkerEntrypoint):
            async def fetch({signature}):
                given = list(locals().values())[1:]
                if given and isinstance(given[0], tuple):
                    given = list(given[0])
                assert given[1:] in ([], [self.env], [self.env, given[-1]])
                return Response(type(given[-1]).__name__ + str(len(given)))
        """,
    )

    expected = {"self, request": "Request1", "self, request, env": "_EnvWrapper2"}
    assert await workers.text("demo") == expected.get(signature, "ExecutionContext3")


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("async def on_fetch(request): return Response('one')", "one"),
        ("async def on_fetch(request, env): return Response(env.WORD)", "word"),
        ("async def on_fetch(request, env, ctx): return Response(type(ctx).__name__)", "Exec"),
        ("def on_fetch(*args): return Response(str(len(args)))", "3"),
        ("def on_fetch(): return Response('none')", "none"),
        ("@handler\nasync def on_fetch(request, env, ctx): return Response(env.WORD)", "word"),
        ("on_fetch = lambda request: Response('sync')", "sync"),
    ],
)
async def test_functions_are_handlers_too(workers, source: str, expected: str) -> None:
    await workers.load("demo", IMPORTS + source, config='[vars]\nWORD = "word"\n')

    assert (await workers.text("demo")).startswith(expected)


async def test_a_wrapper_is_called_with_what_it_passes_on(workers) -> None:
    await workers.load(
        "demo",
        """
        import functools
        from workers import Response, WorkerEntrypoint

        def any_arguments(function):
            @functools.wraps(function)
            async def inner(*args):
                return await function(*args)
            return inner

        def its_own_arguments(function):
            @functools.wraps(function)
            async def inner(self, controller):
                return await function(self, controller, self.env, self.ctx)
            return inner

        seen = []

        class Default(WorkerEntrypoint):
            @any_arguments
            async def fetch(self, request):
                return Response(str(seen))
            @its_own_arguments
            async def scheduled(self, controller, env, ctx):
                seen.append(type(env).__name__)
        """,
    )

    await workers.call("demo", "scheduled", "controller")

    assert await workers.text("demo") == "['_EnvWrapper']"


async def test_static_and_class_methods_can_be_handlers(workers) -> None:
    await workers.load(
        "demo",
        """
        from workers import Response, WorkerEntrypoint
        seen = []
        class Default(WorkerEntrypoint):
            @staticmethod
            async def fetch(request, env):
                return Response(f"{request.method} {type(env).__name__} {seen}")
            @classmethod
            def scheduled(cls, controller):
                seen.append(cls.__name__)
        """,
    )

    await workers.call("demo", "scheduled", "controller")

    assert await workers.text("demo") == "GET _EnvWrapper ['Default']"


async def test_default_wins_over_functions_with_a_warning(workers, caplog) -> None:
    await workers.load(
        "demo",
        """
        from workers import Response, WorkerEntrypoint
        class Default(WorkerEntrypoint):
            def fetch(self, request):
                return Response("class")
        def on_fetch(request):
            return Response("function")
        def on_scheduled(controller):
            pass
        """,
    )

    assert await workers.text("demo") == "class"
    (warning,) = [record.message for record in caplog.records if record.levelno == logging.WARNING]
    assert 'worker "demo": class Default is used, on_fetch, on_scheduled ignored' in warning
    assert "entry.py" in warning


async def test_functions_and_named_entrypoints_stand_side_by_side(workers) -> None:
    await workers.load(
        "demo",
        """
        from workers import Response, WorkerEntrypoint
        async def on_fetch(request):
            return Response("function")
        class Admin(WorkerEntrypoint):
            async def fetch(self, request):
                return Response("admin")
            async def broken(self):
                pass
        """,
    )

    fetch = workers.node.find("demo").invoke
    named = await fetch("fetch", ("request",), {}, entrypoint="Admin")

    assert await workers.text("demo") == "function"
    assert await named.text() == "admin"
    with pytest.raises(AttributeError, match='worker "demo" has no RPC method "broken"'):
        await workers.call("demo", "broken")


@pytest.mark.parametrize("name", ["Default", "default", None])
async def test_the_default_entrypoint_has_two_names(workers, name) -> None:
    await workers.load(
        "demo",
        """
        from workers import Response, WorkerEntrypoint
        class Default(WorkerEntrypoint):
            def answer(self):
                return 42
        """,
    )

    assert await workers.call("demo", "answer", entrypoint=name) == 42


async def test_an_unknown_entrypoint_is_named_with_the_known_ones(workers) -> None:
    await workers.load(
        "demo",
        """
        from workers import WorkerEntrypoint
        class Default(WorkerEntrypoint): pass
        class Admin(WorkerEntrypoint): pass
        class _Private(WorkerEntrypoint): pass
        """,
    )

    with pytest.raises(
        AttributeError, match='worker "demo" has no entrypoint "Nope"; it has: Admin, Default$'
    ):
        await workers.call("demo", "answer", entrypoint="Nope")
    with pytest.raises(AttributeError, match='no entrypoint "_Private"'):
        await workers.call("demo", "answer", entrypoint="_Private")


@pytest.mark.parametrize(
    ("source", "handler"),
    [
        ("class Default(WorkerEntrypoint):\n  async def other(self): pass", "Default.fetch"),
        ("async def on_scheduled(controller): pass", "on_fetch"),
    ],
)
async def test_a_handler_that_is_not_there_is_named(workers, source: str, handler: str) -> None:
    await workers.load("demo", IMPORTS + source)

    with pytest.raises(AttributeError, match=f'worker "demo" has no handler {handler} .*entry.py'):
        await workers.text("demo")


@pytest.mark.parametrize(
    ("source", "message"),
    [
        (
            "class Default(WorkerEntrypoint):\n  async def fetch(self, request): {}",
            'worker "demo": Default.fetch must return a workers.Response, it returned {}',
        ),
        (
            "async def on_fetch(request): {}",
            'worker "demo": on_fetch must return a workers.Response, it returned {}',
        ),
    ],
)
@pytest.mark.parametrize(
    ("body", "kind"), [("pass", "NoneType"), ("return 'text'", "str"), ("return {}", "dict")]
)
async def test_a_result_that_is_no_response_names_handler_and_type(
    workers, source: str, message: str, body: str, kind: str
) -> None:
    await workers.load("demo", IMPORTS + source.replace("{}", body))

    with pytest.raises(TypeError) as caught:
        await workers.text("demo")

    assert str(caught.value) == message.replace("{}", kind)


async def test_a_result_of_a_named_entrypoint_names_it(workers) -> None:
    await workers.load(
        "demo",
        IMPORTS
        + "def on_fetch(): pass\nclass Admin(WorkerEntrypoint):\n  def fetch(self, r): return 1",
    )

    with pytest.raises(TypeError, match="Admin.fetch must return"):
        await workers.node.find("demo").invoke("fetch", ("r",), {}, entrypoint="Admin")


async def test_a_response_that_was_used_before_is_refused(workers) -> None:
    await workers.load("demo", IMPORTS + "once = Response('x')\ndef on_fetch(): return once")

    first = await workers.text("demo")

    assert first == "x"
    with pytest.raises(OSError, match="Body already used: .*on_fetch returned a response"):
        await workers.text("demo")


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("x = 1", "defines no handler; add `class Default"),
        ("class Default: pass", "Default must be a class that extends workers.WorkerEntrypoint"),
        ("Default = 5", "Default must be a class that extends workers.WorkerEntrypoint"),
        ("class _Hidden(WorkerEntrypoint): pass", "defines no handler"),
    ],
)
async def test_a_main_module_without_handlers_does_not_load(
    workers, source: str, reason: str
) -> None:
    error = await workers.load_error("demo", IMPORTS + source)

    assert reason in str(error)
    assert error.file.endswith("entry.py")


async def test_a_handler_that_cannot_be_looked_at_is_a_load_error_of_that_worker(workers) -> None:
    error = await workers.load_error(
        "demo",
        """
        from workers import WorkerEntrypoint
        class Odd:
            @property
            def __signature__(self):
                raise ValueError("odd")
            def __call__(self): pass
        class Default(WorkerEntrypoint):
            fetch = Odd()
        """,
    )

    assert "ValueError: odd" in str(error)


@pytest.mark.parametrize("event", ["scheduled", "queue", "email", "tail", "test"])
async def test_every_event_reaches_its_handler(workers, event: str) -> None:
    await workers.load(
        "demo",
        f"""
        from workers import WorkerEntrypoint
        class Default(WorkerEntrypoint):
            async def {event}(self, what, env, ctx):
                return (what, type(ctx).__name__)
        """,
    )

    assert await workers.call("demo", event, "event") == ("event", "ExecutionContext")
