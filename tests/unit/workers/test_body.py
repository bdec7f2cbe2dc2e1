import asyncio
from collections.abc import AsyncIterator, Iterator

import pytest

from workers.body import Body, ByteBuffer


async def parts(*chunks: object) -> AsyncIterator[object]:
    for chunk in chunks:
        yield chunk


async def test_bytes_are_taken_without_a_copy() -> None:
    data = b"x" * 1000

    assert Body(data).take() is data
    assert await Body(data).read() is data


async def test_mutable_buffers_are_taken_as_they_are_now() -> None:
    buffer = bytearray(b"before")
    body = Body(memoryview(buffer))

    buffer[:] = b"after!"

    assert await body.read() == b"before"


@pytest.mark.parametrize("source", [b"abc", [b"a", b"bc"], iter(["a", b"", bytearray(b"bc")])])
async def test_reads_bytes_and_sync_iterables(source: object) -> None:
    assert await Body(source).read() == b"abc"


async def test_reads_async_iterators_of_bytes_like_and_text() -> None:
    body = Body(parts(b"a", "é", memoryview(b"b"), b""))

    data = await body.read()

    assert data == b"a\xc3\xa9b"
    assert type(data) is bytes


@pytest.mark.parametrize("source", [3, "text", None])
def test_refuses_what_is_not_an_iterable_of_bytes(source: object) -> None:
    with pytest.raises(TypeError, match=type(source).__name__):
        Body(source)


@pytest.mark.parametrize("source", [[b"a", 7], parts(b"a", 7)])
async def test_a_chunk_of_a_wrong_type_is_named_when_its_turn_comes(source: object) -> None:
    chunks = aiter(Body(source))

    assert await anext(chunks) == b"a"
    with pytest.raises(TypeError, match="its iterator gave int"):
        await anext(chunks)


async def test_pulls_only_when_read() -> None:
    pulled: list[int] = []

    def counted() -> Iterator[bytes]:
        for number in range(3):
            pulled.append(number)
            yield b"x"

    chunks = aiter(Body(counted()))
    assert pulled == []
    await anext(chunks)
    assert pulled == [0]


async def test_chunks_have_the_methods_of_cloudflares_buffers() -> None:
    chunks = [chunk async for chunk in Body(parts(b"ab"))]

    assert chunks == [b"ab"]
    assert type(chunks[0].to_bytes()) is bytes
    assert chunks[0].to_memoryview() == chunks[0].to_py() == b"ab"
    assert chunks[0].byteLength == 2


async def test_large_bytes_are_iterated_over_in_slices() -> None:
    data = bytes(range(256)) * 600

    chunks = [chunk async for chunk in Body(data)]

    assert [len(chunk) for chunk in chunks] == [65536, 65536, 22528]
    assert b"".join(chunks) == data


@pytest.mark.parametrize("first", ["read", "iterate", "take", "tee", "cancel", "move"])
@pytest.mark.parametrize("second", ["read", "iterate", "take", "tee", "reader"])
async def test_a_second_read_is_refused(first: str, second: str) -> None:
    body = Body([b"a"])
    await use(body, first)

    assert body.used
    with pytest.raises(OSError, match="^Body already used$"):
        # A body that was iterated over to its end still gives a reader, which is at the end.
        await use(body, second if (first, second) != ("iterate", "reader") else "read")


async def use(body: Body, how: str) -> None:
    match how:
        case "read":
            await body.read()
        case "iterate":
            async for _ in body:
                pass
        case "take":
            body.take()
        case "tee":
            body.tee()
        case "cancel":
            await body.cancel()
        case "move":
            Body(body)
        case _:
            body.getReader()


async def test_of_two_iterators_only_one_reads() -> None:
    body = Body([b"a"])
    first, second = aiter(body), aiter(body)

    assert await anext(first) == b"a"
    with pytest.raises(OSError, match="Body already used"):
        await anext(second)


async def test_length_is_known_for_bytes_and_where_it_is_given() -> None:
    assert Body(b"abc").length == 3
    assert Body([b"abc"]).length is None
    assert Body([b"abc"], length=3).length == 3
    assert Body(Body([b"abc"], length=3)).length == 3
    assert repr(Body(b"abc")) == "<Body 3 bytes>"


