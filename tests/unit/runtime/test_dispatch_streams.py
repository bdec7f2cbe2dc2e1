"""Bodies that stream between workers and to the server: lazily, each in its maker's context."""

import asyncio
import gc
import threading
from collections.abc import AsyncIterator

import pytest

from runtime._dispatch.node import Node, NodeOptions
from runtime._dispatch.streams import OwnedStream
from runtime._registry import Registry
from workers import Request, Response
from workers._host import current_host

BACK = """
    import asyncio
    from workers import Response, Request, WorkerEntrypoint, env, waitUntil
    import workers

    log = []

    def word():
        return workers.env.WORD

    async def note(text):
        log.append(text + " " + word())

    async def chunks():
        try:
            for number in range(3):
                log.append(f"made {number}")
                waitUntil(note(f"late {number}"))
                yield f"{number} {word()};"
        finally:
            log.append(f"closed {word()}")

    class Default(WorkerEntrypoint):
        async def fetch(self, request):
            if request.url.endswith("/echo"):
                return Response(request.body)
            if request.url.endswith("/upper"):
                async def upper():
                    async for chunk in request.body:
                        yield f"{word()} got {chunk.decode()}"
                return Response(upper())
            if request.url.endswith("/fail"):
                async def failing():
                    yield "part"
                    raise ValueError("broke off")
                return Response(failing())
            if request.url.endswith("/exit"):
                async def exiting():
                    yield "part"
                    raise SystemExit(1)
                return Response(exiting())
            return Response(chunks())
        async def stream(self):
            return Response(chunks())
        async def request(self):
            return Request("http://h/", method="PUT", body=chunks())
        async def body(self):
            return Response(chunks()).body
        async def read(self, message):
            return await message.text()
        async def log(self):
            return list(log)
    """
FRONT = """
    import workers
    from workers import Request, Response, WorkerEntrypoint
    pulled = []
    async def mine():
        for number in range(2):
            pulled.append(number)
            yield f"{number} {workers.env.WORD};"
    class Default(WorkerEntrypoint):
        async def fetch(self, request):
            path = request.url.partition("test")[2]
            back = self.env.BACK
            if path in ("/echo", "/upper"):
                return await back.fetch("http://h" + path, method="PUT", body=mine())
            if path == "/rpc":
                texts = [await (await back.stream()).text(), await (await back.request()).text()]
                texts.append((b"".join([chunk async for chunk in await back.body()])).decode())
                texts.append(await back.read(Response(mine())))
                texts.append(await back.read(Request("http://h/", method="PUT", body=mine())))
                return Response("\\n".join(texts))
            if path == "/ignore":
                await back.fetch("http://h/")
                return Response("ignored")
            if path == "/pulled":
                return Response(str(pulled))
            return await back.fetch("http://h" + path)
    """


@pytest.fixture
async def pair(workers):
    """The workers `back` and `front`, which calls it."""
    await workers.load("back", BACK, config='[vars]\nWORD = "back"\n')
    await workers.load(
        "front",
        FRONT,
        config='[vars]\nWORD = "front"\n[[services]]\nbinding = "BACK"\nservice = "back"\n',
    )
    return workers


async def test_chunks_of_a_response_are_made_when_asked_for_in_their_makers_context(pair) -> None:
    response = await pair.fetch("front")
    before = await pair.call("back", "log")

    chunks = [chunk async for chunk in response.body]

    assert before == []
    assert b"".join(chunks).decode() == "0 back;1 back;2 back;"
    await pair.node.find("back").close()
    log = await pair.node.find("back").invoke("log", (), {})
    assert log[-1] == "late 2 back" or "closed back" in log
    assert {entry for entry in log if entry.startswith("late")} == {
        f"late {number} back" for number in range(3)
    }


async def test_bodies_stream_both_ways_each_chunk_in_its_makers_context(pair) -> None:
    response = await pair.fetch("front", "http://test/upper")
    pulled = await pair.text("front", "http://test/pulled")

    chunks = [bytes(chunk).decode() async for chunk in response.body]

    assert pulled == "[]"
    assert chunks == ["back got 0 front;", "back got 1 front;"]


async def test_a_body_that_is_passed_back_keeps_its_maker(pair) -> None:
    assert await pair.text("front", "http://test/echo") == "0 front;1 front;"


async def test_bodies_of_rpc_arguments_and_results_keep_their_maker(pair) -> None:
    back, front = "0 back;1 back;2 back;", "0 front;1 front;"

    text = await pair.text("front", "http://test/rpc")

    assert text.split("\n") == [back, back, back, front, front]


