from collections.abc import AsyncIterator
from types import SimpleNamespace

import pytest

from workerkit import Problem, read_body, read_object
from workers import Request

URL = "https://shop.example/orders"


def posted(body: object) -> Request:
    return Request(URL, method="POST", body=body)


async def test_an_object_is_read() -> None:
    assert await read_object(posted('{"a": [1, {"b": null}], "ä": "☕"}')) == {
        "a": [1, {"b": None}],
        "ä": "☕",
    }


@pytest.mark.parametrize(
    "body",
    [
        *(None, b"", "{", "{'a': 1}", b'{"a": "\xff"}', "NaN", '{"a": Infinity}', '"\\ud800"'),
        *('{"a": "\\ud800"}', "[" * 60_000, '{"a": ' + "9" * 5000 + "}"),
        '{"a": 1e999}',
    ],
    ids=range(12),
)
async def test_what_is_no_json_is_refused(body: object) -> None:
    with pytest.raises(Problem, match="not valid JSON") as caught:
        await read_object(posted(body))

    assert caught.value.status == 400


class JavaScriptNull:
    """No body, as Cloudflare has it: not None."""

    def __bool__(self) -> bool:
        return False


class Chunk:
    """An array of bytes, as Cloudflare has it."""

    def __init__(self, data: bytes) -> None:
        self._data = data

    def __len__(self) -> int:
        return len(self._data)

    def to_bytes(self) -> bytes:
        return self._data


class Chunks:
    """A body as Cloudflare has it."""

    def __init__(self, *parts: bytes) -> None:
        self._parts = parts

    async def __aiter__(self) -> AsyncIterator[Chunk]:
        for part in self._parts:
            yield Chunk(part)


async def test_bodies_are_read_as_cloudflare_has_them() -> None:
    assert await read_body(SimpleNamespace(body=JavaScriptNull())) == b""
    assert await read_body(SimpleNamespace(body=Chunks(b"ab", b"c"))) == b"abc"
    with pytest.raises(Problem, match="over 2 bytes"):
        await read_body(SimpleNamespace(body=Chunks(b"ab", b"c")), max_bytes=2)


@pytest.mark.parametrize("body", ["[]", "null", "5", '"text"', "true"])
async def test_json_that_is_no_object_is_refused(body: str) -> None:
    with pytest.raises(Problem, match="must be a JSON object"):
        await read_object(posted(body))


async def test_a_body_that_nests_too_deep_is_refused() -> None:
    assert await read_object(posted('{"a":' * 64 + "1" + "}" * 64))

    with pytest.raises(Problem, match="nests over 64 deep"):
        await read_object(posted('{"a":' * 65 + "1" + "}" * 65))


async def test_a_body_over_the_limit_is_refused_before_all_of_it_is_read() -> None:
    sent = 0

    async def chunks():
        nonlocal sent
        for _ in range(100):
            sent += 1
            yield b"x" * 10

    with pytest.raises(Problem, match="over 25 bytes") as caught:
        await read_object(posted(chunks()), max_bytes=25)

    assert caught.value.status == 413
    assert sent < 5


async def test_a_body_of_the_limit_is_read() -> None:
    assert await read_body(posted(b"x" * 65_536)) == b"x" * 65_536
    with pytest.raises(Problem):
        await read_body(posted(b"x" * 65_537))


async def test_no_body_is_empty() -> None:
    assert await read_body(Request(URL)) == b""
