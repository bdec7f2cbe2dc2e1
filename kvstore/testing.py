"""The contract of `KVEngine` as tests: ours and third parties' engines run the same ones.

    import pytest
    from kvstore.testing import EngineConformance, FakeClock

    class TestMyEngine(EngineConformance):
        @pytest.fixture
        async def engine(self, tmp_path, clock):
            engine = await open_my_engine(tmp_path, clock)
            yield engine
            await engine.close()

The tests are coroutines: run them with pytest-asyncio in its `auto` mode. `clock` is a fixture of
the class; an engine that keeps its own time overrides it, and `wait_until_expired` with it.
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import aclosing

import pytest

from kvstore.engine import Delete, Entry, KVEngine, Put, Record, StoredValue
from kvstore.errors import EngineClosedError

__all__ = ["EngineConformance", "FakeClock"]

_START_S = 1_700_000_000.0


class FakeClock:
    """A clock that goes only when it is told to."""

    def __init__(self, now: float = _START_S) -> None:
        self.now = now

    def __call__(self) -> float:
        """Return the time in seconds since the epoch."""
        return self.now

    def advance(self, seconds: float) -> None:
        """Let time pass."""
        self.now += seconds


class EngineConformance:
    """Subclass it, and define a fixture `engine` that yields an open, empty engine."""

    @pytest.fixture
    def clock(self) -> FakeClock:
        """The clock that the engine is opened with."""
        return FakeClock()

    async def test_an_absent_key_is_none(self, engine: KVEngine) -> None:
        """Nothing is found in a namespace that does not exist."""
        assert await engine.get("ns", b"key") is None
        assert await engine.get_many("ns", [b"a", b"b"]) == [None, None]
        assert await engine.list("ns", b"", None, 10) == ([], False)
        assert await engine.namespaces() == []

    @pytest.mark.parametrize(
        "size", [0, 1, 4096, 4097, 65_536, 65_537, 262_144, 262_145, 3_000_000]
    )
    async def test_a_value_of_any_size_comes_back(self, engine: KVEngine, size: int) -> None:
        """Values are bytes, whatever their length; neither end is cut."""
        value = _bytes(size)

        await engine.write([Put("ns", b"key", value, b'{"a":1}', 1_800_000_000)])

        found = await engine.get("ns", b"key")
        assert found is not None
        assert await _whole(found.value) == value
        assert found[1:] == (b'{"a":1}', 1_800_000_000)
        assert isinstance(found.value, bytes) or (size > 65_536 and found.value.length == size)
        (among_many,) = await engine.get_many("ns", [b"key"])
        assert among_many is not None
        assert await _whole(among_many.value) == value

    @pytest.mark.parametrize("size", [0, 1, 100_000, 262_144, 262_145, 5_000_000])
    async def test_a_value_may_come_as_a_stream(self, engine: KVEngine, size: int) -> None:
        """However it is cut into chunks, the same value comes back."""
        value = _bytes(size)

        await engine.write([Put("ns", b"key", _chunks(value, 70_001), b"1")])
        await engine.write([Put("ns", b"other", _chunks(value, 2_000_000))])

        for key in (b"key", b"other"):
            found = await engine.get("ns", key)
            assert found is not None
            assert await _whole(found.value) == value

    @pytest.mark.parametrize("size", [10, 3_000_000])
    async def test_of_a_stream_that_breaks_off_nothing_is_stored(
        self, engine: KVEngine, size: int
    ) -> None:
        """What it raises is raised, and the other operations of the call are not carried out."""

        async def broken() -> AsyncIterator[bytes]:
            yield _bytes(size)
            raise RuntimeError("the source broke off")

        await _put(engine, "ns", key=b"before")
        with pytest.raises(RuntimeError, match="the source broke off"):
            await engine.write(
                [
                    Put("ns", b"first", _chunks(_bytes(size), 100_000)),
                    Delete("ns", b"key"),
                    Put("ns", b"key", broken()),
                ]
            )

        assert await _keys(engine, "ns") == [b"key"]
        assert await engine.get("ns", b"key") == Record(b"before")

    async def test_a_reader_gets_the_value_that_it_asked_for(self, engine: KVEngine) -> None:
        """A large value is read whole although it is replaced, deleted or dropped meanwhile."""
        value = _bytes(4_000_000)
        readers = []
        for change in (
            [Put("ns", b"key", b"new")],
            [Put("ns", b"key", value[::-1])],
            [Delete("ns", b"key")],
        ):
            await engine.write([Put("ns", b"key", value)])
            found = await engine.get("ns", b"key")
            again = await engine.get("ns", b"key")
            assert found is not None
            assert again is not None
            await engine.write(change)
            readers += [found, again]
        await engine.write([Put("ns", b"dropped", value)])
        found = await engine.get("ns", b"dropped")
        assert found is not None
        await engine.drop("ns")

        for reader in (*readers, found):
            assert await _whole(reader.value) == value

    async def test_a_value_need_not_be_read_to_its_end(self, engine: KVEngine) -> None:
        """Closing it is enough; what it has not read is not read."""
        await engine.write([Put("ns", b"key", _bytes(4_000_000))])
        found = await engine.get("ns", b"key")
        assert found is not None
        if not isinstance(found.value, bytes):
            await found.value.aclose()
        partly = await engine.get("ns", b"key")
        assert partly is not None
        if not isinstance(partly.value, bytes):
            chunks = aiter(partly.value)
            assert await anext(chunks) == _bytes(4_000_000)[:65_536]
            await partly.value.aclose()

        await engine.write([Delete("ns", b"key")])

        assert await engine.get("ns", b"key") is None

    async def test_get_many_keeps_order_and_repeats(self, engine: KVEngine) -> None:
        """Results stand in the order of the keys, absent ones as None."""
        await _put(engine, "ns", a=b"1", b=b"2")

        found = await engine.get_many("ns", [b"b", b"x", b"a", b"b"])

        assert [record and record.value for record in found] == [b"2", None, b"1", b"2"]

    async def test_the_last_write_wins(self, engine: KVEngine) -> None:
        """A record is replaced as a whole: value, metadata and expiration."""
        await engine.write([Put("ns", b"key", b"x" * 100_000, b"1", 1_800_000_000)])
        await engine.write([Put("ns", b"key", b"new")])

        assert await engine.get("ns", b"key") == Record(b"new", None, None)

    async def test_operations_of_one_call_run_in_order(self, engine: KVEngine) -> None:
        """Puts and deletes of one key in one call leave what the last of them says."""
        large = b"y" * 70_000
        await engine.write(
            [
                Put("ns", b"a", large, None, 1_800_000_000),
                Delete("ns", b"a"),
                Put("ns", b"b", b"1"),
                Put("ns", b"b", large, None, 1_800_000_000),
                Put("ns", b"b", b"2"),
                Delete("ns", b"c"),
                Put("ns", b"c", large, None, 1_800_000_000),
            ]
        )

        assert await engine.get("ns", b"a") is None
        assert await engine.get("ns", b"b") == Record(b"2")
        assert await engine.get("ns", b"c") == Record(large, None, 1_800_000_000)
        await engine.write([])

    async def test_delete_removes_and_forgives(self, engine: KVEngine) -> None:
        """Deleting is by key; one that is absent is no error."""
        await _put(engine, "ns", a=b"1", b=b"2")

        await engine.write([Delete("ns", b"a"), Delete("ns", b"absent"), Delete("other", b"a")])

        assert await engine.get("ns", b"a") is None
        assert await _keys(engine, "ns") == [b"b"]

    async def test_any_bytes_are_a_key(self, engine: KVEngine) -> None:
        """Keys may hold every byte, and are listed in byte order."""
        keys = [b"\x00", b"\x00\x00", b"\n", b"%2F", b"/", b"a", b"a\xff", b"a\xff\xff", b"\xff"]
        keys += [b"k" * 512]
        await engine.write([Put("ns", key, key) for key in reversed(keys)])

        assert await _keys(engine, "ns") == sorted(keys)
        assert await _keys(engine, "ns", prefix=b"a\xff") == [b"a\xff", b"a\xff\xff"]
        assert await _keys(engine, "ns", prefix=b"\xff") == [b"\xff"]
        for key in keys:
            record = await engine.get("ns", key)
            assert record is not None
            assert record.value == key

    async def test_namespaces_are_isolated(self, engine: KVEngine) -> None:
        """No key of one is visible in another, whatever their names and keys look like."""
        names = ["a", "ab", "b", "\x01a", "ä", "a\x00", "n" * 254, "x/y"]
        await engine.write([Put(name, b"b", name.encode()) for name in names])
        await engine.write([Put("a", b"bb", b"1")])

        assert list(await engine.namespaces()) == sorted(names, key=str.encode)
        for name in names:
            record = await engine.get(name, b"b")
            assert record is not None
            assert record.value == name.encode()
        assert await _keys(engine, "a") == [b"b", b"bb"]
        assert await _keys(engine, "ab") == [b"b"]

    async def test_list_shows_metadata_and_expiration(self, engine: KVEngine) -> None:
        """Entries carry what a record has beside its value."""
        first = Put("ns", b"a", b"1", b"null", 1_800_000_000)
        await engine.write([first, Put("ns", b"b", b"2" * 100_000)])

        entries, more = await engine.list("ns", b"", None, 10)

        assert list(entries) == [Entry(b"a", b"null", 1_800_000_000), Entry(b"b", None, None)]
        assert not more

    async def test_pages_join_to_the_whole_list(self, engine: KVEngine) -> None:
        """Every limit gives the same keys; `more` is true exactly when something follows."""
        keys = [b"k%03d" % number for number in range(25)]
        await engine.write([Put("ns", key, b"") for key in keys])
        await _put(engine, "ns", j=b"", l=b"")

        for limit in (1, 4, 5, 24, 25, 26):
            found: list[bytes] = []
            after, more = None, True
            while more:
                entries, more = await engine.list("ns", b"k", after, limit)
                assert len(entries) == limit or not more
                found += [entry.key for entry in entries]
                after = found[-1]
            assert found == keys

    async def test_after_need_not_exist(self, engine: KVEngine) -> None:
        """A listing goes on behind a key that has gone, or stands before the prefix."""
        await _put(engine, "ns", a=b"", c=b"", d=b"")

        assert await _keys(engine, "ns", after=b"b") == [b"c", b"d"]
        assert await _keys(engine, "ns", after=b"d") == []
        assert await _keys(engine, "ns", prefix=b"c", after=b"a") == [b"c"]
        assert await _keys(engine, "ns", prefix=b"a", after=b"c") == []

    async def test_records_are_gone_at_their_second(
        self, engine: KVEngine, clock: FakeClock
    ) -> None:
        """Neither get nor list shows an expired record, swept or not."""
        at = int(clock()) + 60
        await engine.write(
            [
                Put("ns", b"a", b"1", None, at),
                Put("ns", b"b", b"2" * 70_000, None, at),
                Put("ns", b"c", b"3"),
                Put("gone", b"a", b"4", None, at),
            ]
        )

        clock.advance(59)
        assert await _keys(engine, "ns") == [b"a", b"b", b"c"]
        clock.advance(1)

        assert await engine.get("ns", b"a") is None
        assert await engine.get("ns", b"b") is None
        assert await engine.get_many("ns", [b"a", b"b"]) == [None, None]
        assert await _keys(engine, "ns") == [b"c"]
        assert await engine.list("ns", b"", None, 1) == ([Entry(b"c", None, None)], False)
        assert await engine.namespaces() == ["ns"]

    async def test_sweep_frees_what_has_expired_and_nothing_else(
        self, engine: KVEngine, clock: FakeClock
    ) -> None:
        """A record that was written again with another expiration is not swept by the old one."""
        soon, later = int(clock()) + 60, int(clock()) + 600
        await engine.write(
            [
                Put("ns", b"extended", b"1", None, soon),
                Put("ns", b"kept", b"2", None, soon),
                Put("ns", b"expires", b"3" * 70_000, None, soon),
                Put("ns", b"later", b"4", None, later),
                Put("ns", b"deleted", b"5", None, soon),
            ]
        )
        await engine.write(
            [
                Put("ns", b"extended", b"1", None, later),
                Put("ns", b"kept", b"2"),
                Delete("ns", b"deleted"),
            ]
        )
        clock.advance(60)

        swept = [await engine.sweep(10), await engine.sweep(10)]

        assert swept in ([1, 0], [0, 0])
        assert await _keys(engine, "ns") == [b"extended", b"kept", b"later"]

    async def test_sweep_is_bounded(self, engine: KVEngine, clock: FakeClock) -> None:
        """One call frees at most as many as it was told."""
        at = int(clock()) + 60
        await engine.write([Put("ns", b"%d" % n, b"", None, at) for n in range(10)])
        clock.advance(61)

        counts = [await engine.sweep(4) for _ in range(4)]

        assert counts in ([4, 4, 2, 0], [0, 0, 0, 0])

    async def test_a_snapshot_is_what_stood_there_when_it_began(
        self, engine: KVEngine, clock: FakeClock
    ) -> None:
        """Puts, deletes and sweeps while it is read change nothing of it."""
        at = int(clock()) + 60
        values = {b"%04d" % n: _bytes(n * 100) for n in range(500)}
        values |= {b"large-%d" % n: _bytes(300_000 + n) for n in range(3)}
        await engine.write([Put("ns", key, value) for key, value in values.items()])
        await engine.write(
            [Put("ns", b"zz", b"v", b'{"m":1}', at), Put("other", b"key", b"elsewhere")]
        )
        found: dict[bytes, bytes] = {}
        records: list[Record] = []
        async with aclosing(engine.snapshot("ns")) as snapshot:
            async for key, record in snapshot:
                if not found:
                    await engine.write([Delete("ns", key) for key in values if key != b"0001"])
                    await engine.write([Put("ns", b"0001", b"changed"), Put("ns", b"new", b"v")])
                    await engine.drop("other")
                found[key] = await _whole(record.value)
                records.append(record)

        assert found == {**values, b"zz": b"v"}
        assert list(found) == sorted(found)
        assert records[-1][1:] == (b'{"m":1}', at)
        assert await _keys(engine, "ns") == [b"0001", b"new", b"zz"]

    async def test_a_snapshot_can_be_given_up(self, engine: KVEngine, clock: FakeClock) -> None:
        """It leaves expired records out, may be empty, and need not be read to its end."""
        await engine.write([Put("ns", b"%d" % n, _bytes(200_000)) for n in range(5)])
        await engine.write([Put("gone", b"key", b"v", None, int(clock()) + 60)])
        clock.advance(61)

        async with aclosing(engine.snapshot("ns")) as snapshot:
            first, _ = await anext(snapshot)
        nothing = [key async for key, _ in engine.snapshot("gone")]
        absent = [key async for key, _ in engine.snapshot("absent")]

        assert first == b"0"
        assert nothing == absent == []

    async def test_drop_removes_one_namespace(self, engine: KVEngine) -> None:
        """Everything of the namespace goes, large values and expirations included."""
        operations = [Put("ns", b"%04d" % n, b"v", None, 1_800_000_000) for n in range(2500)]
        await engine.write(operations)
        await engine.write([Put("ns", b"large", b"x" * 200_000)])
        await _put(engine, "ns2", a=b"1")

        await engine.drop("ns")
        await engine.drop("absent")

        assert await _keys(engine, "ns") == []
        assert await engine.namespaces() == ["ns2"]

    async def test_a_reader_never_sees_half_a_write(self, engine: KVEngine) -> None:
        """Under concurrent writes, a value is always one that was written, whole."""
        sizes = (10, 5_000, 70_000, 200_000, 1_500_000)

        async def write(letter: bytes) -> None:
            for size in sizes:
                await engine.write([Put("ns", b"key", letter * size, letter)])

        async def read() -> set[tuple[bytes, int]]:
            seen = set()
            for _ in range(50):
                record = await engine.get("ns", b"key")
                assert record is not None
                assert record.metadata is not None
                value = await _whole(record.value)
                assert value == record.metadata * len(value)
                seen.add((record.metadata, len(value)))
                await asyncio.sleep(0)
            return seen

        await engine.write([Put("ns", b"key", b"z" * 10, b"z")])
        async with asyncio.TaskGroup() as group:
            for letter in (b"a", b"b", b"c"):
                group.create_task(write(letter))
            readers = [group.create_task(read()) for _ in range(3)]

        seen = set[tuple[bytes, int]]().union(*(reader.result() for reader in readers))
        assert {size for _, size in seen} <= set(sizes)

    async def test_writes_at_one_moment_are_all_kept(self, engine: KVEngine) -> None:
        """Concurrent calls do not lose each other's keys."""
        async with asyncio.TaskGroup() as group:
            for number in range(200):
                put = Put("ns", b"%03d" % number, b"%d" % number)
                group.create_task(engine.write([put]))

        assert await _keys(engine, "ns") == [b"%03d" % number for number in range(200)]

    @pytest.mark.parametrize("turns", [0, 1, 2, 3, 5, 10, 100, 1000])
    async def test_a_write_that_is_cancelled_never_overtakes_a_later_one(
        self, engine: KVEngine, turns: int
    ) -> None:
        """It is carried out or not, as a whole, before what is asked once it has raised."""
        for size in (100, 1_000_000):
            put = Put("ns", b"key", _chunks(_bytes(size), 200_000))
            write = asyncio.ensure_future(engine.write([put]))
            for _ in range(turns):
                await asyncio.sleep(0)
            write.cancel()
            await asyncio.wait([write])
            await engine.write([Put("ns", b"key", b"later")])
            for _ in range(20):
                await asyncio.sleep(0)

            assert await engine.get("ns", b"key") == Record(b"later")

    async def test_closing_finishes_what_is_under_way(self, engine: KVEngine) -> None:
        """Calls that have begun are not refused."""
        writes = [engine.write([Put("ns", b"%d" % n, b"x" * 100_000)]) for n in range(5)]
        under_way = asyncio.gather(*writes, engine.list("ns", b"", None, 10))
        await asyncio.sleep(0)

        await engine.close()

        await under_way

    async def test_a_closed_engine_refuses(self, engine: KVEngine) -> None:
        """After `close` every call raises, and closing again does nothing."""
        await engine.close()
        await engine.close()

        with pytest.raises(EngineClosedError):
            await engine.get("ns", b"key")
        with pytest.raises(EngineClosedError):
            await engine.get_many("ns", [b"key"])
        with pytest.raises(EngineClosedError):
            await engine.write([Delete("ns", b"key")])
        with pytest.raises(EngineClosedError):
            await engine.list("ns", b"", None, 1)
        with pytest.raises(EngineClosedError):
            await engine.namespaces()
        with pytest.raises(EngineClosedError):
            await anext(engine.snapshot("ns"))
        with pytest.raises(EngineClosedError):
            await engine.drop("ns")
        with pytest.raises(EngineClosedError):
            await engine.sweep(1)


def _bytes(size: int) -> bytes:
    pattern = bytes(index * 7 % 251 for index in range(1000))
    return (pattern * (size // 1000 + 1))[:size]


async def _chunks(value: bytes, size: int) -> AsyncIterator[bytes]:
    for start in range(0, len(value), size):
        yield value[start : start + size]


async def _whole(value: bytes | StoredValue) -> bytes:
    return value if isinstance(value, bytes) else b"".join([chunk async for chunk in value])


async def _put(engine: KVEngine, namespace: str, **values: bytes) -> None:
    await engine.write([Put(namespace, key.encode(), value) for key, value in values.items()])


async def _keys(
    engine: KVEngine, namespace: str, *, prefix: bytes = b"", after: bytes | None = None
) -> Sequence[bytes]:
    entries, more = await engine.list(namespace, prefix, after, 10_000)
    assert not more
    return [entry.key for entry in entries]
