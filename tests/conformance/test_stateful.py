"""A namespace, whatever is done to it in whatever order, holds what a dict would hold.

`EDGESTEAD_TEST_LONG=1` runs many more and longer examples.
"""

import asyncio
import os
import tempfile
from collections.abc import AsyncIterator, Awaitable, Sequence
from contextlib import AsyncExitStack, aclosing
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import pytest
import uvloop
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    precondition,
    rule,
    run_state_machine_as_test,
)

from kvstore import EngineOptions, KVEngine, KVNamespace, Record, open_engine
from kvstore.engines.leveldb import check_store
from kvstore.engines.memory import MemoryEngine
from kvstore.owner import serve_engine
from kvstore.remote import connect_engine
from kvstore.testing import FakeClock

IS_LONG = bool(os.environ.get("EDGESTEAD_TEST_LONG"))
SETTINGS = settings(
    max_examples=400 if IS_LONG else 25,
    stateful_step_count=60 if IS_LONG else 40,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
T = TypeVar("T")

NAMES = st.sampled_from(["ns", "ns2", "\x02ns"])
KEYS = st.sampled_from(["a", "a/b", "a/b\x00", "aé", "b", "\uffff", "b" * 512])
PREFIXES = st.sampled_from(["", "a", "a/", "b", "c"])
SIZES = st.sampled_from([0, 5, 4096, 4097, 65_536, 65_537, 262_144, 262_145, 600_000])
METADATA = st.none() | st.integers(0, 5) | st.just({"ü": [1]})
TTLS = st.none() | st.sampled_from([60, 61, 200])
WHO = st.integers(0, 2)


class Stored(NamedTuple):
    """What the model holds under a key."""

    value: bytes
    metadata: Any
    expiration: int | None


class Machine(RuleBasedStateMachine):
    """Does everything to the engine and to the model; `engines` are several ways to one store."""

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner(loop_factory=uvloop.new_event_loop)
        self.folder = tempfile.TemporaryDirectory()
        self.clock = FakeClock()
        self.model: dict[str, dict[str, Stored]] = {}
        self.cursor: tuple[str, str, str, str] | None = None
        self.snapshot: Snapshot | None = None
        self.written = 0
        self.engines: Sequence[KVEngine] = ()
        self.run(self.open())

    def run(self, work: Awaitable[T]) -> T:
        async def working() -> T:
            return await work

        return self.runner.run(working())

    async def open(self) -> None:
        raise NotImplementedError

    async def close(self) -> None:
        raise NotImplementedError

    def kv(self, who: int, name: str) -> KVNamespace:
        return KVNamespace(self.engines[who % len(self.engines)], name, clock=self.clock)

    def held(self, name: str) -> dict[str, Stored]:
        """What a namespace holds by now, in order."""
        held = self.model.get(name, {})
        return {
            key: held[key]
            for key in sorted(held, key=str.encode)
            if not self.has_expired(held[key])
        }

    def has_expired(self, stored: Stored) -> bool:
        return stored.expiration is not None and stored.expiration <= self.clock()

    @initialize(ttl=TTLS, size=st.sampled_from([5, 70_000]))
    def fill(self, ttl: int | None, size: int) -> None:
        """Begin with something: not every example has every rule."""
        for name in ("ns", "ns2"):
            for key in ("a", "a/b", "b", "\uffff"):
                self.put(0, name, key, size, False, 1, ttl)
                self.get(1, name, key, False)

    @rule(who=WHO, name=NAMES, key=KEYS, size=SIZES, streams=st.booleans(), meta=METADATA, ttl=TTLS)
    def put(
        self, who: int, name: str, key: str, size: int, streams: bool, meta: Any, ttl: int | None
    ) -> None:
        self.written += 1
        value = (b"%07d," % self.written * (size // 8 + 1))[:size]

        async def chunks() -> AsyncIterator[bytes]:
            for start in range(0, size, 100_000):
                yield value[start : start + 100_000]

        given = chunks() if streams else value
        self.run(self.kv(who, name).put(key, given, metadata=meta, expirationTtl=ttl))

        expiration = None if ttl is None else int(self.clock()) + ttl
        self.model.setdefault(name, {})[key] = Stored(value, meta, expiration)

    @rule(who=WHO, name=NAMES, key=KEYS, streams=st.booleans())
    def get(self, who: int, name: str, key: str, streams: bool) -> None:
        found = self.run(self._read(self.kv(who, name), key, streams))

        stored = self.held(name).get(key)
        assert found == ((None, None) if stored is None else (stored.value, stored.metadata))

    async def _read(self, kv: KVNamespace, key: str, streams: bool) -> tuple[bytes | None, Any]:
        found = await kv.getWithMetadata(key, "stream" if streams else "arrayBuffer")
        value = found.value
        if value is not None:
            value = b"".join([chunk async for chunk in value]) if streams else bytes(value)
        return value, found.metadata

    @rule(who=WHO, name=NAMES, keys=st.lists(KEYS, min_size=1, max_size=5))
    def get_many(self, who: int, name: str, keys: list[str]) -> None:
        found = self.run(self.kv(who, name).get(keys))

        held = self.held(name)
        assert found == {key: held[key].value.decode() if key in held else None for key in keys}

    @rule(who=WHO, name=NAMES, keys=st.lists(KEYS, min_size=1, max_size=3))
    def delete(self, who: int, name: str, keys: list[str]) -> None:
        self.run(self.kv(who, name).delete(keys))

        for key in keys:
            self.model.get(name, {}).pop(key, None)

    @rule(who=WHO, name=NAMES, prefix=PREFIXES, limit=st.integers(1, 8))
    def list_all(self, who: int, name: str, prefix: str, limit: int) -> None:
        listed = self.run(self._pages(self.kv(who, name), prefix, limit))

        assert listed == self._entries(name, prefix)

    async def _pages(self, kv: KVNamespace, prefix: str, limit: int) -> list[dict[str, Any]]:
        listed: list[dict[str, Any]] = []
        cursor = None
        while True:
            page = await kv.list(prefix=prefix, limit=limit, cursor=cursor)
            listed += page["keys"]
            assert len(page["keys"]) == limit or page["list_complete"]
            if page["list_complete"]:
                return listed
            cursor = page["cursor"]

    def _entries(self, name: str, prefix: str, after: str = "") -> list[dict[str, Any]]:
        entries = []
        for key, stored in self.held(name).items():
            if key.startswith(prefix) and key.encode() > after.encode():
                entry: dict[str, Any] = {"name": key}
                if stored.expiration is not None:
                    entry["expiration"] = stored.expiration
                if stored.metadata is not None:
                    entry["metadata"] = stored.metadata
                entries.append(entry)
        return entries

    @rule(who=WHO, name=NAMES, prefix=PREFIXES, limit=st.integers(1, 3))
    def begin_listing(self, who: int, name: str, prefix: str, limit: int) -> None:
        page = self.run(self.kv(who, name).list(prefix=prefix, limit=limit))

        assert page["keys"] == self._entries(name, prefix)[:limit]
        if not page["list_complete"]:
            self.cursor = name, prefix, page["cursor"], page["keys"][-1]["name"]

    @precondition(lambda self: self.cursor is not None)
    @rule(who=WHO)
    def go_on_listing(self, who: int) -> None:
        assert self.cursor is not None
        name, prefix, cursor, last = self.cursor

        page = self.run(self.kv(who, name).list(prefix=prefix, cursor=cursor))

        assert page["keys"] == self._entries(name, prefix, last)

    @rule(seconds=st.sampled_from([1, 59, 60, 150]))
    def advance(self, seconds: int) -> None:
        self.clock.advance(seconds)

    @rule(who=WHO, limit=st.integers(1, 5))
    def sweep(self, who: int, limit: int) -> None:
        swept = self.run(self.engines[who % len(self.engines)].sweep(limit))

        assert 0 <= swept <= limit

    @rule(who=WHO, name=NAMES)
    def drop(self, who: int, name: str) -> None:
        self.run(self.engines[who % len(self.engines)].drop(name))

        self.model.pop(name, None)

    @rule(who=WHO)
    def namespaces(self, who: int) -> None:
        names = self.run(self.engines[who % len(self.engines)].namespaces())

        assert list(names) == sorted(filter(self.held, self.model), key=str.encode)

    @precondition(lambda self: self.snapshot is None)
    @rule(who=WHO, name=NAMES)
    def begin_snapshot(self, who: int, name: str) -> None:
        self.snapshot = Snapshot(self.engines[who % len(self.engines)], name, self.held(name))
        self.run(self.snapshot.begin())

    @precondition(lambda self: self.snapshot is not None)
    @rule(reads=st.booleans())
    def end_snapshot(self, reads: bool) -> None:
        """Read it, or give it up; what has expired meanwhile may be missing."""
        assert self.snapshot is not None
        snapshot, self.snapshot = self.snapshot, None
        if not reads:
            self.run(snapshot.records.aclose())
            return
        found = self.run(snapshot.read())
        expected = {
            key: stored
            for key, stored in snapshot.expected.items()
            if key in found or not self.has_expired(stored)
        }
        assert found == {key: stored.value for key, stored in expected.items()}
        assert list(found) == list(expected)

    @rule()
    def reopen(self) -> None:
        self.give_up_snapshot()
        self.run(self.close())
        self.run(self.open())

    def give_up_snapshot(self) -> None:
        if self.snapshot is not None:
            self.run(self.snapshot.records.aclose())
            self.snapshot = None

    def teardown(self) -> None:
        self.give_up_snapshot()
        for name in self.model:
            self.list_all(0, name, "", 1000)
        while self.run(self.engines[0].sweep(2)) == 2:
            pass
        self.run(self.close())
        self.check_files()
        self.runner.close()
        self.folder.cleanup()

    def check_files(self) -> None:
        """Nothing is damaged, left over, or has expired and is still on the disk."""


class Snapshot:
    """A snapshot that is read in part while other things go on."""

    def __init__(self, engine: KVEngine, name: str, expected: dict[str, Stored]) -> None:
        self.records = engine.snapshot(name)
        self.expected = expected
        self.found: dict[str, bytes] = {}

    async def begin(self) -> None:
        """Read the first record: then it has begun."""
        first = await anext(self.records, None)
        if first is not None:
            await self._keep(*first)

    async def read(self) -> dict[str, bytes]:
        async with aclosing(self.records):
            async for key, record in self.records:
                await self._keep(key, record)
        return self.found

    async def _keep(self, key: bytes, record: Record) -> None:
        value = record.value
        if not isinstance(value, bytes):
            value = b"".join([piece async for piece in value])
        self.found[key.decode()] = value


class MemoryMachine(Machine):
    """In memory, closing means forgetting; so nothing is ever closed."""

    async def open(self) -> None:
        if not self.engines:
            self.engines = [MemoryEngine(self.clock)]

    async def close(self) -> None:
        pass


class LevelDBMachine(Machine):
    """One LevelDB."""

    async def open(self) -> None:
        self.engines = [await open_engine("leveldb", self.options())]

    async def close(self) -> None:
        await self.engines[0].close()

    def options(self) -> EngineOptions:
        return EngineOptions(folder=Path(self.folder.name), durability="buffered", clock=self.clock)

    def check_files(self) -> None:
        report = check_store(Path(self.folder.name))
        counts = {name: len(self.held(name)) for name in self.model}
        assert report.records == {name: count for name, count in counts.items() if count}
        assert report.is_sound
        assert report.left_over == report.unindexed == []


class SharedMachine(LevelDBMachine):
    """One LevelDB, its owner, and two clients that keep what they have read."""

    async def open(self) -> None:
        self.stack = AsyncExitStack()
        engine = await open_engine("leveldb", self.options())
        self.stack.push_async_callback(engine.close)
        socket = Path(self.folder.name) / "owner.sock"
        shared = await self.stack.enter_async_context(serve_engine(engine, socket))
        clients = [await connect_engine(socket, clock=self.clock) for _ in range(2)]
        for client in clients:
            self.stack.push_async_callback(client.close)
        self.shared = shared
        self.engines = [shared, *clients]

    async def close(self) -> None:
        await self.stack.aclose()

    @rule()
    def lose_connections(self) -> None:
        """Clients connect again, and know nothing any more."""
        self.give_up_snapshot()
        self.run(self.shared.disconnect())


MACHINES = {"memory": MemoryMachine, "leveldb": LevelDBMachine, "shared": SharedMachine}


@pytest.mark.timeout(3600 if IS_LONG else 60)
@pytest.mark.parametrize("name", MACHINES)
def test_it_holds_what_a_dict_would_hold(name: str) -> None:
    run_state_machine_as_test(MACHINES[name], settings=SETTINGS)