async def test_moving_a_stream_moves_its_content() -> None:
    body = Body([b"a", b"b"])

    moved = Body(body)

    assert body.used and not moved.used
    assert await moved.read() == b"ab"
    assert repr(moved) == "<Body stream, used>"


async def test_moving_bytes_keeps_the_object() -> None:
    data = b"abc"

    assert await Body(Body(data)).read() is data


async def test_trusted_iterators_are_handed_on_themselves() -> None:
    chunks = aiter(parts(b"a"))

    body = Body.trusted(chunks, length=1)

    assert body.length == 1
    assert body.take() is chunks


async def test_reader_gives_chunks_until_done() -> None:
    reader = Body([b"a", b"b"]).getReader()

    results = [await reader.read() for _ in range(4)]

    assert [(result.done, result.value) for result in results] == [
        (False, b"a"),
        (False, b"b"),
        (True, None),
        (True, None),
    ]
    assert isinstance(results[0].value, ByteBuffer)


async def test_a_reader_locks_the_body_until_it_lets_go() -> None:
    body = Body([b"a", b"b"])
    reader = body.getReader()

    assert body.locked and not body.used
    with pytest.raises(OSError, match="Body already used"):
        await body.read()
    with pytest.raises(OSError, match="Body already used"):
        aiter(body)
    with pytest.raises(TypeError, match="releaseLock"):
        body.getReader()

    reader.releaseLock()
    reader.releaseLock()
    assert not body.locked
    assert await body.read() == b"ab"


async def test_another_reader_reads_on_where_the_first_let_go() -> None:
    body = Body([b"a", b"b"])
    first = body.getReader()
    await first.read()
    first.releaseLock()

    second = body.getReader()

    assert (await second.read()).value == b"b"
    assert (await second.read()).done
    with pytest.raises(TypeError, match="released its body"):
        await first.read()


async def test_a_timed_out_read_does_not_look_like_the_end() -> None:
    gate = asyncio.Event()

    class Slow:
        def __aiter__(self) -> "Slow":
            return self

        async def __anext__(self) -> bytes:
            await gate.wait()
            return b"late"

    reader = Body(Slow()).getReader()
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0):
            await reader.read()

    gate.set()
    assert (await reader.read()).value == b"late"


async def closable(log: list[str]) -> AsyncIterator[bytes]:
    try:
        yield b"a"
        yield b"b"
    finally:
        log.append("closed")


def sync_closable(log: list[str]) -> Iterator[bytes]:
    try:
        yield b"a"
        yield b"b"
    finally:
        log.append("closed")


@pytest.mark.parametrize("make", [closable, sync_closable])
async def test_giving_a_body_up_runs_its_generators_finally(make: object) -> None:
    for how in ("body", "iterator", "reader", "taken", "aclose"):
        log: list[str] = []
        body = Body(make(log))
        match how:
            case "body" | "aclose":
                await anext(aiter(body))
                await (body.cancel("enough") if how == "body" else body.aclose())
            case "iterator":
                chunks = aiter(body)
                await anext(chunks)
                await chunks.aclose()
            case "reader":
                reader = body.getReader()
                await reader.read()
                await reader.cancel()
            case _:
                taken = body.take()
                await anext(taken)
                await taken.aclose()

        assert (how, log) == (how, ["closed"])


@pytest.mark.parametrize("source", [b"a", [b"a"]])
async def test_a_body_with_nothing_to_close_can_be_given_up(source: bytes | list[bytes]) -> None:
    body = Body(source)

    await body.cancel()

    assert body.used


