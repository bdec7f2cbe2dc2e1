"""Clients that do not read, do not end, or ask for too much; and ends of all kinds."""

import asyncio
import multiprocessing
import os
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
    KVNamespace,
    OwnerUnavailableError,
    Put,
    Record,
    _connection,
    _held,
    _link,
    _session,
    open_engine,
    remote,
)
from kvstore._wire import (
    MAX_UNDER_WAY,
    PROTOCOL,
    Abort,
    Chunk,
    CloseSnapshot,
    Done,
    Failed,
    Found,
    Get,
    Hello,
    NextRecords,
    OpenSnapshot,
    Piece,
    ReadOn,
    Records,
    Taken,
    WireWrite,
    Write,
    encode_frame,
)
from kvstore.owner import serve_engine
from kvstore.remote import RemoteEngine, connect_engine


async def chunks(count: int, size: int = 262_144) -> AsyncIterator[bytes]:
    for _ in range(count):
        yield b"x" * size


def readers_of(host: Any) -> Any:
    return vars(host.engine)["_large_values"]._readers


# Back-pressure


async def test_what_a_client_does_not_read_does_not_pile_up(host: Any) -> None:
    await host.engine.write([Put("ns", b"key", b"x" * 60_000)])
    client = await host.raw_client(caches=False)
    (session,) = host.shared._sessions
    for number in range(MAX_UNDER_WAY):
        client.send(Get(number, "ns", b"key"))

    await host.until(lambda: not session.connection.is_writable)
    for _ in range(2000):
        await asyncio.sleep(0)
    waiting = session.connection._transport.get_write_buffer_size()
    answers = [await client.next(Found) for _ in range(MAX_UNDER_WAY)]

    assert waiting < 4_000_000
    assert {answer.id for answer in answers} == set(range(MAX_UNDER_WAY))


async def test_a_client_that_asks_for_more_than_it_may_is_cut_off(host: Any) -> None:
    await host.engine.write([Put("ns", b"key", b"x" * 100_000)])
    client = await host.raw_client(caches=False)
    for number in range(MAX_UNDER_WAY + 1):
        client.send(Get(number, "ns", b"key"))

    while await client.next(Found) is not None:
        pass
    await host.until(lambda: not host.shared._sessions)


