"""What clients keep: when they may trust it, and who waits until they have forgotten it."""

import asyncio
import os
import time
from pathlib import Path
from typing import Any

import pytest

from kvstore import EngineOptions, Put, Record, open_engine, owner
from kvstore import _invalidation as invalidation
from kvstore._wire import Beat, Found, Get, Hello, Invalidate, Invalidated
from kvstore.engines.memory import MemoryEngine
from kvstore.owner import serve_engine
from kvstore.remote import connect_engine
from kvstore.testing import FakeClock


def put(key: bytes = b"key", value: bytes = b"v") -> list[Put]:
    return [Put("ns", key, value)]


async def test_writers_at_once_wait_for_their_own_invalidations_and_cut_nobody_off(
    host: Any,
) -> None:
    clients = [await host.client() for _ in range(3)]
    sessions = set(host.shared._sessions)

    async def write(client: Any, name: int) -> None:
        for number in range(30):
            await client.write(put(b"%d" % name, b"%d" % number))

    await asyncio.gather(*[write(clients[name % 3], name) for name in range(12)])

    assert host.shared._sessions == sessions
    for client in clients:
        assert await client.get("ns", b"5") == Record(b"29")


async def test_what_is_written_in_one_turn_is_one_message_to_each_client(host: Any) -> None:
    other = await host.raw_client()
    writing = [asyncio.create_task(host.shared.write(put(b"%d" % n))) for n in range(5)]

    message = await other.next(Invalidate)
    other.send(Invalidated(message.number))
    await asyncio.gather(*writing)

    assert sorted(message.keys) == [("ns", b"%d" % n) for n in range(5)]