async def test_reading_a_body_leaves_the_readers_context_as_it_was(pair) -> None:
    response = await pair.fetch("back")

    assert [current_host.get(None) async for _ in response.body] == [None] * 3


async def test_a_body_that_breaks_off_raises_at_its_reader_and_ends_the_invocation(pair) -> None:
    response = await pair.fetch("front", "http://test/fail")

    with pytest.raises(ValueError, match="broke off"):
        await response.text()
    await asyncio.wait_for(pair.node.find("back").close(), 5)


async def test_a_body_cannot_end_the_process(pair) -> None:
    response = await pair.fetch("front", "http://test/exit")

    with pytest.raises(
        RuntimeError, match='worker "back": a streamed body tried to end the process'
    ):
        await response.text()


async def test_closing_a_body_early_runs_its_finally_in_its_makers_context(pair) -> None:
    response = await pair.fetch("front")
    chunks = aiter(response.body)
    await anext(chunks)

    await chunks.aclose()

    assert (await pair.call("back", "log"))[-1] == "closed back"
    await asyncio.wait_for(pair.node.find("back").close(), 5)


async def test_a_version_waits_for_its_bodies_to_be_read(pair) -> None:
    old = pair.node.find("back")
    response = await pair.fetch("back")
    await pair.load("back", BACK, config='[vars]\nWORD = "new"\n')
    closing = asyncio.create_task(old.close())

    waited = not (await asyncio.wait([closing], timeout=0.01))[0]

    assert waited
    assert await response.text() == "0 back;1 back;2 back;"
    await asyncio.wait_for(closing, 5)


async def test_a_body_that_nobody_reads_is_closed_in_its_makers_context(pair) -> None:
    assert await pair.text("front", "http://test/ignore") == "ignored"
    response = await pair.fetch("back")
    await anext(aiter(response.body))
    del response
    gc.collect()

    await asyncio.wait_for(pair.node.find("back").close(), 5)

    log = await pair.node.find("back").invoke("log", (), {})
    assert "closed back" in log


async def test_a_body_may_be_dropped_by_any_thread(pair) -> None:
    response = await pair.fetch("back")
    chunks = aiter(response.body)
    await anext(chunks)
    held = [chunks]
    del response, chunks

    thread = threading.Thread(target=held.clear)
    thread.start()
    thread.join()
    await asyncio.wait_for(pair.node.find("back").close(), 5)

    assert "closed back" in await pair.node.find("back").invoke("log", (), {})


async def test_an_error_while_an_abandoned_body_closes_is_nobodys(pair) -> None:
    await pair.load(
        "odd",
        """
        from workers import Response
        async def chunks():
            try:
                yield "x"
            finally:
                raise ValueError("at the end")
        async def on_fetch():
            return Response(chunks())
        """,
    )
    response = await pair.fetch("odd")
    await anext(aiter(response.body))
    del response
    gc.collect()

    await asyncio.wait_for(pair.node.find("odd").close(), 5)


async def test_closing_a_body_cannot_end_the_process(pair) -> None:
    await pair.load(
        "odd",
        """
        from workers import Response
        async def chunks():
            try:
                yield "x"
            finally:
                raise SystemExit(1)
        async def on_fetch():
            return Response(chunks())
        """,
    )
    response = await pair.fetch("odd")
    chunks = aiter(response.body)
    await anext(chunks)

    with pytest.raises(RuntimeError, match="closing a streamed body tried to end the process"):
        await chunks.aclose()


async def test_an_iterator_that_cannot_be_closed_is_left(pair) -> None:
    class Chunks:
        def __aiter__(self) -> AsyncIterator[bytes]:
            return self

        async def __anext__(self) -> bytes:
            return b"x"

    ended: list[bool] = []
    owner = object()
    stream = OwnedStream(Chunks(), owner, lambda: ended.append(True))

    first = await anext(aiter(stream))
    await stream.aclose()

    assert (first, ended) == (b"x", [True])


async def test_a_body_that_outlives_its_loop_is_dropped_in_silence(
    read_worker, outbound, tmp_path
) -> None:
    config = read_worker("back", BACK)

    async def main() -> Response:
        options = NodeOptions(mode="test", data_dir=tmp_path, environ={}, retire_s=0.01)
        async with Node(registry=Registry([]), options=options, outbound=outbound) as node:
            await node.load(config)
            return await node.find("back").invoke("fetch", (Request("http://h/"),), {})

    response = await asyncio.to_thread(asyncio.run, main())
    del response
    gc.collect()

    assert current_host.get(None) is None
