"""The KV binding: which store, which namespace, and who else may use it."""

import asyncio
import os
import socket
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest

from kvstore import (
    EngineError,
    EngineLockedError,
    EngineOptions,
    KVEngine,
    KVNamespace,
    open_engine,
)
from kvstore.engines.leveldb import LevelDBEngine
from kvstore.owner import SharedEngine
from kvstore.remote import RemoteEngine, connect_engine
from kvstore.testing import FakeClock
from runtime.bindings.kv_namespace import KvNamespacePlugin, KvNamespaceSpec, plugin, stores
from runtime.bindings.kv_namespace.stores import reach_store
from runtime.plugins import Diagnostics, HostError, Mode, RawBinding, RawTrigger


class FakeHost:
    """A host of one kind, whose clock stands."""

    def __init__(self, folder: Path, mode: Mode = "dev", **options: str) -> None:
        self.mode = mode
        self.folder = folder
        self.options = options
        self.clock = FakeClock()
        self.owned: object = None

    def bindings(self, kind: str) -> Sequence[RawBinding]:
        return []

    def triggers(self, kind: str) -> Sequence[RawTrigger]:
        return []

    def data_dir(self, kind: str) -> Path:
        return self.folder / kind

    def option(self, kind: str, name: str, default: str) -> str:
        return self.options.get(f"{kind}_{name}", default)

    def now(self) -> float:
        return self.clock()

    def owner(self, kind: str) -> Any:
        return self.owned

    async def invoke(self, worker: str, handler: str, *args: object, **kwargs: object) -> Any:
        raise AssertionError("a KV namespace calls no worker")


def raw(fields: Mapping[str, Any]) -> RawBinding:
    return RawBinding(worker="shop", name="STOCK", type="kv_namespace", fields=fields)


async def bind(
    host: FakeHost, stack: AsyncExitStack, fields: Mapping[str, Any], worker: str = "shop"
) -> KVNamespace:
    kv = KvNamespacePlugin()
    if host.owned is None:
        host.owned = await stack.enter_async_context(kv.own(host))
    binder = await stack.enter_async_context(kv.open(host))
    spec = kv.parse(raw(fields), Diagnostics())
    assert spec is not None
    namespace = binder.bind(spec, worker)
    assert isinstance(namespace, KVNamespace)
    return namespace


def test_a_binding_names_its_namespace() -> None:
    spec = KvNamespacePlugin().parse(
        raw({"namespace_id": "abc", "preview_id": "pre"}), Diagnostics()
    )

    assert spec == KvNamespaceSpec(id="abc", preview_id="pre")


@pytest.mark.parametrize(
    "fields",
    [
        {"namespace_id": ""},
        {"namespace_id": 5},
        {"namespace_id": "x" * 255},
        {"namespace_id": "\ud800"},
        {"namespace_id": "a", "preview_id": ""},
        {"namespace_id": "a", "preview_id": 1},
    ],
)
def test_an_id_that_cannot_be_is_reported(fields: dict[str, Any]) -> None:
    report = Diagnostics()

    assert KvNamespacePlugin().parse(raw(fields), report) is None
    assert '"STOCK" needs an id of 1 to 254 bytes' in report.render_errors()


async def test_equal_ids_share_their_data_on_disk_and_over_a_restart(tmp_path: Path) -> None:
    host = FakeHost(tmp_path)
    async with AsyncExitStack() as stack:
        one = await bind(host, stack, {"namespace_id": "a"})
        two = await bind(host, stack, {"namespace_id": "a"}, worker="other")
        await one.put("key", "value")
        assert await two.get("key") == "value"

    host.owned = None
    async with AsyncExitStack() as stack:
        again = await bind(host, stack, {"namespace_id": "a"})
        assert await again.get("key") == "value"
    assert (tmp_path / "kv_namespace" / "leveldb").is_dir()