async def test_too_many_keys_are_everything(host: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(invalidation, "_MAX_KEYS", 3)
    other = await host.raw_client()
    writing = [asyncio.create_task(host.shared.write(put(b"%d" % n) + put(b"x"))) for n in range(3)]

    message = await other.next(Invalidate)
    other.send(Invalidated(message.number))
    await asyncio.gather(*writing)

    assert message.keys == []


async def test_the_only_client_hears_of_its_own_write_before_the_answer(host: Any) -> None:
    client = await host.client()
    for number in range(20):
        await client.write(put(value=b"%d" % number))
        assert await client.get("ns", b"key") == Record(b"%d" % number)
    assert host.shared.invalidations == 20


async def test_a_client_that_does_not_confirm_is_not_told_to_go_on_trusting(
    host: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else it would serve, when it goes on, what was written after it was cut off."""
    monkeypatch.setattr(owner, "TRUST_S", 0.4)
    hung, well = await host.raw_client(), await host.raw_client()
    began = time.monotonic()
    writing = asyncio.create_task(host.shared.write(put()))
    well.send(Invalidated((await well.next(Invalidate)).number))
    await writing
    wrote_after = time.monotonic()
    await well.next(Beat)
    later = await well.next(Beat)

    beats = []
    while (beat := await hung.next(Beat)) is not None:
        beats.append(beat.trusted_until)
    assert max(beats) <= wrote_after
    assert wrote_after - began < 5
    assert later.trusted_until > wrote_after


async def test_an_owner_that_stood_still_does_not_blame_its_clients(
    host: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(owner, "TRUST_S", 0.1)
    engine = MemoryEngine(FakeClock())
    path = tmp_path / "other.sock"
    async with serve_engine(engine, path) as shared:
        clients = [await connect_engine(path) for _ in range(2)]
        sessions = set(shared._sessions)
        writing = asyncio.create_task(clients[0].write(put()))
        await host.until(lambda: bool(shared._invalidations._under_way))
        time.sleep(0.4)  # noqa: ASYNC251  # this is the fault under test
        await writing

        assert shared._sessions == sessions
        for client in clients:
            await client.close()


async def test_a_client_that_broke_the_protocol_is_waited_for_as_long_as_it_may_trust(
    host: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(owner, "TRUST_S", 0.3)
    bad = await host.raw_client()
    trusted_until = (await bad.next(Beat)).trusted_until
    bad.send(Beat(1.0))
    assert await bad.next(Found) is None

    await host.shared.write(put())

    assert time.monotonic() >= trusted_until


async def test_an_owner_waits_for_what_its_predecessors_clients_may_trust(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They may not know yet that it died, and this one does not know them."""
    monkeypatch.setattr(owner, "TRUST_S", 0.4)
    path = tmp_path / "owner.sock"
    took = {}
    for name, trusts in {"with clients": True, "without": False}.items():
        engine = MemoryEngine(FakeClock())
        async with serve_engine(engine, path):
            client = await connect_engine(path, cache_bytes=1000 * trusts)
            left_behind = path.with_suffix(".left")
            os.link(path, left_behind)
            await client.close()
        left_behind.rename(path)

        async with serve_engine(engine, path) as shared:
            began = time.monotonic()
            await shared.write(put())
            await shared.write(put())
            took[name] = time.monotonic() - began

    assert took["with clients"] > 0.1
    assert took["without"] < 0.1


async def test_a_clock_that_is_set_does_not_shorten_that(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(owner, "TRUST_S", 0.4)
    path = tmp_path / "owner.sock"
    engine = MemoryEngine(FakeClock())
    async with serve_engine(engine, path):
        client = await connect_engine(path)
        left_behind = path.with_suffix(".left")
        os.link(path, left_behind)
        await client.close()
    left_behind.rename(path)
    real = time.time
    monkeypatch.setattr(time, "time", lambda: real() + 3600)

    async with serve_engine(engine, path) as shared:
        began = time.monotonic()
        await shared.write(put())
        took = time.monotonic() - began

    assert took > 0.1


async def test_an_owner_that_ends_takes_its_clients_trust_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(owner, "TRUST_S", 0.4)
    engine = await open_engine("memory", EngineOptions(folder=tmp_path))
    path = tmp_path / "owner.sock"
    async with serve_engine(engine, path):
        client = await connect_engine(path)
        await client.write(put())
        await client.get("ns", b"key")
        link = client._link
        # As if the end of the connection had not arrived yet.
        monkeypatch.setattr(type(link), "is_lost", False)

    assert client._is_trusted() is False
    monkeypatch.undo()
    await client.close()


async def test_a_client_that_comes_while_the_owner_ends_is_not_told_to_trust(host: Any) -> None:
    host.shared._is_ending = True
    client = await host.client()
    await client.write(put())
    await client.get("ns", b"key")
    host.shared._is_ending = False

    assert client._trusted_until == 0.0


async def test_what_was_kept_is_gone_at_its_second(tmp_path: Path) -> None:
    clock = FakeClock()
    engine = MemoryEngine(clock)
    path = tmp_path / "owner.sock"
    async with serve_engine(engine, path):
        client = await connect_engine(path, clock=clock)
        await client.write([Put("ns", b"key", b"v", None, int(clock()) + 60)])
        found = [await client.get("ns", b"key"), await client.get("ns", b"key")]
        clock.advance(60)
        gone = await client.get("ns", b"key")
        await client.close()

    assert found == [Record(b"v", None, int(clock()))] * 2
    assert gone is None


async def test_a_socket_file_that_is_gone_does_no_harm_to_those_who_are_connected(
    host: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(owner, "TRUST_S", 0.1)
    client = await host.raw_client()
    await client.next(Beat)
    os.unlink(host.socket)

    assert await client.next(Beat) is not None


async def test_a_value_that_waits_to_be_sent_while_it_is_replaced_is_not_kept(host: Any) -> None:
    """The client hears of the new value first, and must not keep the old one for it."""
    client = await host.raw_client()
    await host.engine.write(put(value=b"x" * 100_000))
    (session,) = host.shared._sessions
    session.connection.pause_writing()
    client.send(Get(1, "ns", b"key"))
    await host.until(lambda: bool(session._requests))
    await host.until(lambda: session._requests and _waits_to_send(session))
    writing = asyncio.create_task(host.shared.write(put(value=b"new")))
    client.send(Invalidated((await client.next(Invalidate)).number))
    await writing

    session.connection.resume_writing()
    found = await client.next(Found)

    assert found.record.value == b"x" * 100_000
    assert found.may_cache is False


def _waits_to_send(session: Any) -> bool:
    return bool(session.connection._writable._waiters)


async def test_a_client_says_hello_first_whatever_it_keeps(host: Any) -> None:
    client = await host.raw_client(greets=False)
    client.send(Invalidated(1))

    assert await client.next(Hello) is None


async def test_what_was_read_while_it_was_replaced_is_asked_again(host: Any) -> None:
    client = await host.client()
    await client.write(put(value=b"x" * 100_000))
    reading, go_on = host.engine.get_many, asyncio.Event()

    async def slow(namespace: str, keys: Any) -> Any:
        found = await reading(namespace, keys)
        await go_on.wait()
        return found

    vars(host.engine)["get_many"] = slow
    before = asyncio.create_task(client.get("ns", b"key"))
    await host.until(lambda: bool(next(iter(host.shared._sessions))._requests))
    await host.shared.write(put(value=b"new"))
    go_on.set()
    await before
    del vars(host.engine)["get_many"]

    assert await client.get("ns", b"key") == Record(b"new")
