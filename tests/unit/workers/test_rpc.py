"""What crosses from one worker to another, value by value."""

import asyncio
import enum
from collections.abc import AsyncIterator
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal

import pytest

from workers import Blob, File, FormData, Request, Response, python_from_rpc, python_to_rpc
from workers.body import Body
from workers.rpc import JsDict, rpc_exception

URL = "https://test.com/"


def sent(value: object) -> object:
    """Send a value there, and what arrived back again."""
    there = python_from_rpc(python_to_rpc(value))
    return python_from_rpc(python_to_rpc(there))


@pytest.mark.parametrize("value", [None, True, False, 0, 42, 2**80, 1.5, "", "text", "\ud800"])
def test_plain_values_arrive_as_they_are(value: object) -> None:
    received = sent(value)

    assert received == value
    assert type(received) is type(value)


class Color(enum.StrEnum):
    RED = "red"


class Size(enum.IntEnum):
    BIG = 3


class Celsius(float):
    pass


@pytest.mark.parametrize(
    ("value", "plain"), [(Color.RED, "red"), (Size.BIG, 3), (Celsius(1.5), 1.5)]
)
def test_subclasses_of_plain_values_arrive_plain(value: object, plain: object) -> None:
    assert sent(value) == plain
    assert type(sent(value)) is type(plain)
    assert [type(item) for item in sent([value])] == [type(plain)]


@pytest.mark.parametrize(
    "value", [b"binary", memoryview(b"binary"), memoryview(bytearray(b"binary"))]
)
def test_binary_arrives_as_a_memoryview_that_cannot_change(value: object) -> None:
    received = sent(value)

    assert isinstance(received, memoryview)
    assert received.readonly
    assert received == b"binary"
    assert isinstance(sent({"a": [value]}).a[0], memoryview)


def test_a_view_of_something_that_changes_is_copied() -> None:
    buffer = bytearray(b"before")

    received = python_to_rpc(memoryview(buffer))
    buffer[:] = b"after!"

    assert received == b"before"


def test_bytes_are_not_copied() -> None:
    data = b"x" * 1000

    assert python_to_rpc(data).obj is data


def test_lists_and_dicts_are_copied_in_depth() -> None:
    inner: dict[str, object] = {"d": None}
    value = {"a": 1, "b": None, "c": inner, "e": [1, [2, inner]]}

    received = sent(value)
    inner["d"] = "changed"

    assert received == {"a": 1, "b": None, "c": {"d": None}, "e": [1, [2, {"d": None}]]}
    assert isinstance(received, dict)
    assert type(received["e"]) is list


def test_dicts_can_be_read_and_written_by_attribute() -> None:
    received = sent({"user": {"name": "Ada"}, "items": [{"id": 1}]})

    assert isinstance(received, JsDict)
    assert received.user.name == "Ada"
    assert received["items"][0].id == 1
    received.user.name = "Grace"
    assert received["user"]["name"] == "Grace"
    with pytest.raises(AttributeError, match="no such property: 'age'"):
        received.user.age  # noqa: B018  # the point of the test


def test_keys_arrive_as_javascript_writes_them() -> None:
    value = {True: 1, False: 2, 7: 3, Size.BIG: 4, 1.5: 5, 2.0: 6, None: 7, Color.RED: 8, "f": 9}

    received = python_to_rpc(value)

    assert list(received) == ["true", "false", "7", "3", "1.5", "2", "null", "red", "f"]
    assert all(type(key) is str for key in received)


def test_a_key_that_javascript_cannot_write_is_refused() -> None:
    with pytest.raises(TypeError, match=r"key of <class 'tuple'> cannot be sent over RPC\.$"):
        python_to_rpc({(1, 2): "x"})


def test_sets_arrive_as_sets() -> None:
    assert sent({1, "a", None}) == {1, "a", None}
    assert type(sent(frozenset({1}))) is set
    assert sent({Color.RED}) == {"red"}
    assert sent([{1}, {2}]) == [{1}, {2}]


def test_a_set_in_a_set_is_refused() -> None:
    with pytest.raises(TypeError, match="^DataCloneError: .*frozenset"):
        python_to_rpc({frozenset({1})})


def test_datetimes_keep_milliseconds() -> None:
    value = datetime(2026, 1, 31, 12, 30, 15, 123_999)

    assert sent(value) == datetime(2026, 1, 31, 12, 30, 15, 123_000)
    assert sent([value, {"at": value}])[1].at.microsecond == 123_000


@pytest.mark.parametrize("zone", [UTC, timezone(timedelta(hours=5))])
def test_a_datetime_with_a_zone_arrives_as_local_time(zone: timezone) -> None:
    value = datetime(2026, 1, 31, 12, tzinfo=zone)

    received = sent(value)

    assert isinstance(received, datetime)
    assert received.tzinfo is None
    assert received.timestamp() == value.timestamp()


class CustomError(ValueError):
    def __init__(self, code: int, hint: str) -> None:
        super().__init__(f"{hint} ({code})")
        self.code = code


class RootError(Exception):
    pass


@pytest.mark.parametrize(
    ("error", "kind", "text"),
    [
        (ValueError("bad"), ValueError, "bad"),
        (KeyError("name"), KeyError, "'name'"),
        (
            FileNotFoundError(2, "No such file", "x"),
            FileNotFoundError,
            "[Errno 2] No such file: 'x'",
        ),
        (UnicodeDecodeError("utf-8", b"\xff", 0, 1, "invalid"), UnicodeDecodeError, None),
        (CustomError(7, "hint"), ValueError, "hint (7)"),
        (RootError("root", 1), Exception, "('root', 1)"),
        (RootError(object), Exception, "<class 'object'>"),
        (ExceptionGroup("several", [ValueError("a")]), Exception, "several (1 sub-exception)"),
        (Exception(), Exception, ""),
    ],
)
def test_exceptions_arrive_as_their_nearest_builtin_class(
    error: Exception, kind: type[Exception], text: str | None
) -> None:
    received = sent(error)

    assert type(received) is kind
    assert str(received) == (str(error) if text is None else text)
    assert received is not error


