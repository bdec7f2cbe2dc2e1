"""Sharing a store: what clients see of each other's writes, and what survives whose death."""

import asyncio
import gc
import os
import signal
import stat
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from kvstore import (
    Delete,
    EngineClosedError,
    EngineError,
    EngineOptions,
    FormatTooNewError,
    KVEngine,
    KVNamespace,
    OwnerUnavailableError,
    Put,
    Record,
    open_engine,
    owner,
)
from kvstore._connection import Connection
from kvstore._wire import (
    PROTOCOL,
    Beat,
    Chunk,
    Found,
    Get,
    Hello,
    Invalidate,
    Invalidated,
    ReadOn,
    Release,
    WireWrite,
    Write,
    encode_frame,
)
from kvstore.engines import leveldb
from kvstore.owner import serve_engine
from kvstore.remote import RemoteEngine, connect_engine

OWNER = """
import asyncio, sys
from pathlib import Path
from kvstore import EngineOptions, open_engine
from kvstore.owner import serve_engine

async def main():
    folder = Path(sys.argv[1])
    engine = await open_engine("leveldb", EngineOptions(folder=folder))
    async with serve_engine(engine, folder / "owner.sock"):
        print("ready", flush=True)
        await asyncio.get_running_loop().run_in_executor(None, sys.stdin.readline)
    await engine.close()

asyncio.run(main())
"""