@pytest.mark.parametrize(("mode", "shared"), [("dev", False), ("test", True), ("host", True)])
async def test_the_preview_id_stands_in_for_the_id_in_development(
    tmp_path: Path, mode: Mode, shared: bool
) -> None:
    async with AsyncExitStack() as stack:
        host = FakeHost(tmp_path, mode)
        with_preview = await bind(host, stack, {"namespace_id": "a", "preview_id": "b"})
        plain = await bind(host, stack, {"namespace_id": "a"})
        await with_preview.put("key", "value")

        assert (await plain.get("key") == "value") is shared


async def test_tests_are_in_memory_and_the_operator_chooses_otherwise(tmp_path: Path) -> None:
    async with AsyncExitStack() as stack:
        in_test = FakeHost(tmp_path / "t", "test")
        await (await bind(in_test, stack, {"namespace_id": "a"})).put("key", "v")
        chosen = FakeHost(tmp_path / "d", "dev", kv_namespace_engine="memory")
        await (await bind(chosen, stack, {"namespace_id": "a"})).put("key", "v")

    assert os.listdir(tmp_path) == ["d"]
    assert os.listdir(tmp_path / "d" / "kv_namespace") == []


@pytest.mark.parametrize(
    ("mode", "options", "durability"),
    [
        ("dev", {}, "buffered"),
        ("test", {}, "buffered"),
        ("host", {}, "sync"),
        ("dev", {"kv_namespace_durability": "sync"}, "sync"),
        ("host", {"kv_namespace_durability": "buffered"}, "buffered"),
    ],
)
async def test_writes_on_a_host_are_synced_unless_told_otherwise(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    mode: Mode,
    options: dict[str, str],
    durability: str,
) -> None:
    seen: list[EngineOptions] = []

    async def noted(name: str, engine_options: EngineOptions) -> KVEngine:
        seen.append(engine_options)
        return await open_engine("memory", engine_options)

    monkeypatch.setattr(stores, "open_engine", noted)

    async with KvNamespacePlugin().own(FakeHost(tmp_path, mode, **options)):
        pass

    assert [given.durability for given in seen] == [durability]


async def test_an_unknown_durability_or_engine_is_told(tmp_path: Path) -> None:
    for options, words in [
        ({"kv_namespace_durability": "never"}, "DURABILITY is sync or buffered, not 'never'"),
        ({"kv_namespace_engine": "redis"}, 'no KV engine "redis"'),
    ]:
        with pytest.raises(HostError, match=words):
            async with KvNamespacePlugin().own(FakeHost(tmp_path, **options)):
                pass


async def test_a_store_in_use_stops_the_host_and_names_who_uses_it(tmp_path: Path) -> None:
    async with KvNamespacePlugin().own(FakeHost(tmp_path)):
        with pytest.raises(HostError, match="is in use by process"):
            async with KvNamespacePlugin().own(FakeHost(tmp_path)):
                pass


class SweptEngine:
    """Has a number of expired records, and fails once."""

    def __init__(self, expired: int) -> None:
        self.expired = expired
        self.failures = [EngineError("the disk is gone")]
        self.is_done = asyncio.Event()

    async def sweep(self, limit: int) -> int:
        if self.failures:
            raise self.failures.pop()
        swept = min(limit, self.expired)
        self.expired -= swept
        if swept < limit:
            self.is_done.set()
        return swept

    async def close(self) -> None:
        self.is_done.set()


async def test_expired_records_are_freed_in_the_background_and_a_failure_ends_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    engine = SweptEngine(expired=1200)

    async def opened(name: str, options: EngineOptions) -> SweptEngine:
        return engine

    monkeypatch.setattr(stores, "open_engine", opened)
    monkeypatch.setattr(plugin, "_SWEEP_EVERY_S", 0.001)

    async with KvNamespacePlugin().own(FakeHost(tmp_path)):
        await asyncio.wait_for(engine.is_done.wait(), 10)

    assert engine.expired == 0
    assert "could not be freed: the disk is gone" in caplog.text


# Sharing


@pytest.mark.parametrize(("mode", "is_shared"), [("dev", True), ("host", True), ("test", False)])
async def test_an_open_store_is_shared_except_in_tests(
    tmp_path: Path, mode: Mode, is_shared: bool
) -> None:
    path = tmp_path / "kv_namespace" / "owner.sock"

    async with KvNamespacePlugin().own(FakeHost(tmp_path, mode)) as engine:
        assert path.exists() is is_shared
        assert isinstance(engine, SharedEngine) is is_shared

    assert not path.exists()


