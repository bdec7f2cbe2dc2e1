"""What a running handler may use: env, ctx, work after the response, sub-requests."""

import asyncio
import logging

import pytest

from runtime.errors import SubrequestLimitError
from workers import Request, Response


def request(path: str) -> Request:
    return Request(f"http://test{path}")


def errors(caplog: pytest.LogCaptureFixture) -> list[logging.LogRecord]:
    return [record for record in caplog.records if record.levelno >= logging.WARNING]


# env


async def test_env_is_the_workers_own_wherever_it_is_asked_for(workers) -> None:
    source = """
        from workers import Response, WorkerEntrypoint, env
        import part
        early = env.WORD
        class Default(WorkerEntrypoint):
            async def fetch(self, request):
                from workers import env as late
                return Response(f"{early} {part.word()} {late.WORD} {self.env.WORD} {late is env}")
        """
    part = "import workers\ndef word(): return workers.env.WORD"
    for name in ("a", "b"):
        await workers.load(name, source, part=part, config=f'[vars]\nWORD = "{name}"\n')

    assert await workers.text("a") == "a a a a True"
    assert await workers.text("b") == "b b b b True"


# ctx


async def test_props_and_exports_of_ctx(workers) -> None:
    await workers.load(
        "shop",
        """
        from workers import Response, WorkerEntrypoint
        class Admin(WorkerEntrypoint):
            async def who(self):
                return [self.ctx.props.role, self.ctx.props.team.name, dict(self.ctx.props)]
            async def bare(self):
                return dict(self.ctx.props)
        class Default(WorkerEntrypoint):
            async def fetch(self, request):
                return Response.json(await self.ctx.exports.Admin.bare())
            async def missing(self):
                self.ctx.exports.Nope
        """,
    )
    await workers.load(
        "front",
        """
        from workers import Response
        async def on_fetch(request, env):
            return Response.json(await env.ADMIN.who())
        """,
        config=(
            '[[services]]\nbinding = "ADMIN"\nservice = "shop"\nentrypoint = "Admin"\n'
            'props = { role = "root", team = { name = "ops" } }\n'
        ),
    )

    who = await (await workers.fetch("front")).json()

    assert who == ["root", "ops", {"role": "root", "team": {"name": "ops"}}]
    assert await workers.text("shop") == "{}"
    with pytest.raises(
        AttributeError, match='worker "shop" exports no entrypoint "Nope"; it has: Admin, Default'
    ):
        await workers.call("shop", "missing")


async def test_exports_are_those_of_the_version_that_runs(workers) -> None:
    source = """
        import asyncio
        from workers import Response, WorkerEntrypoint
        gate = asyncio.Event()
        class Other(WorkerEntrypoint):
            async def version(self):
                return "VERSION"
        class Default(WorkerEntrypoint):
            async def fetch(self, request):
                await gate.wait()
                return Response(await self.ctx.exports.Other.version())
            async def open(self):
                gate.set()
        """
    await workers.load("demo", source.replace("VERSION", "old"))
    old = workers.node.find("demo")
    running = asyncio.create_task(workers.text("demo"))
    await asyncio.sleep(0)
    await workers.load("demo", source.replace("VERSION", "new"))
    await old.invoke("open", (), {})

    assert await running == "old"


# waitUntil


LATER = """
    import asyncio
    from workers import Response, WorkerEntrypoint, wait_until, waitUntil
    gate = asyncio.Event()
    seen = []
    async def later(word):
        try:
            await gate.wait()
            seen.append(word)
        except asyncio.CancelledError:
            seen.append(word + " cancelled")
            raise
    async def nested():
        waitUntil(later("nested"))
    async def fail():
        raise ValueError("late failure")
    class Default(WorkerEntrypoint):
        async def fetch(self, request):
            path = request.url.partition("test")[2]
            if path == "/all":
                self.ctx.waitUntil(later("one"))
                self.ctx.wait_until(later("two"))
                wait_until(nested())
                waitUntil(asyncio.ensure_future(later("three")))
            if path == "/fail":
                waitUntil(fail())
            if path == "/exit":
                waitUntil(self.exit())
            if path == "/wrong":
                waitUntil(5)
            return Response(str(sorted(seen)))
        async def exit(self):
            raise SystemExit(3)
        async def open(self):
            gate.set()
    """


async def test_work_handed_to_wait_until_outlives_the_response_and_keeps_its_version_alive(
    workers,
) -> None:
    await workers.load("demo", LATER)
    old = workers.node.find("demo")
    await workers.text("demo", "http://test/all")
    await workers.load("demo", LATER)
    closing = asyncio.create_task(old.close())

    done, _ = await asyncio.wait([closing], timeout=0.01)
    await old.invoke("open", (), {})
    await closing
    seen = await (await old.invoke("fetch", (request("/seen"),), {})).text()

    assert not done
    assert seen == "['nested', 'one', 'three', 'two']"


async def test_a_failure_of_late_work_is_logged_with_worker_and_request(workers, caplog) -> None:
    await workers.load("demo", LATER)

    await workers.node.find("demo").invoke("fetch", (request("/fail"),), {}, request_id="abc")
    await workers.node.find("demo").close()

    (record,) = errors(caplog)
    assert record.getMessage() == 'worker "demo": waitUntil work failed (request abc)'
    assert "late failure" in str(record.exc_info[1])


