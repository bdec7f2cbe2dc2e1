"""What the crash tests write, and the process that writes it and is killed.

Each writer has a namespace of its own and does one thing after the other, each known by its number
alone. So of a writer that is killed one knows all: what was confirmed, and what may have been under
way.
"""

import asyncio
import json
import random
import sys
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path

from kvstore import Delete, EngineOptions, KVEngine, Put, open_engine
from kvstore.owner import serve_engine
from kvstore.remote import connect_engine

__all__ = ["FAR", "KEYS", "Step", "namespace_of", "step_of", "value_of", "write"]

FAR = 4_000_000_000
KEYS = (b"a", b"b", b"c/\x00", b"d" * 200)
# Within a record, in pieces, and streamed.
SIZES = (0, 20, 1000, 1000, 5000, 70_000, 300_000, 2_500_000)


@dataclass(frozen=True)
class Step:
    """Put a value of `size` bytes, or delete where it is None; without a key, all that there is."""

    number: int
    key: bytes | None
    size: int | None


def namespace_of(writer: int) -> str:
    return f"writer-{writer}"


def step_of(writer: int, number: int) -> Step:
    """What a writer does in its step of that number."""
    chance = random.Random(f"{writer} {number}")
    kind = chance.random()
    if kind < 0.04:
        return Step(number, None, None)
    key = chance.choice(KEYS)
    return Step(number, key, None if kind < 0.25 else chance.choice(SIZES))


def value_of(writer: int, step: Step) -> bytes:
    assert step.size is not None
    return random.Random(f"value {writer} {step.number}").randbytes(step.size)


async def write(
    engine: KVEngine, writer: int, first: int, on_confirmed: Callable[[int, int], None]
) -> None:
    """Go on from a step, until something is raised."""
    namespace = namespace_of(writer)
    number = first
    while True:
        step = step_of(writer, number)
        if step.key is None:
            await engine.drop(namespace)
        elif step.size is None:
            await engine.write([Delete(namespace, step.key)])
        else:
            value = value_of(writer, step)
            expiration = FAR if number % 3 == 0 else None
            source = _chunks(value) if number % 2 else value
            await engine.write([Put(namespace, step.key, source, b"%d" % number, expiration)])
        on_confirmed(writer, number)
        number += 1


async def _chunks(value: bytes) -> AsyncIterator[bytes]:
    for start in range(0, len(value), 200_000):
        yield value[start : start + 200_000]


def _say(*words: object) -> None:
    # One system call, so that nothing of it is lost when this is killed.
    sys.stdout.write(" ".join(map(str, words)) + "\n")
    sys.stdout.flush()


async def main(role: str, folder: Path, firsts: dict[str, int]) -> None:
    """Be a process that writes into a store of its own, an owner, or an owner's client."""
    _say("begins")
    if role == "client":
        engine: KVEngine = await connect_engine(folder / "owner.sock")
    else:
        engine = await open_engine("leveldb", EngineOptions(folder=folder))
    if role == "owner":
        async with serve_engine(engine, folder / "owner.sock"):
            _say("ready")
            await asyncio.Event().wait()
    _say("ready")
    async with asyncio.TaskGroup() as group:
        for writer, first in firsts.items():
            group.create_task(write(engine, int(writer), first, _say))


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], Path(sys.argv[2]), json.loads(sys.argv[3])))