async def test_others_read_and_write_what_the_owner_has(tmp_path: Path) -> None:
    host = FakeHost(tmp_path)
    async with KvNamespacePlugin().own(host) as engine, reach_store(host) as reached:
        here, there = KVNamespace(engine, "a"), KVNamespace(reached, "a")
        await here.put("ours", "1")
        await there.put("theirs", "2")

        assert isinstance(reached, RemoteEngine)
        assert await there.get("ours") == "1"
        assert await here.get("theirs") == "2"


async def test_a_socket_that_cannot_be_made_is_a_warning(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "kv_namespace" / "owner.sock").mkdir(parents=True)

    async with KvNamespacePlugin().own(FakeHost(tmp_path)) as engine:
        await KVNamespace(engine, "a").put("key", "v")

        assert isinstance(engine, LevelDBEngine)
    assert "cannot be shared at" in caplog.text
    assert "`runtime kv` can use it only while this server is stopped" in caplog.text


async def test_a_folder_that_cannot_be_made_for_the_socket_is_a_warning(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "kv_namespace").write_text("")
    in_memory = FakeHost(tmp_path, kv_namespace_engine="memory")

    async with KvNamespacePlugin().own(in_memory) as engine:
        await KVNamespace(engine, "a").put("key", "v")

    assert "cannot be shared at" in caplog.text
    assert "can use it only while this server is stopped" in caplog.text


async def test_an_engine_without_a_lock_takes_no_socket_from_a_living_owner(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    host = FakeHost(tmp_path)
    second = FakeHost(tmp_path, kv_namespace_engine="memory")

    async with KvNamespacePlugin().own(host) as engine:
        async with KvNamespacePlugin().own(second):
            pass
        await KVNamespace(engine, "a").put("key", "first")
        async with reach_store(host) as reached:
            assert await KVNamespace(reached, "a").get("key") == "first"

    assert "another process shares its KV store at" in caplog.text


async def test_without_an_owner_the_store_is_opened_whatever_a_dead_one_left(
    tmp_path: Path,
) -> None:
    host = FakeHost(tmp_path)
    left = tmp_path / "kv_namespace" / "owner.sock"
    left.parent.mkdir()
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(left))
    # None of its clients still trusts what it has read.
    os.utime(left, (0, 0))

    async with reach_store(host) as engine:
        assert isinstance(engine, LevelDBEngine)
    # The next owner takes its place.
    async with KvNamespacePlugin().own(host):
        await (await connect_engine(left)).close()


async def test_a_store_that_is_held_and_not_shared_is_refused_naming_who_holds_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stores, "_PATIENCE_S", 0.05)
    host = FakeHost(tmp_path)
    engine = await open_engine("leveldb", EngineOptions(folder=host.data_dir("kv_namespace")))

    with pytest.raises(EngineLockedError, match=f"in use by process {os.getpid()}"):
        async with reach_store(host):
            pass
    await engine.close()


async def test_a_store_that_is_held_for_a_moment_is_waited_for(tmp_path: Path) -> None:
    host = FakeHost(tmp_path)
    engine = await open_engine("leveldb", EngineOptions(folder=host.data_dir("kv_namespace")))
    async with asyncio.TaskGroup() as group:
        group.create_task(engine.close())

        async with reach_store(host) as reached:
            assert await reached.namespaces() == []


async def test_a_store_in_memory_is_there_only_with_its_server(tmp_path: Path) -> None:
    host = FakeHost(tmp_path, kv_namespace_engine="memory")

    with pytest.raises(HostError, match="only while `runtime serve` runs"):
        async with reach_store(host):
            pass
    async with KvNamespacePlugin().own(host) as engine, reach_store(host) as reached:
        await KVNamespace(engine, "a").put("key", "v")
        assert await KVNamespace(reached, "a").get("key") == "v"
