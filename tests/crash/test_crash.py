"""Whatever is killed and whenever: what was confirmed is there, whole, and nothing else is.

`EDGESTEAD_TEST_LONG=1` kills ten times as often.
"""

import asyncio
import json
import os
import random
import runpy
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from kvstore import EngineOptions, KVEngine, OwnerUnavailableError
from kvstore.engines import leveldb
from kvstore.engines.leveldb import LevelDBEngine, check_store
from kvstore.owner import serve_engine
from kvstore.remote import connect_engine

SCRIPT = Path(__file__).with_name("writing.py")
WRITERS = 6
TIMES = 10 if os.environ.get("EDGESTEAD_TEST_LONG") else 1

pytestmark = pytest.mark.timeout(120 * TIMES)
writing: Any = SimpleNamespace(**runpy.run_path(str(SCRIPT)))


class Model:
    """What must stand in the store: after all confirmed steps, and perhaps after the next one."""

    def __init__(self) -> None:
        self.confirmed = 0
        self.next_steps = dict.fromkeys(range(WRITERS), 0)
        self.held: dict[int, dict[bytes, Any]] = {writer: {} for writer in range(WRITERS)}

    def confirm(self, writer: int, number: int) -> None:
        assert number == self.next_steps[writer]
        step = writing.step_of(writer, number)
        self.next_steps[writer] += 1
        self.confirmed += 1
        for key in self._keys(step):
            self.held[writer][key] = None if step.size is None else step

    async def check(self, engine: KVEngine) -> None:
        """Compare; what was under way is taken as it is found, done or not, and is over then."""
        for writer, held in self.held.items():
            under_way = writing.step_of(writer, self.next_steps[writer])
            self.next_steps[writer] += 1
            listed, _ = await engine.list(writing.namespace_of(writer), b"", None, 100)
            for key in writing.KEYS:
                found = await self._found(engine, writer, key)
                allowed = [held.get(key)]
                if key in self._keys(under_way):
                    allowed.append(None if under_way.size is None else under_way)
                assert found in allowed, f"{writer} {key!r}: {found} is none of {allowed}"
                held[key] = found
            keys = [key for key in writing.KEYS if held[key] is not None]
            assert [entry.key for entry in listed] == sorted(keys)

    def _keys(self, step: Any) -> list[bytes]:
        return [*writing.KEYS] if step.key is None else [step.key]

    async def _found(self, engine: KVEngine, writer: int, key: bytes) -> Any:
        """Return the step that has put what stands there now, if it is whole."""
        record = await engine.get(writing.namespace_of(writer), key)
        if record is None:
            return None
        value = record.value
        if not isinstance(value, bytes):
            value = b"".join([piece async for piece in value])
        step = writing.step_of(writer, int(record.metadata or b""))
        assert value == writing.value_of(writer, step)
        assert record.expiration == (writing.FAR if step.number % 3 == 0 else None)
        return step


async def open_store(folder: Path) -> LevelDBEngine:
    return await leveldb.open_engine(EngineOptions(folder=folder))


async def check_after_crash(folder: Path, model: Model) -> None:
    """Open the store as the next process would; then see that it is sound and nothing leaks."""
    engine = await open_store(folder)
    await model.check(engine)
    await engine.close()
    report = await asyncio.to_thread(check_store, folder)
    assert report.is_sound, report
    assert (report.left_over, report.unindexed) == ([], [])


async def start(role: str, folder: Path, model: Model) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        sys.executable,
        SCRIPT,
        role,
        folder,
        json.dumps(model.next_steps),
        stdout=asyncio.subprocess.PIPE,
        limit=2**20,
    )


async def lines_of(process: asyncio.subprocess.Process) -> AsyncIterator[list[str]]:
    assert process.stdout is not None
    async for line in process.stdout:
        yield line.decode().split()


async def kill(process: asyncio.subprocess.Process) -> None:
    process.kill()
    await process.wait()


async def write_until_killed(role: str, folder: Path, model: Model, chance: random.Random) -> None:
    """Let a process write, and kill it after a number of lines and a moment, both by chance."""
    process = await start(role, folder, model)
    # Now and then while it opens the store, or has hardly begun.
    lines = chance.choice((0, 1, 2, 10, 30, 100, 200))
    seen = 0
    async for words in lines_of(process):
        seen += 1
        if seen == lines + 1:
            asyncio.get_running_loop().call_later(chance.random() * 0.02, process.kill)
        if words[0].isdigit():
            model.confirm(int(words[0]), int(words[1]))
    assert await process.wait() < 0


@pytest.mark.parametrize("seed", range(TIMES))
async def test_kills_of_a_process_that_has_a_store_of_its_own(tmp_path: Path, seed: int) -> None:
    chance = random.Random(seed)
    model = Model()
    for _ in range(12):
        await write_until_killed("writer", tmp_path, model, chance)
        await check_after_crash(tmp_path, model)

    assert model.confirmed > 20


@pytest.mark.parametrize("seed", range(TIMES))
async def test_kills_of_the_owner(tmp_path: Path, seed: int) -> None:
    chance = random.Random(seed)
    model = Model()
    for _ in range(6):
        process = await start("owner", tmp_path, model)
        async for words in lines_of(process):
            if words == ["ready"]:
                break
        client = await connect_engine(tmp_path / "owner.sock", cache_bytes=0, reconnect_s=0)
        after = sum(model.next_steps.values()) + chance.randrange(150)

        def confirm(writer: int, number: int, after: int = after, process: Any = process) -> None:
            model.confirm(writer, number)
            if sum(model.next_steps.values()) == after:
                asyncio.get_running_loop().call_later(chance.random() * 0.02, process.kill)

        ends = await asyncio.gather(
            *[writing.write(client, one, model.next_steps[one], confirm) for one in range(WRITERS)],
            return_exceptions=True,
        )
        await client.close()
        await kill(process) if process.returncode is None else None
        assert {type(end) for end in ends} == {OwnerUnavailableError}
        await check_after_crash(tmp_path, model)

    assert model.confirmed > 20


@pytest.mark.parametrize("seed", range(TIMES))
async def test_kills_of_a_client(tmp_path: Path, seed: int) -> None:
    """The owner goes on, and keeps nothing for those that are gone."""
    chance = random.Random(seed)
    model = Model()
    engine = await open_store(tmp_path)
    async with serve_engine(engine, tmp_path / "owner.sock") as shared:
        for _ in range(6):
            await write_until_killed("client", tmp_path, model, chance)
            # What it had asked is carried out or given up first.
            await shared.disconnect()
            await model.check(shared)
    assert vars(engine)["_large_values"]._readers == {}
    await engine.close()
    report = await asyncio.to_thread(check_store, tmp_path)

    assert report.is_sound, report
    assert (report.left_over, report.unindexed) == ([], [])
    assert model.confirmed > 20