async def test_our_client_waits_for_its_turn_instead(
    host: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (_link, _session):
        monkeypatch.setattr(module, "MAX_UNDER_WAY", 4)
    client = await host.client(cache_bytes=0)
    kv = KVNamespace(client, "ns")
    await kv.put("key", "x" * 100_000)

    found = await asyncio.gather(*[kv.get("key") for _ in range(200)])

    assert {len(value) for value in found} == {100_000}


async def test_more_streams_at_once_than_there_are_turns_all_arrive(
    host: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (_link, _session):
        monkeypatch.setattr(module, "MAX_UNDER_WAY", 4)
    client = await host.client()

    await asyncio.gather(
        *[client.write([Put("ns", b"%d" % n, chunks(4, 300_000))]) for n in range(12)]
    )

    entries, _ = await client.list("ns", b"", None, 100)
    assert len(entries) == 12


async def test_cancelled_requests_keep_their_turn_until_they_are_answered(
    host: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (_link, _session):
        monkeypatch.setattr(module, "MAX_UNDER_WAY", 4)
    await host.engine.write([Put("ns", b"key", b"x" * 100_000)])
    client = await host.client(cache_bytes=0)
    for _ in range(20):
        asking = [asyncio.create_task(client.get("ns", b"key")) for _ in range(8)]
        await asyncio.sleep(0)
        for task in asking:
            task.cancel()
        await asyncio.wait(asking)

    assert await client.get("ns", b"key") is not None
    assert len(host.shared._sessions) == 1


# Streams


async def test_a_stream_that_is_given_up_as_soon_as_it_is_announced_is_forgotten(
    host: Any,
) -> None:
    client = await host.raw_client(caches=False)
    client.send(Write(1, [WireWrite("ns", b"key", 7)]))
    client.send(Abort(7))
    client.send(Abort(7))

    answer = await client.next(Failed)
    client.send(Write(2, [WireWrite("ns", b"key", b"v")]))

    assert (answer.id, answer.code) == (1, EngineError.code)
    assert "the client gave it up" in answer.text
    assert await client.next(Done) == Done(2)
    (session,) = host.shared._sessions
    assert not session._uploads


async def test_a_stream_that_is_given_up_after_its_end_does_not_overtake_what_comes_later(
    host: Any,
) -> None:
    client = await host.raw_client(caches=False)
    for round_ in range(1, 30, 2):
        client.send(Write(round_, [WireWrite("ns", b"key", round_)]))
        await client.next(Taken)
        client.send(Chunk(round_, b"x" * 262_144))
        await client.next(Taken)
        client.send(Chunk(round_, b"y" * 100_000))
        await client.next(Taken)
        client.send(Chunk(round_, b""))
        client.send(Abort(round_))
        client.send(Write(round_ + 1, [WireWrite("ns", b"key", b"later")]))
        while (await client.next(Done)).id != round_ + 1:
            pass
        await host.until(lambda: not next(iter(host.shared._sessions))._requests)

        record = await host.engine.get("ns", b"key")
        assert record is not None
        assert record.value == b"later"


async def test_a_put_whose_source_is_slow_fails_when_the_owner_goes_away(host: Any) -> None:
    client = await host.client(reconnect_s=0, cache_bytes=0)
    was_read, was_closed = asyncio.Event(), asyncio.Event()

    async def slow() -> AsyncIterator[bytes]:
        try:
            yield b"x" * 300_000
            was_read.set()
            await asyncio.Event().wait()
        finally:
            was_closed.set()

    writing = asyncio.create_task(KVNamespace(client, "ns").put("key", slow()))
    await was_read.wait()
    next(iter(host.shared._sessions)).connection.abort()

    with pytest.raises(OwnerUnavailableError):
        await writing
    assert was_closed.is_set()


async def test_of_many_writes_with_a_stream_that_breaks_off_none_is_stored(
    host: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However many they are: those that do not fit in one message are sent in chunks."""
    monkeypatch.setattr(remote, "_WRITE_BYTES", 500_000)
    client = await host.client()

    async def broken() -> AsyncIterator[bytes]:
        async for chunk in chunks(3):
            yield chunk
        raise RuntimeError("the source broke off")

    small = [Put("ns", b"%02d" % n, b"x" * 100_000) for n in range(20)]
    with pytest.raises(RuntimeError, match="broke off"):
        await client.write([*small, Put("ns", b"large", broken())])
    nothing = await client.namespaces()
    await client.write([*small, Put("ns", b"large", chunks(3))])
    found = await client.get_many("ns", [put.key for put in small])
    large = await client.get("ns", b"large")

    assert list(nothing) == []
    assert [record.value for record in found] == [b"x" * 100_000] * 20
    assert large is not None
    assert large.value.length == 3 * 262_144


async def test_so_many_keys_that_they_do_not_fit_in_a_message_go_in_several(
    host: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(remote, "_WRITE_BYTES", 10_000)
    client = await host.client()
    await client.write([Put("ns", b"%04d" % n, b"", b"1" * 100) for n in range(1000)])

    await client.write([Delete("ns", b"%04d" % n) for n in range(1, 1000)])

    entries, _ = await client.list("ns", b"", None, 100)
    assert [entry.key for entry in entries] == [b"0000"]


async def test_what_cannot_be_put_in_a_message_is_the_callers_error(host: Any) -> None:
    client = await host.client()

    with pytest.raises(EngineError, match="cannot be asked of a KV store"):
        await client.get_many("ns", [b"k" * 70_000_000])

    assert list(await client.namespaces()) == []


# What is open at the owner


async def test_a_snapshot_is_closed_while_it_is_being_read(host: Any) -> None:
    await host.engine.write([Put("ns", b"%d" % n, b"x" * 200_000) for n in range(3)])
    client = await host.raw_client(caches=False)
    client.send(OpenSnapshot(1, "ns"))
    number = (await client.next(Done)).count
    client.send(NextRecords(2, number))
    client.send(NextRecords(3, number))
    client.send(CloseSnapshot(number))
    client.send(CloseSnapshot(number))
    client.send(NextRecords(4, number))

    answers = [await client.next(Records | Failed) for _ in range(3)]

    assert {answer.id for answer in answers if isinstance(answer, Records)} <= {2, 3}
    assert "after its end" in next(one.text for one in answers if one.id == 4)
    (session,) = host.shared._sessions
    await host.until(lambda: not session._cleaning)


async def test_a_value_of_a_snapshot_that_was_closed_cannot_be_read_on(host: Any) -> None:
    await host.engine.write([Put("ns", b"key", b"x" * 2_000_000)])
    client = await host.raw_client(caches=False)
    client.send(OpenSnapshot(1, "ns"))
    number = (await client.next(Done)).count
    client.send(NextRecords(2, number))
    ((_, record),) = (await client.next(Records)).records
    client.send(ReadOn(3, record.value))
    first = await client.next(Piece)
    client.send(CloseSnapshot(number))
    (session,) = host.shared._sessions
    await host.until(lambda: not session._held._snapshots and not session._cleaning)
    await host.engine._read(lambda: None)
    client.send(ReadOn(4, record.value))

    assert len(first.data) == 262_144
    assert "after it was closed" in (await client.next(Failed)).text


async def test_what_a_client_does_not_read_on_is_let_go_after_a_while(
    host: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    await host.engine.write([Put("ns", b"key", b"x" * 2_000_000)])
    client = await host.raw_client(caches=False)
    client.send(OpenSnapshot(1, "ns"))
    await client.next(Done)
    client.send(Get(2, "ns", b"key"))
    await client.next(Found)
    (session,) = host.shared._sessions
    session.let_go_of_idle(time.monotonic())
    assert readers_of(host)
    assert session._held._snapshots

    session.let_go_of_idle(time.monotonic() + _held.IDLE_S + 1)

    await host.until(lambda: not readers_of(host) and not session._held._snapshots)


# Ends


async def test_an_owner_ends_although_a_client_reads_nothing_and_another_sends_nothing(
    host: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (_session, _connection):
        monkeypatch.setattr(module, "_CLOSING_S", 0.1)
    await host.engine.write([Put("ns", b"key", b"x" * 200_000)])
    deaf, mute = [await host.raw_client(caches=False) for _ in range(2)]
    for number in range(100):
        deaf.send(Get(number, "ns", b"key"))
    mute.send(Write(1, [WireWrite("ns", b"never", 7)]))
    await mute.next(Taken)
    await host.until(
        lambda: any(not session.connection.is_writable for session in host.shared._sessions)
    )

    await asyncio.wait_for(host.shared.disconnect(), 5)

    assert not host.shared._sessions
    assert await host.engine.get("ns", b"never") is None


async def test_a_client_that_is_closed_lets_its_requests_finish(host: Any) -> None:
    client = await host.client()
    writing = [
        asyncio.create_task(client.write([Put("ns", b"%02d" % n, b"x" * 100_000)]))
        for n in range(20)
    ]
    await host.until(lambda: len(client._link._waiting) == 20)

    await client.close()
    await asyncio.gather(*writing)

    entries, _ = await host.engine.list("ns", b"", None, 100)
    assert len(entries) == 20


async def test_a_client_is_closed_although_a_request_hangs(
    host: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_link, "_CLOSING_S", 0.05)
    client = await host.client()
    sent = asyncio.Event()

    async def endless() -> AsyncIterator[bytes]:
        yield b"x" * 300_000
        sent.set()
        await asyncio.Event().wait()

    writing = asyncio.create_task(client.write([Put("ns", b"key", endless())]))
    await sent.wait()
    await asyncio.wait_for(client.close(), 5)

    with pytest.raises(OwnerUnavailableError):
        await writing


async def test_callers_at_once_give_up_on_an_absent_owner_at_once(tmp_path: Path) -> None:
    engine = await open_engine("memory", EngineOptions(folder=tmp_path))
    async with serve_engine(engine, tmp_path / "owner.sock"):
        client = await connect_engine(tmp_path / "owner.sock", reconnect_s=0.3)
    began = time.monotonic()

    results = await asyncio.gather(
        *[client.get("ns", b"key") for _ in range(10)], return_exceptions=True
    )

    assert {type(result) for result in results} == {OwnerUnavailableError}
    assert time.monotonic() - began < 2
    await client.close()


async def test_requests_that_wait_for_their_turn_fail_when_the_connection_breaks(
    host: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_link, "MAX_UNDER_WAY", 2)
    client = await host.client()
    asking = [
        asyncio.create_task(client.write([Put("ns", b"%d" % n, b"x" * 60_000)])) for n in range(9)
    ]
    await host.until(lambda: len(client._link._waiting) == 2)
    client._link.connection.abort()

    results = await asyncio.gather(*asking, return_exceptions=True)

    assert {type(result) for result in results} == {OwnerUnavailableError}


async def test_values_of_a_large_answer_that_are_not_read_are_let_go(host: Any) -> None:
    keys = [b"%03d" % number for number in range(80)]
    await host.engine.write([Put("ns", key, b"x" * 250_000) for key in keys])
    client = await host.client()
    found = await client.get_many("ns", keys)
    (session,) = host.shared._sessions
    assert session._held._values

    for record in found:
        if not isinstance(record.value, bytes):
            await record.value.aclose()

    await host.until(lambda: not session._held._values)


async def test_a_cancelled_request_takes_no_notice_of_a_connection_that_breaks(
    tmp_path: Path,
) -> None:
    asked, may_end = asyncio.Event(), asyncio.Event()

    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(encode_frame(Hello(PROTOCOL)))
        await reader.readexactly(len(encode_frame(Hello(PROTOCOL))))
        await reader.read(1)
        asked.set()
        await may_end.wait()
        writer.close()

    path = tmp_path / "owner.sock"
    async with await asyncio.start_unix_server(silent, str(path)):
        client = await connect_engine(path, cache_bytes=0, reconnect_s=0)
        reading = asyncio.create_task(client.get("ns", b"key"))
        await asked.wait()
        writing = asyncio.create_task(client.write([Put("ns", b"key", b"v")]))
        reading.cancel()
        await asyncio.wait([reading])
        writing.cancel()
        await asyncio.sleep(0)
        may_end.set()
        await asyncio.wait([reading, writing])
        await client.close()

    assert reading.cancelled()
    assert writing.cancelled()


async def test_an_owner_that_answers_what_nobody_asked_is_left(tmp_path: Path) -> None:
    async def babble(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(encode_frame(Hello(PROTOCOL)) + encode_frame(Done(99)))
        await reader.read()
        writer.close()

    path = tmp_path / "owner.sock"
    async with await asyncio.start_unix_server(babble, str(path)):
        client = await connect_engine(path, reconnect_s=0)
        with pytest.raises(OwnerUnavailableError):
            await client.write([Put("ns", b"key", b"v")])
        await client.close()


async def test_a_session_that_has_hardly_begun_can_be_closed(host: Any) -> None:
    host.shared.connect()
    (session,) = host.shared._sessions

    await session.close()

    assert session.caches is False
    host.shared._sessions.clear()


async def test_a_client_that_never_connected_can_be_closed(tmp_path: Path) -> None:
    client = RemoteEngine(tmp_path / "owner.sock", cache_bytes=0, reconnect_s=0, clock=time.time)
    await client.close()

    with pytest.raises(EngineClosedError):
        await client.get("ns", b"key")


async def test_every_call_of_an_inherited_connection_is_refused(
    host: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = await host.client()
    opener = os.getpid()
    with monkeypatch.context() as child:
        child.setattr(os, "getpid", lambda: opener + 1)
        for call in (client.get("ns", b"k"), client.write([]), client.sweep(1), client.drop("ns")):
            with pytest.raises(EngineClosedError, match=f"opened by process {opener}"):
                await call
        await client.close()

    await client.write([Put("ns", b"key", b"v")])
    assert await client.get("ns", b"key") == Record(b"v")


async def test_a_forked_child_can_neither_use_nor_end_its_parents_connection(host: Any) -> None:
    client = await host.client()
    await client.write([Put("ns", b"key", b"v")])
    await client.get("ns", b"key")
    calls = (
        lambda: client.get("ns", b"key"),
        lambda: client.write([Put("ns", b"key", b"child")]),
        lambda: client.drop("ns"),
        lambda: anext(client.snapshot("ns")),
    )

    def in_child(answers: Any) -> None:
        async def use(call: Any) -> None:
            await call()

        for call in calls:
            try:
                asyncio.run(use(call))
            except EngineClosedError as error:
                answers.put(str(error))
        asyncio.run(client.close())
        answers.put("closed")

    context = multiprocessing.get_context("fork")
    answers = context.Queue()
    child = context.Process(target=in_child, args=(answers,))
    child.start()
    told = [await asyncio.to_thread(answers.get, timeout=10) for _ in range(len(calls) + 1)]
    await asyncio.to_thread(child.join)

    assert all(f"was opened by process {os.getpid()}" in text for text in told[:-1])
    assert told[-1] == "closed"
    await client.write([Put("ns", b"key", b"parent")])
    assert await client.get("ns", b"key") == Record(b"parent")


async def test_a_bulk_get_of_more_than_fits_in_a_message_is_answered(host: Any) -> None:
    client = await host.client()
    keys = [f"{number:03}" for number in range(100)]
    await client.write([Put("ns", key.encode(), key.encode() * 80_000) for key in keys])

    found = await KVNamespace(client, "ns").get(keys)

    assert found == {key: key * 80_000 for key in keys}
