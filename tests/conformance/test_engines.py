"""Every built-in engine keeps the contract."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from kvstore import EngineOptions, KVEngine, open_engine
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