async def stream() -> AsyncIterator[bytes]:
    yield b"a"
    yield b"b"


async def test_responses_arrive_with_their_body_moved() -> None:
    response = Response(stream(), 201, "Made", {"x": "y"})

    received = python_to_rpc({"response": response}).response

    assert isinstance(received, Response)
    assert (received.status, received.status_text, received.headers["x"]) == (201, "Made", "y")
    assert await received.text() == "ab"
    assert response.body_used


async def test_requests_arrive_with_their_body_moved() -> None:
    request = Request(URL, method="POST", headers={"x": "y"}, body="content")

    received = sent(request)

    assert isinstance(received, Request)
    assert (received.method, received.url, received.headers["x"]) == ("POST", URL, "y")
    assert await received.text() == "content"
    assert request.body_used


async def test_a_body_that_is_used_cannot_be_sent() -> None:
    response = Response("x")
    await response.text()

    with pytest.raises(OSError, match="^Body already used$"):
        python_to_rpc([response])


async def test_streams_forms_and_blobs_arrive() -> None:
    body = python_to_rpc(Body(stream()))
    assert isinstance(body, Body)
    assert await body.read() == b"ab"

    form = FormData({"a": "1"})
    received = python_to_rpc(form)
    form.append("b", "2")
    assert isinstance(received, FormData)
    assert list(received.items()) == [("a", "1")]

    blob, file = python_to_rpc([Blob("x", content_type="a/b"), File("y", "y.txt")])
    assert (await blob.text(), blob.content_type) == ("x", "a/b")
    assert (await file.text(), file.name) == ("y", "y.txt")


async def coroutine() -> None:
    raise AssertionError("never awaited")


@pytest.mark.parametrize("value", [(1, 2, 3), (), bytearray(b"x")])
@pytest.mark.parametrize(
    "nested", [lambda v: v, lambda v: [v], lambda v: {"test": v}, lambda v: [1, {"a": [v]}]]
)
def test_tuples_and_bytearrays_are_refused_nested_too(value: object, nested: object) -> None:
    message = rf"^<class '{type(value).__name__}'> cannot be sent over RPC\.$"

    with pytest.raises(TypeError, match=message):
        python_to_rpc(nested(value))


def test_a_tuple_in_a_set_is_refused() -> None:
    with pytest.raises(TypeError, match=r"cannot be sent over RPC\.$"):
        python_to_rpc({(1, 2)})


@pytest.mark.parametrize("nested", [lambda v: v, lambda v: [v], lambda v: {"test": v}])
async def test_awaitables_are_refused_nested_too(nested: object) -> None:
    work = coroutine()
    future = asyncio.get_running_loop().create_future()

    for value in (work, future):
        with pytest.raises(TypeError, match=r"^Awaitable .* cannot be sent over RPC\.$"):
            python_to_rpc(nested(value))
    work.close()


class Custom:
    pass


@pytest.mark.parametrize(
    "value",
    [
        Custom(),
        Custom,
        complex(1.23),
        range(0, 30, 5),
        date(2026, 1, 31),
        timedelta(1),
        Decimal(1),
        {}.keys(),
        iter([1]),
        object(),
        Ellipsis,
    ],
)
@pytest.mark.parametrize("nested", [lambda v: v, lambda v: [{"a": v}]])
def test_other_objects_cannot_be_cloned(value: object, nested: object) -> None:
    with pytest.raises(TypeError, match="^DataCloneError") as caught:
        python_to_rpc(nested(value))

    assert type(value).__qualname__ in str(caught.value)
    assert "RPC carries None, bool, int" in str(caught.value)


def test_what_is_shared_or_cyclic_is_so_in_the_copy() -> None:
    shared = {"n": 1}
    value: list[object] = [shared, shared]
    value.append(value)

    received = python_to_rpc(value)

    assert received is not value
    assert received[0] is received[1]
    assert received[2] is received


def test_a_response_that_is_named_twice_is_moved_once() -> None:
    response = Response("x")

    first, second = python_to_rpc([response, response])

    assert first is second


def test_deep_nesting_needs_no_recursion_and_has_a_limit() -> None:
    deep: list[object] = []
    for _ in range(999):
        deep = [deep]

    received = python_to_rpc(deep)
    for _ in range(999):
        [received] = received
    assert received == []
    with pytest.raises(TypeError, match="^DataCloneError: lists and dicts nest over 1000 deep"):
        python_to_rpc([deep])


def test_received_values_come_back_as_they_are() -> None:
    received = python_to_rpc({"a": [1]})

    assert python_from_rpc(received) is received
    assert python_from_rpc("x") == "x"
    assert python_from_rpc(None) is None


def test_plain_dicts_become_readable_by_attribute() -> None:
    inner = JsDict(c=1)
    value = {"a": [{"b": 1}], "i": inner}

    received = python_from_rpc(value)

    assert received.a[0].b == 1
    assert received.i is inner


def test_a_builtin_exception_passes_as_it_is() -> None:
    error = ValueError("bad")

    assert rpc_exception(error) is error


def test_a_workers_own_exception_becomes_a_builtin_one_with_its_cause() -> None:
    error = CustomError(7, "hint")

    seen = rpc_exception(error)

    assert type(seen) is ValueError
    assert str(seen) == "hint (7)"
    assert seen.__cause__ is error