async def test_late_work_cannot_end_the_process(workers, caplog) -> None:
    await workers.load("demo", LATER)

    await workers.fetch("demo", "http://test/exit")
    await workers.node.find("demo").close()

    (record,) = errors(caplog)
    assert "waitUntil work tried to end the process: SystemExit(3)" in str(record.exc_info[1])
    assert "entry.py:" in str(record.exc_info[1])


async def test_late_work_is_cancelled_after_its_time(open_workers, caplog) -> None:
    workers = await open_workers(wait_until_s=0.01)
    await workers.load("demo", LATER)
    worker = workers.node.find("demo")

    await workers.fetch("demo", "http://test/all")
    await worker.close()

    seen = await (await worker.invoke("fetch", (request("/seen"),), {})).text()
    assert seen.count("cancelled") == 4
    assert {record.levelname for record in errors(caplog)} == {"WARNING"}
    assert "waitUntil work was cancelled 0 s after the response" in errors(caplog)[0].getMessage()


async def test_closing_a_version_cancels_late_work_that_it_no_longer_waits_for(
    open_workers,
) -> None:
    workers = await open_workers(retire_s=0.01)
    await workers.load("demo", LATER)
    worker = workers.node.find("demo")

    await workers.fetch("demo", "http://test/all")
    await worker.close()
    await asyncio.sleep(0)

    seen = await (await worker.invoke("fetch", (request("/seen"),), {})).text()
    assert seen.count("cancelled") == 4


async def test_wait_until_takes_awaitables_only(workers) -> None:
    await workers.load("demo", LATER)

    with pytest.raises(TypeError, match="waitUntil needs an awaitable, got int"):
        await workers.fetch("demo", "http://test/wrong")


async def test_wait_until_works_in_a_task_that_outlived_its_invocation(workers, caplog) -> None:
    await workers.load(
        "demo",
        """
        import asyncio
        from workers import Response, WorkerEntrypoint, waitUntil
        gate = asyncio.Event()
        async def fail():
            raise ValueError("very late failure")
        async def orphan():
            await gate.wait()
            waitUntil(fail())
        class Default(WorkerEntrypoint):
            async def fetch(self, request):
                self.task = asyncio.create_task(orphan())
                tasks.append(self.task)
                return Response()
            async def finish(self):
                gate.set()
                await tasks[0]
        tasks = []
        """,
    )
    worker = workers.node.find("demo")

    await workers.fetch("demo")
    await workers.call("demo", "finish")
    await worker.close()

    (record,) = errors(caplog)
    assert "very late failure" in str(record.exc_info[1])


# sub-requests


COUNTING = """
    from workers import Response, WorkerEntrypoint, fetch
    class Default(WorkerEntrypoint):
        async def fetch(self, request):
            by_fetch = "fetch" in request.url
            for number in range(int(request.url.rpartition("/")[2])):
                await fetch("http://outside/") if by_fetch else await self.env.ME.one()
            return Response("done")
        async def one(self):
            return 1
    """
ME = '[[services]]\nbinding = "ME"\nservice = "demo"\n'


@pytest.mark.parametrize("kind", ["fetch", "rpc"])
async def test_an_invocation_makes_1000_sub_requests_and_no_more(
    workers, outbound, kind: str
) -> None:
    outbound.answers["http://outside/"] = lambda request: Response("ok")
    await workers.load("demo", COUNTING, config=ME)

    assert await workers.text("demo", f"http://test/{kind}/1000") == "done"
    with pytest.raises(SubrequestLimitError, match='"demo" made more than 1000 sub-requests'):
        await workers.text("demo", f"http://test/{kind}/1001")


async def test_a_config_may_set_another_limit_of_sub_requests(workers) -> None:
    await workers.load("demo", COUNTING, config=ME + "[limits]\nsubrequests = 2\n")

    assert await workers.text("demo", "http://test/rpc/2") == "done"
    with pytest.raises(SubrequestLimitError, match="more than 2 sub-requests"):
        await workers.text("demo", "http://test/rpc/3")


async def test_each_redirect_counts_as_a_sub_request(workers, outbound) -> None:
    outbound.answers["http://outside/"] = lambda request: Response(
        status=302 if request.url.endswith("/") else 200, headers={"location": "/next"}
    )
    await workers.load("demo", COUNTING, config=ME + "[limits]\nsubrequests = 5\n")

    assert await workers.text("demo", "http://test/fetch/2") == "done"
    with pytest.raises(SubrequestLimitError):
        await workers.text("demo", "http://test/fetch/3")


# What module code may not do


@pytest.mark.parametrize(
    ("call", "what"),
    [
        ("asyncio.run(fetch('http://outside/'))", "fetch"),
        ("waitUntil(fetch('http://outside/'))", "waitUntil"),
        ("waitUntil(5)", "waitUntil"),
        ("asyncio.run(env.ME.fetch('http://test/'))", "a service binding"),
        ("asyncio.run(env.ME.method())", "a service binding"),
        ("asyncio.run(asgi.fetch(app, Request('http://test/'), env))", "on_worker_close"),
    ],
)
async def test_module_code_may_not_do_what_needs_a_request(workers, call: str, what: str) -> None:
    error = await workers.load_error(
        "demo",
        f"""
        import asyncio
        from workers import *
        import asgi
        async def app(scope, receive, send): pass
        {call}
        """,
        config=ME,
    )

    assert f"{what} cannot be called while the worker loads; call it in a handler" in str(error)
    assert error.line == 6