async def test_wrapping_replaces_a_stream_in_place() -> None:
    async def shouted(inner: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        async for chunk in inner:
            yield chunk.upper()

    stream, fixed = Body([b"a"]), Body(b"a")
    stream.wrap(shouted)
    fixed.wrap(shouted)

    assert await stream.read() == b"A"
    assert await fixed.read() == b"a"


async def test_tee_shares_bytes() -> None:
    data = b"abc"

    left, right = Body(data).tee()

    assert await left.read() is data
    assert await right.read() is data


async def test_tee_pulls_a_stream_once_for_both() -> None:
    pulled: list[bytes] = []

    async def counted() -> AsyncIterator[bytes]:
        for chunk in (b"a", b"b", b"c"):
            pulled.append(chunk)
            yield chunk

    left, right = Body(counted(), length=3).tee()
    assert left.length == right.length == 3
    ahead, behind = aiter(left), aiter(right)

    assert await anext(ahead) == b"a"
    assert pulled == [b"a"]
    assert await anext(behind) == b"a"
    assert pulled == [b"a"]
    assert [chunk async for chunk in ahead] == [b"b", b"c"]
    assert [chunk async for chunk in behind] == [b"b", b"c"]
    assert pulled == [b"a", b"b", b"c"]


async def test_tee_can_be_read_from_both_sides_at_once() -> None:
    async def slow() -> AsyncIterator[bytes]:
        for number in range(5):
            await asyncio.sleep(0)
            yield b"%d" % number

    left, right = Body(slow()).tee()

    assert await asyncio.gather(left.read(), right.read()) == [b"01234", b"01234"]


async def test_tee_passes_an_error_to_both_sides() -> None:
    async def broken() -> AsyncIterator[bytes]:
        yield b"a"
        raise ConnectionError("lost")

    left, right = Body(broken()).tee()

    for side in (left, right):
        with pytest.raises(ConnectionError, match="lost"):
            await side.read()


async def test_closing_one_side_of_a_tee_leaves_the_other() -> None:
    log: list[str] = []
    left, right = Body(closable(log)).tee()

    await left.cancel()
    assert log == []
    assert await right.read() == b"ab"


async def test_closing_both_sides_of_a_tee_closes_the_source() -> None:
    log: list[str] = []
    left, right = Body(closable(log)).tee()
    await anext(aiter(left))

    await left.cancel()
    await right.cancel()

    assert log == ["closed"]


async def test_closing_a_side_twice_and_reading_it_after_is_the_end() -> None:
    left, right = Body([b"a"]).tee()
    chunks = left.take()
    assert not isinstance(chunks, bytes)
    await chunks.aclose()

    with pytest.raises(StopAsyncIteration):
        await anext(chunks)
    assert await right.read() == b"a"


async def test_a_cancelled_side_of_a_tee_does_not_end_the_other() -> None:
    gate = asyncio.Event()

    async def gated() -> AsyncIterator[bytes]:
        await gate.wait()
        yield b"whole"

    left, right = Body(gated()).tee()
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0):
            await left.read()

    gate.set()

    assert await right.read() == b"whole"


@pytest.mark.parametrize("sides", [1, 2])
async def test_closing_a_side_ends_the_read_that_waits_on_it(sides: int) -> None:
    log: list[str] = []
    gate = asyncio.Event()

    async def gated() -> AsyncIterator[bytes]:
        try:
            await gate.wait()
            yield b"whole"
        finally:
            log.append("closed")

    left, right = Body(gated()).tee()
    ahead, behind = left.take(), right.take()
    reading = asyncio.ensure_future(anext(ahead))
    await asyncio.sleep(0)
    await asyncio.sleep(0)

    await ahead.aclose()
    if sides == 1:
        gate.set()
        assert await anext(behind) == b"whole"
    await behind.aclose()

    assert log == ["closed"]
    with pytest.raises(StopAsyncIteration):
        await reading


async def test_buffered_is_what_is_in_memory_and_unread() -> None:
    data = b"abc"
    body = Body(data)

    assert body.buffered is data
    assert Body([b"abc"]).buffered is None
    await body.read()
    assert body.buffered is None


async def test_buffered_ends_with_the_first_chunk_and_with_a_tee() -> None:
    body = Body(b"abc")
    await anext(aiter(body))
    assert body.buffered is None

    left, right = Body(b"abc").tee()
    assert left.buffered == right.buffered == b"abc"


async def test_a_body_whose_reader_is_released_can_be_asked_for_the_end() -> None:
    body = Body(b"")
    reader = body.getReader()

    assert (await reader.read()).done
    reader.releaseLock()

    assert (await body.getReader().read()).done


async def test_no_reader_is_given_for_a_body_that_was_handed_on() -> None:
    body = Body([b"a"])
    body.take()

    with pytest.raises(OSError, match="^Body already used$"):
        body.getReader()