def start_owner(folder: Path) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [sys.executable, "-c", OWNER, str(folder)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    return process


# Its value comes in chunks.
STREAM = Write(1, [WireWrite("ns", b"stream", 7)])


def value_of(record: Record | None) -> Any:
    return None if record is None else record.value


# The socket


async def test_the_socket_is_the_users_alone_and_goes_with_the_owner(tmp_path: Path) -> None:
    engine = await open_engine("memory", EngineOptions(folder=tmp_path))
    path = tmp_path / "owner.sock"
    async with serve_engine(engine, path):
        mode = os.stat(path).st_mode

    assert stat.S_ISSOCK(mode)
    assert stat.S_IMODE(mode) == 0o600
    assert "owner.sock" not in os.listdir(tmp_path)


async def test_a_socket_that_a_dead_owner_left_is_replaced(tmp_path: Path) -> None:
    engine = await open_engine("memory", EngineOptions(folder=tmp_path))
    path = tmp_path / "owner.sock"
    path.write_text("left behind")
    async with serve_engine(engine, path):
        client = await connect_engine(path)
        await client.write([Put("ns", b"key", b"v")])
        await client.close()

    assert value_of(await engine.get("ns", b"key")) == b"v"


async def test_a_long_path_is_no_hindrance(tmp_path: Path) -> None:
    folder = tmp_path / ("x" * 100) / ("y" * 100)
    folder.mkdir(parents=True)
    engine = await open_engine("memory", EngineOptions(folder=folder))
    async with serve_engine(engine, folder / "owner.sock"):
        client = await connect_engine(folder / "owner.sock")
        names = await client.namespaces()
        await client.close()

    assert names == []


async def test_where_nobody_serves_it_is_told(tmp_path: Path) -> None:
    with pytest.raises(OwnerUnavailableError, match="nobody serves the KV store at"):
        await connect_engine(tmp_path / "owner.sock")
    with pytest.raises(EngineError, match="cannot be shared at"):
        async with serve_engine(
            await open_engine("memory", EngineOptions(folder=tmp_path)), tmp_path / "no" / "o.sock"
        ):
            pass


async def test_another_protocol_is_refused_by_name(tmp_path: Path) -> None:
    async def speak_another(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(encode_frame(Hello(PROTOCOL + 1)))
        await reader.read()
        writer.close()

    path = str(tmp_path / "owner.sock")
    async with await asyncio.start_unix_server(speak_another, path):
        with pytest.raises(FormatTooNewError, match=f"speaks protocol {PROTOCOL + 1}"):
            await connect_engine(Path(path))


async def test_a_client_of_another_protocol_is_told_and_left(host: Any) -> None:
    client = await host.raw_client(greets=False)
    client.send(Hello(PROTOCOL + 1))

    assert await client.next(Hello) == Hello(PROTOCOL)
    assert await client.next(Hello) is None


@pytest.mark.parametrize(
    "frames",
    [
        b"\xff\xff\xff\xff",
        b"GET / HTTP/1.1\r\n\r\n" * 10,
        (5).to_bytes(4) + b"hello",
        encode_frame(Get(1, "ns", b"key")),
        encode_frame(Hello(PROTOCOL)) * 2,
        encode_frame(Hello(PROTOCOL)) + encode_frame(Beat(1.0)),
        encode_frame(Hello(PROTOCOL)) + encode_frame(STREAM) * 2,
        encode_frame(Hello(PROTOCOL)) + encode_frame(Write(1, STREAM.writes * 2)),
        encode_frame(Hello(PROTOCOL)) + encode_frame(STREAM) + encode_frame(Chunk(7, b"x")) * 2,
    ],
)
async def test_a_client_that_breaks_the_protocol_is_left_and_others_are_not(
    host: Any, frames: bytes
) -> None:
    other = await host.client()
    bad = await host.raw_client(greets=False)
    bad.writer.write(frames)

    assert await bad.next(Found) is None
    await other.write([Put("ns", b"key", b"v")])
    assert value_of(await other.get("ns", b"key")) == b"v"
    await host.until(lambda: len(host.shared._sessions) == 1)
    assert await host.engine.get("ns", b"stream") is None


@pytest.mark.parametrize("answer", [b"\xff\xff\xff\xff", encode_frame(Hello(PROTOCOL)) * 2])
async def test_an_owner_that_breaks_the_protocol_is_left(tmp_path: Path, answer: bytes) -> None:
    async def babble(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(answer)
        await reader.read()
        writer.close()

    path = tmp_path / "owner.sock"
    async with await asyncio.start_unix_server(babble, str(path)):
        with pytest.raises(OwnerUnavailableError):
            client = await connect_engine(path, reconnect_s=0)
            await client.namespaces()


# What readers see


async def test_every_client_sees_a_write_as_soon_as_it_has_returned(host: Any) -> None:
    clients = [await host.client() for _ in range(3)]
    engines: list[KVEngine] = [*clients, host.shared]
    for round_ in range(30):
        writer = engines[round_ % 4]
        value = b"%d" % round_
        await writer.write([Put("ns", b"key", value)])
        for reader in engines:
            assert value_of(await reader.get("ns", b"key")) == value
    await clients[0].write([Delete("ns", b"key")])
    assert [await reader.get("ns", b"key") for reader in engines] == [None] * 4
    await clients[1].write([Put("ns", b"key", b"again")])
    await clients[0].get("ns", b"key")
    await clients[1].drop("ns")
    assert [await reader.get("ns", b"key") for reader in engines] == [None] * 4


async def test_a_read_that_is_repeated_is_answered_from_what_was_kept(
    host: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = await host.client()
    await client.write([Put("ns", b"key", b"v")])
    await client.get("ns", b"key")
    await client.get("ns", b"absent")
    asked: list[bytes] = []
    original = host.engine.get_at_once  # type: ignore[attr-defined]  # LevelDB's has it

    def noted(namespace: str, key: bytes) -> Any:
        asked.append(key)
        return original(namespace, key)

    monkeypatch.setattr(host.engine, "get_at_once", noted)
    for _ in range(5):
        assert value_of(await client.get("ns", b"key")) == b"v"
        assert await client.get("ns", b"absent") is None
    uncached = await host.client(cache_bytes=0)
    await uncached.get("ns", b"key")

    assert asked == [b"key"]


async def test_under_concurrent_writes_nobody_reads_backwards(host: Any) -> None:
    """Each reader sees a counter that only grows, whoever writes it."""
    clients = [await host.client() for _ in range(3)]
    written = 0
    begins = [asyncio.Event() for _ in range(201)]

    async def write() -> None:
        nonlocal written
        for number in range(1, 200):
            begins[number].set()
            await clients[number % 3].write([Put("ns", b"n", b"%d" % number)])
            written = number

    async def read(client: RemoteEngine) -> int:
        last = 0
        for number in range(1, 200):
            await begins[number].wait()
            # While it is being written, and once more when it may have been.
            for _ in range(10):
                at_least = written
                seen = int(value_of(await client.get("ns", b"n")) or 0)
                assert seen >= max(last, at_least)
                last = seen
                await asyncio.sleep(0)
        return last

    async with asyncio.TaskGroup() as group:
        group.create_task(write())
        readers = [group.create_task(read(client)) for client in clients]

    assert [reader.result() > 0 for reader in readers] == [True] * 3


async def test_a_client_that_hangs_delays_a_writer_no_longer_than_it_may_trust_its_cache(
    host: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(owner, "TRUST_S", 0.3)
    hung = await host.raw_client()
    client = await host.client()

    began = time.monotonic()
    await client.write([Put("ns", b"key", b"v")])
    took = time.monotonic() - began

    assert took < 5
    assert await hung.next(Invalidate) is not None
    assert await hung.next(Found) is None, "it has been cut off"


async def test_a_confirmed_invalidation_lets_the_writer_go_on(host: Any) -> None:
    other = await host.raw_client()
    client = await host.client()
    writing = asyncio.create_task(client.write([Put("ns", b"key", b"v")]))

    message = await other.next(Invalidate)
    assert message.keys == [("ns", b"key")]
    assert not writing.done()
    other.send(Invalidated(message.number))
    other.send(Invalidated(message.number))
    await asyncio.wait_for(writing, 5)


async def test_a_cache_is_not_trusted_for_longer_than_the_owner_says(host: Any) -> None:
    client = await host.client()
    await client.write([Put("ns", b"key", b"old")])
    await client.get("ns", b"key")

    client._trusted_until = time.monotonic() - 1
    # Behind the owner's back, as after a connection that is silently dead.
    await host.engine.write([Put("ns", b"key", b"new")])

    assert value_of(await client.get("ns", b"key")) == b"new"


async def test_a_value_that_was_read_while_another_was_written_is_not_kept(host: Any) -> None:
    client = await host.raw_client()
    await host.engine.write([Put("ns", b"key", b"x" * 100_000)])
    client.send(Get(1, "ns", b"key"))
    before = await client.next(Found)
    reading = host.engine.get_many
    go_on = asyncio.Event()

    async def slow(namespace: str, keys: Any) -> Any:
        found = await reading(namespace, keys)
        await go_on.wait()
        return found

    vars(host.engine)["get_many"] = slow
    client.send(Get(2, "ns", b"key"))
    (session,) = host.shared._sessions
    await host.until(lambda: bool(session._requests))
    writing = asyncio.create_task(host.shared.write([Put("ns", b"key", b"new")]))
    client.send(Invalidated((await client.next(Invalidate)).number))
    await writing
    go_on.set()
    while_writing = await client.next(Found)
    del vars(host.engine)["get_many"]

    assert (before.may_cache, while_writing.may_cache) == (True, False)


# Errors


async def test_an_error_of_the_engine_arrives_as_what_it_is(host: Any) -> None:
    client = await host.client()
    with pytest.raises(EngineError, match="the owner of the KV store failed"):
        await client.write([Put("", b"key", b"v")])
    for call in (client.get("", b"key"), client.get_many("x" * 255, [b"key"])):
        with pytest.raises(EngineError, match="failed: ValueError"):
            await call
    await host.engine.close()

    for call in (client.get("ns", b"new"), client.write([Delete("ns", b"key")])):
        with pytest.raises(EngineClosedError, match="is closed"):
            await call


async def test_a_stream_that_breaks_off_is_the_callers_error_and_stores_nothing(
    host: Any,
) -> None:
    async def broken() -> AsyncIterator[bytes]:
        for _ in range(5):
            yield b"x" * 200_000
        raise RuntimeError("the source broke off")

    client = await host.client()
    with pytest.raises(RuntimeError, match="the source broke off"):
        await client.write([Put("ns", b"key", broken())])

    assert await client.get("ns", b"key") is None


async def test_a_write_that_the_owner_refuses_while_its_value_is_on_its_way(
    host: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(leveldb, "_CLOSING_S", 0.01)
    taken = 0

    async def large() -> AsyncIterator[bytes]:
        nonlocal taken
        for _ in range(1000):
            taken += 1
            yield b"x" * 262_144
            if taken == 10:
                await host.engine.close()

    client = await host.client()
    with pytest.raises(EngineClosedError):
        await client.write([Put("ns", b"key", large())])

    assert taken < 100


async def test_chunks_and_values_that_nobody_asked_for_do_no_harm(host: Any) -> None:
    client = await host.raw_client(caches=False)
    client.send(Chunk(99, b"x"))
    client.send(Release(99))
    client.send(Write(5, []))
    client.send(ReadOn(6, 99))

    answers = [await client.next(object), await client.next(object)]
    assert {answer.id for answer in answers} == {5, 6}


# Death and return


async def test_the_owner_dying_mid_write_fails_what_is_pending_and_keeps_what_was_acknowledged(
    tmp_path: Path,
) -> None:
    process = start_owner(tmp_path)
    client = await connect_engine(tmp_path / "owner.sock", reconnect_s=10)
    acknowledged: set[int] = set()
    failed: set[int] = set()
    began = asyncio.Event()

    async def write(first: int) -> None:
        for number in range(first, first + 100_000):
            try:
                await client.write([Put("ns", b"%08d" % number, b"%d" % number)])
            except OwnerUnavailableError:
                failed.add(number)
                return
            acknowledged.add(number)
            if len(acknowledged) > 100:
                began.set()

    writers = [asyncio.create_task(write(index * 1_000_000)) for index in range(8)]
    await began.wait()
    process.send_signal(signal.SIGKILL)
    await asyncio.gather(*writers)
    process.communicate()
    again = await asyncio.to_thread(start_owner, tmp_path)

    numbers = sorted(acknowledged)
    found = await client.get_many("ns", [b"%08d" % number for number in numbers])
    await client.close()
    again.communicate("\n")

    assert len(failed) == 8
    assert [value_of(record) for record in found] == [b"%d" % number for number in numbers]


async def test_reads_wait_for_an_owner_that_comes_back_and_forget_what_they_kept(
    host: Any, tmp_path: Path
) -> None:
    client = await host.client(reconnect_s=10)
    await client.write([Put("ns", b"key", b"old")])
    await client.get("ns", b"key")
    await host.shared.disconnect()
    await host.engine.write([Put("ns", b"key", b"new")])

    assert value_of(await client.get("ns", b"key")) == b"new"
    assert list(await client.namespaces()) == ["ns"]


async def test_an_owner_that_stays_away_is_told_after_a_while(tmp_path: Path) -> None:
    engine = await open_engine("memory", EngineOptions(folder=tmp_path))
    async with serve_engine(engine, tmp_path / "owner.sock"):
        client = await connect_engine(tmp_path / "owner.sock", reconnect_s=0.1)
    with pytest.raises(OwnerUnavailableError, match="nobody serves the KV store"):
        await client.get("ns", b"key")
    await client.close()


async def test_a_client_that_vanishes_leaves_nothing_open(host: Any) -> None:
    await host.engine.write([Put("ns", b"key", b"x" * 3_000_000)])
    client = await host.client()
    record = await client.get("ns", b"key")
    started = asyncio.Event()

    async def endless() -> AsyncIterator[bytes]:
        while True:
            yield b"x" * 262_144
            started.set()

    writing = asyncio.create_task(client.write([Put("ns", b"never", endless())]))
    await started.wait()
    assert client._link is not None
    client._link.connection.abort()
    with pytest.raises(OwnerUnavailableError):
        await writing
    assert record is not None

    assert await host.engine.get("ns", b"never") is None
    await host.engine.write([Delete("ns", b"key")])
    await host.shared.disconnect()
    assert vars(host.engine)["_large_values"]._readers == {}


async def test_closing_the_owner_lets_requests_finish(tmp_path: Path) -> None:
    engine = await open_engine("leveldb", EngineOptions(folder=tmp_path))
    async with serve_engine(engine, tmp_path / "owner.sock"):
        client = await connect_engine(tmp_path / "owner.sock")
        writes = [
            asyncio.create_task(client.write([Put("ns", b"%d" % n, b"x" * 100_000)]))
            for n in range(20)
        ]
        await asyncio.gather(*[client.get("ns", b"%d" % n) for n in range(20)])
    results = await asyncio.gather(*writes, return_exceptions=True)
    entries, _ = await engine.list("ns", b"", None, 100)
    await client.close()
    await engine.close()

    done = sum(result is None for result in results)
    assert len(entries) >= done


async def test_many_at_once_wait_their_turn(host: Any) -> None:
    client = await host.client(cache_bytes=0)
    kv = KVNamespace(client, "ns")
    await kv.put("key", "x" * 100_000)

    found = await asyncio.gather(*[kv.get("key") for _ in range(3000)])

    assert set(map(len, found)) == {100_000}


async def test_more_than_fits_in_a_message_passes_in_parts(host: Any) -> None:
    client = await host.client()
    puts = [Put("ns", b"%03d" % number, b"x" * 250_000) for number in range(150)]
    await client.write(puts)

    found = await client.get_many("ns", [put.key for put in puts])

    lengths = []
    for record in found:
        assert record is not None
        value = record.value
        if not isinstance(value, bytes):
            value = b"".join([piece async for piece in value])
        lengths.append(len(value))
    assert lengths == [250_000] * 150


async def test_a_large_value_that_nobody_waits_for_any_more_is_let_go(host: Any) -> None:
    await host.engine.write([Put("ns", b"key", b"x" * 3_000_000)])
    client = await host.client()
    for ask in (lambda: client.get("ns", b"key"), lambda: client.get_many("ns", [b"key", b"no"])):
        asking = asyncio.create_task(ask())
        await host.until(lambda: client._link is not None and bool(client._link._waiting))
        asking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asking
        await host.until(lambda: not client._link._waiting)

    await host.until(lambda: vars(host.engine)["_large_values"]._readers == {})


async def test_a_value_that_is_forgotten_half_read_is_let_go(host: Any) -> None:
    await host.engine.write([Put("ns", b"key", b"x" * 3_000_000)])
    client = await host.client()
    record = await client.get("ns", b"key")
    assert record is not None
    assert len(await anext(aiter(record.value))) == 65_536  # type: ignore[arg-type]  # a stream
    del record
    gc.collect()

    await host.until(lambda: vars(host.engine)["_large_values"]._readers == {})


async def test_reads_go_on_over_a_connection_that_breaks_under_them(host: Any) -> None:
    client = await host.client(cache_bytes=0, reconnect_s=5)
    await client.write([Put("ns", b"key", b"x" * 100_000)])
    reading = [asyncio.create_task(client.get("ns", b"key")) for _ in range(5)]
    await host.until(lambda: client._link is not None and bool(client._link._waiting))

    assert client._link is not None
    client._link.connection.abort()

    assert [value_of(record) for record in await asyncio.gather(*reading)] == [b"x" * 100_000] * 5


async def test_calls_at_once_on_a_lost_connection_share_the_next_one(host: Any) -> None:
    client = await host.client(reconnect_s=5)
    await host.shared.disconnect()

    await asyncio.gather(*[client.get("ns", b"key") for _ in range(10)])

    assert len(host.shared._sessions) == 1


async def test_closing_the_shared_engine_closes_the_one_underneath(tmp_path: Path) -> None:
    engine = await open_engine("memory", EngineOptions(folder=tmp_path))
    async with serve_engine(engine, tmp_path / "owner.sock") as shared:
        await shared.close()

    with pytest.raises(EngineClosedError):
        await engine.namespaces()


async def test_a_connection_that_is_not_made_yet_takes_everything_calmly() -> None:
    seen: list[bytes] = []
    connection = Connection(lambda _, data: seen.append(data), lambda _: None)
    connection.send(Hello(PROTOCOL))
    await connection.close()
    connection.abort()
    await connection.drain()

    assert seen == []
    assert not connection.closed.is_set()
