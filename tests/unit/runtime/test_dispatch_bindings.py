"""From declared bindings to `env`: plugins opened once, broken ones contained, all closed."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from runtime._dispatch.node import Node, NodeOptions
from runtime._registry import Registry
from runtime.errors import PluginError
from runtime.plugins import (
    Binder,
    BindingPlugin,
    Diagnostics,
    HostError,
    HostView,
    RawBinding,
    RawTrigger,
)

READING = """
    from workers import Response
    async def on_fetch(request, env):
        return Response(f"{env.WORD} {env.FLAG.value}")
    """
FLAGS = '[vars]\nWORD = "word"\n[[flags]]\nbinding = "FLAG"\nkey = "{key}"\n'


class Flag:
    def __init__(self, value: str) -> None:
        self.value = value


class FlagsPlugin(BindingPlugin[str]):
    """A kind that a test steers: what it does wrong, and what it notes down."""

    kinds = ("flag",)
    sections = {"flags": "flag"}

    def __init__(self) -> None:
        self.log: list[str] = []
        self.fail: dict[str, Exception] = {}
        self.host: HostView | None = None
        self.gate: asyncio.Event | None = None

    def _step(self, name: str) -> None:
        self.log.append(name)
        if name in self.fail:
            raise self.fail[name]

    def parse(self, raw: RawBinding, report: Diagnostics) -> str | None:
        self._step("parse")
        key = raw.fields.get("key")
        if key == "odd":
            report.add_warning("odd key", raw.position)
        if not key:
            report.add_error(f'"{raw.name}" needs a key.', raw.position)
            report.add_error("Another reason.")
        return key

    @asynccontextmanager
    async def own(self, host: HostView) -> AsyncIterator[str]:
        async with asyncio.TaskGroup() as group:
            self._step("own")
            task = group.create_task(asyncio.Event().wait())
            yield "the store"
            task.cancel()
        self._step("disown")

    @asynccontextmanager
    async def open(self, host: HostView) -> AsyncIterator[Binder[str]]:
        self._step("open")
        self.host = host
        if self.gate is not None:
            await self.gate.wait()
        async with asyncio.timeout(60):
            yield self
            self._step("close")

    def bind(self, spec: str, worker: str) -> object:
        self._step("bind")
        assert self.host is not None
        return Flag(f"{worker}:{spec} in {self.host.owner('flag')}")

    def sensitive(self, spec: str) -> tuple[str, ...]:
        self._step("sensitive")
        return (spec,)


@pytest.fixture
def flags() -> FlagsPlugin:
    return FlagsPlugin()


@pytest.fixture
async def node(open_workers, flags: FlagsPlugin):
    """A node with the built-in kinds and the one of the test."""
    registry = Registry.discover()
    kinds = [(registry.source(kind), registry.plugin(kind)) for kind in ("plain_text", "service")]
    return await open_workers(Registry([*kinds, ("the test", flags)]))


def options(key: str = "k") -> dict[str, Any]:
    return {"config": FLAGS.replace("{key}", key), "plugin_keys": {"flags": "flag"}}


def messages(caplog: pytest.LogCaptureFixture, level: int) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.levelno == level]


async def test_a_plugins_object_stands_on_env(node, flags) -> None:
    await node.load("demo", READING, **options())

    assert await node.text("demo") == "word demo:k in the store"
    assert flags.log == ["parse", "sensitive", "own", "open", "bind"]
    assert "k" in node.node.sensitive


async def test_a_kind_is_opened_once_and_closed_in_the_task_that_opened_it(node, flags) -> None:
    # Opened in a task that ends: a task group or a timeout could not be left in another.
    await asyncio.create_task(node.load("a", READING, **options()))
    await node.load("b", READING, **options())
    await node.load("a", READING, **options())

    await node.node.__aexit__(None, None, None)

    assert [step for step in flags.log if step in ("own", "open", "close", "disown")] == [
        "own",
        "open",
        "close",
        "disown",
    ]


async def test_loads_that_need_a_kind_at_once_open_it_once(node, flags) -> None:
    flags.gate = asyncio.Event()
    loads = [asyncio.create_task(node.load(name, READING, **options())) for name in ("a", "b")]
    for _ in range(5):
        await asyncio.sleep(0)
    assert flags.log.count("parse") == 2
    loads[0].cancel()
    flags.gate.set()
    await asyncio.wait(loads)

    assert loads[0].cancelled()
    assert flags.log.count("open") == 1
    assert await node.text("b") == "word b:k in the store"


async def test_a_kind_is_not_opened_before_a_worker_needs_it(node, flags) -> None:
    await node.load("demo", "async def on_fetch(): pass")

    assert flags.log == []
    with pytest.raises(PluginError, match='the binding kind "flag" is not open in this process'):
        node.node.owner("flag")
    with pytest.raises(PluginError, match='the binding kind "nope" is not open'):
        node.node.owner("nope")


# What plugins refuse


async def test_a_binding_that_its_plugin_refuses_is_a_load_error_with_every_reason(node) -> None:
    error = await node.load_error("demo", READING, **options(key=""))

    assert '"FLAG" needs a key.' in str(error)
    assert "Another reason." in str(error)
    assert "wrangler.toml:" in str(error)


async def test_a_plugins_warning_is_logged(node, caplog) -> None:
    await node.load("demo", READING, **options(key="odd"))

    (warning,) = messages(caplog, logging.WARNING)
    assert 'bindings of worker "demo"' in warning
    assert "odd key" in warning


# Broken plugins


@pytest.mark.parametrize("error", [RuntimeError("boom"), PluginError("boom")])
@pytest.mark.parametrize("step", ["parse", "own", "open", "bind", "sensitive"])
async def test_a_broken_plugin_is_a_diagnostic_and_an_unavailable_kind(
    node, flags, caplog, step: str, error: Exception
) -> None:
    flags.fail[step] = error
    source = READING + "async def on_scheduled(controller, env):\n        return env.WORD\n"

    await node.load("demo", source, **options())

    reason = (
        'worker "demo": the test, which serves the binding kind "flag" of "FLAG", failed: '
        f"{type(error).__name__}: boom; using it raises an error"
    )
    assert messages(caplog, logging.ERROR) == [reason]
    assert await node.call("demo", "scheduled", None) == "word"
    with pytest.raises(PluginError) as caught:
        await node.text("demo")
    assert str(caught.value) == reason


@pytest.mark.parametrize("step", ["own", "open"])
async def test_a_kind_that_did_not_open_is_tried_again_at_the_next_load(
    node, flags, step: str
) -> None:
    flags.fail[step] = OSError("for now")
    await node.load("demo", READING, **options())
    flags.fail.clear()

    await node.load("demo", READING, **options())

    assert await node.text("demo") == "word demo:k in the store"


@pytest.mark.parametrize("step", ["own", "open"])
async def test_a_plugin_may_say_that_the_host_cannot_go_on(node, flags, step: str) -> None:
    await node.load("demo", "from workers import *\ndef on_fetch(): return Response('old')")
    flags.fail[step] = HostError("the store is taken by process 7")

    with pytest.raises(HostError, match="^the store is taken by process 7$"):
        await node.load("demo", READING, **options())
    with pytest.raises(HostError):
        await node.load("new", READING, **options())

    assert await node.text("demo") == "old"
    assert list(node.node.workers) == ["demo"]
    assert node.node.bindings("flag") == []


@pytest.mark.parametrize("step", ["close", "disown"])
async def test_a_plugin_that_fails_while_it_closes_is_logged(
    node, flags, caplog, step: str
) -> None:
    await node.load("demo", READING, **options())
    flags.fail[step] = RuntimeError("at the end")

    await node.node.__aexit__(None, None, None)

    assert messages(caplog, logging.ERROR) == ["the plugin of the binding kind flag broke down"]
    assert "at the end" in caplog.text


async def test_several_faults_of_a_plugin_are_told_as_a_group(node, flags, caplog) -> None:
    flags.fail["own"] = ExceptionGroup("two", [OSError("one"), OSError("other")])

    await node.load("demo", READING, **options())

    (error,) = messages(caplog, logging.ERROR)
    assert "ExceptionGroup: two (2 sub-exceptions)" in error


# Kinds that nobody serves


@pytest.mark.parametrize(
    "use",
    [
        "env.BUCKET.get('x')",
        "env.BUCKET('x')",
        "env.BUCKET['x']",
        "hasattr(env.BUCKET, 'x')",
    ],
)
async def test_a_kind_that_no_plugin_serves_is_one_warning_and_an_error_on_use(
    node, caplog, use: str
) -> None:
    await node.load(
        "demo",
        f"""
        from workers import Response
        async def on_fetch(request, env):
            if env.BUCKET and request.url.endswith("use"):
                {use}
            return Response(repr(env.BUCKET) + repr(env))
        """,
        config='[[r2_buckets]]\nbinding = "BUCKET"\nbucket_name = "files"\n',
    )

    (warning,) = messages(caplog, logging.WARNING)
    assert warning == (
        'worker "demo": no installed plugin serves the binding kind "r2_bucket" of "BUCKET"; '
        "using it raises an error (served here: flag, json, plain_text, service)"
    )
    assert "UnavailableBinding" in await node.text("demo")
    with pytest.raises(PluginError) as caught:
        await node.text("demo", "http://test/use")
    assert str(caught.value) == warning


# What plugins see


async def test_a_plugin_sees_the_declarations_of_all_workers(
    node, flags, tmp_path: Path, read_worker: Callable[..., Any]
) -> None:
    await node.load("a", READING, **options("x"))
    await node.load(
        "b",
        READING,
        config=FLAGS.replace("{key}", "y") + '[triggers]\ncrons = ["* * * * *"]\n',
        plugin_keys={"flags": "flag"},
    )
    host = flags.host

    assert [(raw.worker, raw.name, raw.fields["key"]) for raw in host.bindings("flag")] == [
        ("a", "FLAG", "x"),
        ("b", "FLAG", "y"),
    ]
    assert host.triggers("cron") == [
        RawTrigger(worker="b", type="cron", fields={"cron": "* * * * *"})
    ]
    assert host.triggers("queue") == []
    assert host.mode == "test"
    assert host.data_dir("flag") == tmp_path / "state" / "flag"
    assert host.option("flag", "engine", "default") == "default"
    assert host.owner("flag") == "the store"


async def test_a_plugin_gets_the_hosts_clock_and_the_operators_choices(
    read_worker, outbound, tmp_path, flags
) -> None:
    node = Node(
        registry=Registry([("the test", flags)]),
        options=NodeOptions(
            mode="host",
            data_dir=tmp_path,
            environ={"EDGESTEAD_FLAG_ENGINE": "chosen"},
            clock=lambda: 12.5,
        ),
        outbound=outbound,
    )

    assert node.now() == 12.5
    assert node.option("flag", "engine", "default") == "chosen"
    assert node.mode == "host"


async def test_a_plugin_calls_workers_by_name(node, flags) -> None:
    await node.load(
        "demo",
        """
        from workers import WorkerEntrypoint
        class Default(WorkerEntrypoint):
            async def queue(self, batch, env, ctx):
                return [batch, dict(ctx.props)]
            def add(self, a, b):
                return a + b
        """,
        **options(),
    )

    assert await flags.host.invoke("demo", "queue", "batch", props={"a": 1}) == ["batch", {"a": 1}]
    assert await flags.host.invoke("demo", "add", 1, kwargs={"b": 2}) == 3


@pytest.mark.parametrize(
    ("given", "known"),
    [("a single text", {"a single text"}), (["a", "b"], {"a", "b"}), ([5], set())],
)
async def test_what_a_plugin_calls_sensitive_is_known_whole_or_the_plugin_is_broken(
    node, flags, caplog, monkeypatch, given: Any, known: set[str]
) -> None:
    monkeypatch.setattr(flags, "sensitive", lambda spec: given)

    await node.load("demo", READING, **options())

    assert node.node.sensitive == known
    assert ("sensitive() must give texts" in caplog.text) == (not known)


async def test_secrets_are_known_before_their_plugin_can_fail(node, flags) -> None:
    flags.fail["open"] = RuntimeError("boom")

    await node.load("demo", READING, **options(key="s3cr3t"))

    assert "s3cr3t" in node.node.sensitive
