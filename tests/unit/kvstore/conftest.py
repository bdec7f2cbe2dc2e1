"""A store of LevelDB, and an owner that shares one with as many clients as a test wants."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractContextManager, AsyncExitStack, contextmanager
from pathlib import Path
from typing import Any

import plyvel
import pytest

from kvstore import EngineOptions, KVEngine, open_engine
from kvstore._wire import (
    PROTOCOL,
    FrameReader,
    Hello,
    OwnerMessage,
    decode_owner_message,
    encode_frame,
)
from kvstore.engines import leveldb
from kvstore.engines.leveldb import LevelDBEngine
from kvstore.owner import SharedEngine, serve_engine
from kvstore.remote import RemoteEngine, connect_engine


class Host:
    """A store and its owner in this process, and as many clients as a test wants."""

    def __init__(self, folder: Path, stack: AsyncExitStack, engine: KVEngine) -> None:
        self.socket = folder / "owner.sock"
        self.engine = engine
        self.stack = stack
        self.shared: SharedEngine

    async def start(self) -> None:
        self.shared = await self.stack.enter_async_context(serve_engine(self.engine, self.socket))

    async def client(self, **options: Any) -> RemoteEngine:
        client = await connect_engine(self.socket, **options)
        self.stack.push_async_callback(client.close)
        return client

    async def raw_client(self, *, greets: bool = True, caches: bool = True) -> "RawClient":
        client = RawClient(*await asyncio.open_unix_connection(str(self.socket)))
        self.stack.callback(client.writer.close)
        if greets:
            client.send(Hello(PROTOCOL, caches))
            assert await client.next(Hello) == Hello(PROTOCOL)
        return client

    async def until(self, condition: Callable[[], bool]) -> None:
        """Let other tasks run until something is so; nothing tells when."""
        for _ in range(1_000_000):
            if condition():
                return
            await asyncio.sleep(0)
        raise AssertionError("it did not happen")


class RawClient:
    """A client that does what a test says, be it against the protocol."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer
        self._frames = FrameReader()
        self._messages: list[OwnerMessage] = []

    def send(self, message: Any) -> None:
        self.writer.write(encode_frame(message))

    async def next(self, kind: type[Any]) -> Any:
        """Return the next message of a kind, passing over others; None at the end."""
        while True:
            for index, message in enumerate(self._messages):
                if isinstance(message, kind):
                    del self._messages[: index + 1]
                    return message
            data = await self.reader.read(65_536)
            if not data:
                return None
            self._messages += map(decode_owner_message, self._frames.feed(data))


@pytest.fixture
async def host(tmp_path: Path) -> AsyncIterator[Host]:
    engine = await open_engine("leveldb", EngineOptions(folder=tmp_path, durability="buffered"))
    async with AsyncExitStack() as stack:
        host = Host(tmp_path, stack, engine)
        await host.start()
        yield host
    await engine.close()


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[LevelDBEngine]:
    engine = await leveldb.open_engine(EngineOptions(folder=tmp_path, durability="buffered"))
    yield engine
    await engine.close()


@pytest.fixture
def full_disk() -> Callable[[LevelDBEngine], AbstractContextManager[None]]:
    """Let the disk of a store refuse everything: `with full_disk(engine):`."""

    class Refuses:
        """As much of a database as is used."""

        def get(self, key: bytes, **options: object) -> bytes | None:
            raise plyvel.IOError(b"IO error: No space left on device")

        def write_batch(self, **options: object) -> Any:
            raise plyvel.IOError(b"IO error: No space left on device")

    @contextmanager
    def full(engine: LevelDBEngine) -> Iterator[None]:
        records = engine._store
        database = records._database
        vars(records)["_database"] = Refuses()
        try:
            yield
        finally:
            vars(records)["_database"] = database

    return full
