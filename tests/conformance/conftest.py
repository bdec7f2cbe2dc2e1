"""A namespace on each built-in engine, and a clock that stands until it is moved."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from kvstore import EngineOptions, KVEngine, KVNamespace, open_engine
from kvstore.testing import FakeClock


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture(params=["memory", "leveldb"])
async def any_engine(
    request: pytest.FixtureRequest, tmp_path: Path, clock: FakeClock
) -> AsyncIterator[KVEngine]:
    options = EngineOptions(folder=tmp_path, durability="buffered", clock=clock)
    engine = await open_engine(request.param, options)
    yield engine
    await engine.close()


@pytest.fixture
def kv(any_engine: KVEngine, clock: FakeClock) -> KVNamespace:
    return KVNamespace(any_engine, "namespace-id", clock=clock)
