"""Every built-in engine keeps the contract, and so does one that another process holds."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from kvstore import EngineOptions, KVEngine, open_engine
from kvstore.owner import serve_engine
from kvstore.remote import connect_engine
from kvstore.testing import EngineConformance, FakeClock


class BuiltIn(EngineConformance):
    name: str

    @pytest.fixture
    async def engine(self, tmp_path: Path, clock: FakeClock) -> AsyncIterator[KVEngine]:
        options = EngineOptions(folder=tmp_path, durability="buffered", clock=clock)
        engine = await open_engine(self.name, options)
        yield engine
        await engine.close()


class TestMemory(BuiltIn):
    name = "memory"


class TestLevelDB(BuiltIn):
    name = "leveldb"


class Shared(EngineConformance):
    name: str
    cache_bytes = 0

    @pytest.fixture
    async def engine(self, tmp_path: Path, clock: FakeClock) -> AsyncIterator[KVEngine]:
        options = EngineOptions(folder=tmp_path, durability="buffered", clock=clock)
        owned = await open_engine(self.name, options)
        socket = tmp_path / "owner.sock"
        async with serve_engine(owned, socket):
            client = await connect_engine(socket, cache_bytes=self.cache_bytes)
            yield client
            await client.close()
        await owned.close()


class TestRemoteMemory(Shared):
    name = "memory"
    cache_bytes = 1_000_000


class TestRemoteLevelDB(Shared):
    name = "leveldb"
