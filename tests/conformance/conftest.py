"""Both event loops, a namespace on each built-in engine, and a clock that stands until moved."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from pathlib import Path

import pytest
import uvloop

from kvstore import EngineOptions, KVEngine, KVNamespace, open_engine
from kvstore.testing import FakeClock


def pytest_asyncio_loop_factories(
    config: pytest.Config, item: pytest.Item
) -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    """Run everything on asyncio's own loop and on that of the command."""
    return {"asyncio": asyncio.new_event_loop, "uvloop": uvloop.new_event_loop}


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
