"""KV's promises, on every built-in engine."""

import array
import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kvstore import EngineOptions, KVEngine, KVError, KVNamespace, open_engine
from kvstore.limits import MAX_VALUE_BYTES
from kvstore.testing import FakeClock

# Reading


async def test_an_absent_key_is_none_in_every_type(kv: KVNamespace) -> None:
    for type_ in ("text", "json", "arrayBuffer", "stream"):
        assert await kv.get("absent", type_) is None
    assert await kv.getWithMetadata("absent") == {
        "value": None,
        "metadata": None,
        "cacheStatus": None,
    }


async def test_each_type_reads_the_value_in_its_form(kv: KVNamespace) -> None:
    await kv.put("key", '{"n": [1, 2.5, null]}')

    assert await kv.get("key") == '{"n": [1, 2.5, null]}'
    assert await kv.get("key", "text") == '{"n": [1, 2.5, null]}'
    assert await kv.get("key", "json") == {"n": [1, 2.5, None]}
    buffer = await kv.get("key", "arrayBuffer")
    assert isinstance(buffer, memoryview)
    assert bytes(buffer) == b'{"n": [1, 2.5, null]}'
    chunks = [chunk async for chunk in await kv.get("key", "stream")]
    assert b"".join(chunks) == b'{"n": [1, 2.5, null]}'
    assert all(type(chunk) is bytes for chunk in chunks)


async def test_options_come_as_text_keyword_or_dict(kv: KVNamespace) -> None:
    await kv.put("key", "[1]")

    assert await kv.get("key", type="json") == [1]
    assert await kv.get("key", {"type": "json"}) == [1]
    assert await kv.get("key", {"type": "json", "cacheTtl": 60}) == [1]
    assert await kv.get("key", "json", cacheTtl=30) == [1]
    assert await kv.get("key", type=None, cacheTtl=None) == "[1]"
    assert await kv.get("key", None) == "[1]"
    assert await kv.get("key", {"type": None}) == "[1]"


@pytest.mark.parametrize(
    "call",
    [
        lambda kv: kv.get("key", typ="json"),
        lambda kv: kv.get("key", {"typ": "json"}),
        lambda kv: kv.getWithMetadata("key", typ="json"),
        lambda kv: kv.put("key", "v", typ="json"),
        lambda kv: kv.put("key", "v", {"typ": 1}),
        lambda kv: kv.list(typ="json"),
        lambda kv: kv.list({"typ": "x"}),
    ],
)
async def test_an_unknown_option_is_named(kv: KVNamespace, call: Any) -> None:
    with pytest.raises(TypeError, match="'typ'"):
        await call(kv)


async def test_options_of_another_type_are_refused(kv: KVNamespace) -> None:
    with pytest.raises(TypeError, match="options of KV put are a dict, not int"):
        await kv.put("key", "v", 60)  # type: ignore[arg-type]  # that is the point
    with pytest.raises(TypeError, match="options of KV list are a dict, not str"):
        await kv.list("prefix")  # type: ignore[arg-type]  # as above


async def test_text_that_is_not_utf8_is_replaced(kv: KVNamespace) -> None:
    await kv.put("key", b"a\xffb")

    assert await kv.get("key") == "a\ufffdb"
    assert bytes(await kv.get("key", "arrayBuffer")) == b"a\xffb"


async def test_json_of_what_is_not_json_is_pythons_own_error(kv: KVNamespace) -> None:
    await kv.put("key", "{oops")

    with pytest.raises(json.JSONDecodeError):
        await kv.get("key", "json")


@pytest.mark.parametrize("key", ["present", "absent"])
async def test_an_unknown_type_is_refused_whether_or_not_there_is_a_value(
    kv: KVNamespace, key: str
) -> None:
    await kv.put("present", "v")
    text = 'Unknown response type. Possible types are "text", "arrayBuffer", "json", and "stream".'

    with pytest.raises(TypeError) as get:
        await kv.get(key, "blob")
    with pytest.raises(TypeError) as with_metadata:
        await kv.getWithMetadata(key, type="TEXT")

    assert str(get.value) == str(with_metadata.value) == text


async def test_metadata_comes_with_the_value(kv: KVNamespace) -> None:
    await kv.put("key", "v", metadata={"by": {"name": "Ada"}})

    result = await kv.getWithMetadata("key")

    assert result == {"value": "v", "metadata": {"by": {"name": "Ada"}}, "cacheStatus": None}
    assert result.metadata.by.name == "Ada"
    assert (await kv.getWithMetadata("key", "arrayBuffer")).value == b"v"
    assert await kv.get_with_metadata("key") == result
    with pytest.raises(AttributeError, match="no such property: 'other'"):
        _ = result.other


# Bulk


async def test_a_list_of_keys_gives_a_dict(kv: KVNamespace) -> None:
    await kv.put("a", "1", metadata=[1])
    await kv.put("b", "2")

    assert await kv.get(["a", "x", "b"]) == {"a": "1", "x": None, "b": "2"}
    assert await kv.get(["b", "a"], "json") == {"b": 2, "a": 1}
    assert await kv.get(["a"], type="text", cacheTtl=60) == {"a": "1"}
    assert await kv.getWithMetadata(["a", "x"]) == {
        "a": {"value": "1", "metadata": [1], "cacheStatus": None},
        "x": None,
    }
    assert (await kv.getWithMetadata(["a", "b"], "json"))["b"].value == 2


@pytest.mark.parametrize(
    ("keys", "type_", "status", "reason"),
    [
        ([], "text", 400, "You must request a minimum of 1 key"),
        (["k"] * 101, "text", 400, "You can request a maximum of 100 keys"),
        (["k"], "stream", 400, '"stream" is not a valid type. Use "json" or "text"'),
        (["k"], "arrayBuffer", 400, '"arrayBuffer" is not a valid type. Use "json" or "text"'),
        (["k"], "json", 400, "At least one of the requested keys corresponds to a non-json value"),
        (
            ["k" * 513],
            "text",
            414,
            "UTF-8 encoded length of 513 exceeds key length limit of 512.",
        ),
    ],
)
async def test_bulk_refusals(
    kv: KVNamespace, keys: list[str], type_: str, status: int, reason: str
) -> None:
    await kv.put("k", "not json")

    for read in (kv.get, kv.getWithMetadata):
        with pytest.raises(KVError) as error:
            await read(keys, type_)
        assert str(error.value) == f"KV GET_BULK failed: {status} {reason}"
        assert error.value.status == status


async def test_bulk_is_limited_to_25_mib_in_all(kv: KVNamespace) -> None:
    await kv.put("half", b"x" * (MAX_VALUE_BYTES // 2))
    await kv.put("rest", b"x" * (MAX_VALUE_BYTES - MAX_VALUE_BYTES // 2))
    await kv.put("one", b"x")

    assert len(await kv.get(["half", "rest"])) == 2
    with pytest.raises(KVError) as error:
        await kv.get(["half", "rest", "one"])
    assert (
        str(error.value)
        == "KV GET_BULK failed: 413 Total size of request exceeds the limit of 25MB"
    )


# Keys


@pytest.mark.parametrize(
    ("key", "text"),
    [
        ("", "Key name cannot be empty."),
        (".", '"." is not allowed as a key name.'),
        ("..", '".." is not allowed as a key name.'),
        (5, "A key name is a str, not int."),
        (None, "A key name is a str, not NoneType."),
    ],
)
async def test_key_names_that_are_no_names(kv: KVNamespace, key: Any, text: str) -> None:
    calls = [kv.get(key), kv.getWithMetadata(key), kv.put(key, "v"), kv.delete(key)]
    calls += [kv.get([key]), kv.delete([key])]
    for call in calls:
        with pytest.raises(TypeError) as error:
            await call
        assert str(error.value) == text
        assert not isinstance(error.value, KVError)


@pytest.mark.parametrize(("key", "length"), [("k" * 513, 513), ("ä" * 257, 514)])
async def test_keys_over_512_bytes(kv: KVNamespace, key: str, length: int) -> None:
    calls = {
        "GET": [kv.get(key), kv.getWithMetadata(key), kv.list(prefix=key)],
        "GET_BULK": [kv.get([key]), kv.getWithMetadata(["a", key])],
        "PUT": [kv.put(key, "v")],
        "DELETE": [kv.delete(key), kv.delete(["a", key])],
    }
    for verb, waiting in calls.items():
        for call in waiting:
            with pytest.raises(KVError) as error:
                await call
            assert str(error.value) == (
                f"KV {verb} failed: 414 UTF-8 encoded length of {length} exceeds key length limit "
                "of 512."
            )
            assert error.value.status == 414
            assert isinstance(error.value, ValueError)


async def test_any_unicode_is_a_key_and_case_counts(kv: KVNamespace) -> None:
    keys = ["a", "A", "a/b", "a%2Fb", "a\0b", "a\nb", "ä", "🐍", "...", "./", " ", "k" * 512]

    for key in keys:
        await kv.put(key, key)

    assert [await kv.get(key) for key in keys] == keys
    names = [entry["name"] for entry in (await kv.list())["keys"]]
    assert names == sorted(keys, key=str.encode)


async def test_a_lone_surrogate_is_stored_as_javascript_would(kv: KVNamespace) -> None:
    await kv.put("k\ud800", "v\udfff", metadata="m\ud800")

    assert await kv.get("k\ufffd") == "v\ufffd"
    assert (await kv.getWithMetadata("k\ufffd")).metadata == "m\ud800"


@given(
    st.dictionaries(
        st.text(min_size=1, max_size=20).filter(lambda key: key not in (".", "..")),
        st.binary(max_size=50),
        max_size=30,
    ),
    st.text(max_size=2),
    st.integers(1, 7),
)
@settings(
    max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
async def test_listing_agrees_with_a_dict(
    any_engine: KVEngine, data: dict[str, bytes], prefix: str, limit: int
) -> None:
    await any_engine.drop("property")
    kv = KVNamespace(any_engine, "property", clock=FakeClock())
    for key, value in data.items():
        await kv.put(key, value)

    found: list[str] = []
    page = await kv.list(prefix=prefix, limit=limit)
    found += [entry.name for entry in page["keys"]]
    while not page.list_complete:
        page = await kv.list(prefix=prefix, limit=limit, cursor=page.cursor)
        found += [entry.name for entry in page["keys"]]

    expected = [key for key in data if key.encode().startswith(prefix.encode())]
    assert found == sorted(expected, key=str.encode)


# Values


@pytest.mark.parametrize(
    ("value", "stored"),
    [
        ("", b""),
        ("ä", b"\xc3\xa4"),
        (b"", b""),
        (b"\x00\xff", b"\x00\xff"),
        (bytearray(b"ab"), b"ab"),
        (memoryview(b"ab")[1:], b"b"),
        (memoryview(b"abcd")[::2], b"ac"),
        (memoryview(b"abcd")[::-1], b"dcba"),
        (5, b"5"),
        (5.5, b"5.5"),
        (5.0, b"5"),
        (-0.0, b"0"),
        (1e21, b"1e+21"),
        (0.00001, b"0.00001"),
        (1e-7, b"1e-7"),
        (True, b"true"),
        (False, b"false"),
    ],
)
async def test_what_can_be_stored(kv: KVNamespace, value: Any, stored: bytes) -> None:
    await kv.put("key", value)

    assert bytes(await kv.get("key", "arrayBuffer")) == stored


def chunks(*parts: object) -> Iterator[object]:
    yield from parts


async def async_chunks(*parts: object) -> AsyncIterator[object]:
    for part in parts:
        yield part


async def test_iterators_of_bytes_are_read_to_their_end(kv: KVNamespace) -> None:
    await kv.put("sync", chunks(b"a", bytearray(b"b"), memoryview(b"c")))
    await kv.put("async", async_chunks(b"1", b"", b"2"))

    assert await kv.get("sync") == "abc"
    assert await kv.get("async") == "12"


@pytest.mark.parametrize("stream", [chunks, async_chunks])
async def test_chunks_are_bytes(kv: KVNamespace, stream: Any) -> None:
    with pytest.raises(TypeError, match="the chunks of a KV value are bytes, not str"):
        await kv.put("key", stream(b"a", "text"))

    assert await kv.get("key") is None


@pytest.mark.parametrize("value", [None, {}, [], [b"a"], (1,), {1}, object(), 1j])
async def test_what_cannot_be_stored_is_a_type_error_and_changes_nothing(
    kv: KVNamespace, value: Any
) -> None:
    await kv.put("key", "before")

    with pytest.raises(TypeError):
        await kv.put("key", value)

    assert await kv.get("key") == "before"


async def test_a_value_may_have_25_mib_and_not_a_byte_more(kv: KVNamespace) -> None:
    await kv.put("key", b"x" * MAX_VALUE_BYTES)

    with pytest.raises(KVError) as error:
        await kv.put("key", b"x" * (MAX_VALUE_BYTES + 1))

    assert (
        str(error.value) == "KV PUT failed: 413 Value length of 26214401 exceeds limit of 26214400."
    )
    assert len(await kv.get("key", "arrayBuffer")) == MAX_VALUE_BYTES


async def test_a_stream_is_counted_while_it_flows_and_closed_when_it_is_too_long(
    kv: KVNamespace,
) -> None:
    taken = 0
    closed = False

    async def endless() -> AsyncIterator[bytes]:
        nonlocal taken, closed
        try:
            while True:
                taken += 1
                yield b"x" * 1024 * 1024
        finally:
            closed = True

    with pytest.raises(KVError, match="413 Value length of 27262976 exceeds limit of 26214400"):
        await kv.put("key", endless())

    assert taken == 26
    assert closed
    assert await kv.get("key") is None


async def test_a_stream_without_aclose_may_be_too_long_as_well(kv: KVNamespace) -> None:
    class Endless:
        """An asynchronous iterator that is no generator."""

        def __aiter__(self) -> "Endless":
            return self

        async def __anext__(self) -> bytes:
            return b"x" * 20_000_000

    with pytest.raises(KVError, match="413 Value length of 40000000"):
        await kv.put("key", Endless())


async def test_a_failing_stream_stores_nothing(kv: KVNamespace) -> None:
    def failing() -> Iterator[bytes]:
        yield b"begin"
        raise OSError("the source broke off")

    with pytest.raises(OSError, match="broke off"):
        await kv.put("key", failing())

    assert await kv.get("key") is None


# Metadata


@pytest.mark.parametrize("metadata", [0, "", False, [], {}, 1.5, "ä", {"a": [None, {"b": 1}]}])
async def test_metadata_is_any_json_value_falsy_ones_included(
    kv: KVNamespace, metadata: Any
) -> None:
    await kv.put("key", "v", metadata=metadata)

    assert (await kv.getWithMetadata("key")).metadata == metadata
    assert (await kv.list())["keys"] == [{"name": "key", "metadata": metadata}]


async def test_metadata_is_replaced_with_the_value(kv: KVNamespace) -> None:
    await kv.put("key", "v", metadata=1)
    await kv.put("key", "w")

    assert (await kv.getWithMetadata("key")).metadata is None
    assert (await kv.list())["keys"] == [{"name": "key"}]


async def test_metadata_over_1024_bytes_of_json(kv: KVNamespace) -> None:
    await kv.put("key", "v", metadata="ä" * 511)

    with pytest.raises(KVError) as error:
        await kv.put("key", "w", metadata="ä" * 511 + "x")

    assert str(error.value) == "KV PUT failed: 413 Metadata length of 1025 exceeds limit of 1024."
    assert await kv.get("key") == "v"


@pytest.mark.parametrize(("metadata", "kind"), [({1, 2}, TypeError), (float("nan"), ValueError)])
async def test_metadata_that_is_not_json(
    kv: KVNamespace, metadata: Any, kind: type[Exception]
) -> None:
    with pytest.raises(kind):
        await kv.put("key", "v", metadata=metadata)

    assert await kv.get("key") is None


# Expiration


async def test_a_record_lives_until_its_second(kv: KVNamespace, clock: FakeClock) -> None:
    await kv.put("ttl", "v", expirationTtl=60, metadata=1)
    await kv.put("at", "v", expiration=int(clock()) + 90)
    await kv.put("kept", "v")

    clock.advance(59)
    assert [entry["name"] for entry in (await kv.list())["keys"]] == ["at", "kept", "ttl"]
    clock.advance(1)

    assert await kv.get("ttl") is None
    assert await kv.get(["ttl", "at"]) == {"ttl": None, "at": "v"}
    assert (await kv.getWithMetadata("ttl")).metadata is None
    assert [entry["name"] for entry in (await kv.list())["keys"]] == ["at", "kept"]


async def test_list_shows_when_a_record_expires_and_the_ttl_wins(
    kv: KVNamespace, clock: FakeClock
) -> None:
    now = int(clock())
    await kv.put("a", "v", expirationTtl=100.0, expiration=now + 5000)
    await kv.put("b", "v", {"expiration": now + 60})

    assert (await kv.list())["keys"] == [
        {"name": "a", "expiration": now + 100},
        {"name": "b", "expiration": now + 60},
    ]


async def test_what_has_expired_by_the_namespaces_clock_is_never_returned(
    any_engine: KVEngine, clock: FakeClock
) -> None:
    fast = FakeClock(clock() + 1000)
    await KVNamespace(any_engine, "ns", clock=clock).put("key", "v", expirationTtl=60)

    kv = KVNamespace(any_engine, "ns", clock=fast)

    assert await kv.get("key") is None
    assert await kv.get(["key"]) == {"key": None}
    assert (await kv.list())["keys"] == []


@pytest.mark.parametrize("ttl", [0, -5, 1.5, "60", True, float("nan")])
async def test_a_ttl_is_an_integer_over_0(kv: KVNamespace, ttl: Any) -> None:
    shown = {True: "true"}.get(ttl, "NaN" if ttl != ttl else ttl)

    with pytest.raises(KVError) as error:
        await kv.put("key", "v", expirationTtl=ttl)

    assert str(error.value) == (
        f"KV PUT failed: 400 Invalid expiration_ttl of {shown}. "
        "Please specify integer greater than 0."
    )


async def test_a_ttl_is_at_least_60(kv: KVNamespace) -> None:
    with pytest.raises(KVError) as error:
        await kv.put("key", "v", expirationTtl=59)

    assert str(error.value) == (
        "KV PUT failed: 400 Invalid expiration_ttl of 59. Expiration TTL must be at least 60."
    )


@pytest.mark.parametrize("offset", [0, -1, -1_700_000_000, 0.5])
async def test_an_expiration_lies_in_the_future(
    kv: KVNamespace, clock: FakeClock, offset: float
) -> None:
    at = int(clock()) + offset

    with pytest.raises(KVError) as error:
        await kv.put("key", "v", expiration=at)

    assert str(error.value) == (
        f"KV PUT failed: 400 Invalid expiration of {at}. Please specify integer greater than the "
        "current number of seconds since the UNIX epoch."
    )


@pytest.mark.parametrize("option", ["expiration", "expirationTtl"])
@pytest.mark.parametrize("number", [2**53, 10**30, 1e300, float("inf")])
async def test_a_time_that_is_no_number_of_javascript_is_refused(
    kv: KVNamespace, option: str, number: float
) -> None:
    with pytest.raises(KVError, match="400 Invalid expiration") as error:
        await kv.put("key", "v", {option: number})

    assert error.value.status == 400
    await kv.put("key", "v", {option: 2**53 - 1})
    assert await kv.get("key") == "v"


async def test_an_expiration_is_60_seconds_away(kv: KVNamespace, clock: FakeClock) -> None:
    at = int(clock()) + 59

    with pytest.raises(KVError) as error:
        await kv.put("key", "v", expiration=at)

    assert str(error.value) == (
        f"KV PUT failed: 400 Invalid expiration of {at}. Expiration times must be at least 60 "
        "seconds in the future."
    )
    assert await kv.get("key") is None


@pytest.mark.parametrize(("ttl", "shown"), [(29, "29"), (-1, "-1"), ("60", "60"), (29.5, "29.5")])
async def test_a_cache_ttl_is_at_least_30(kv: KVNamespace, ttl: Any, shown: str) -> None:
    calls = {"GET": [kv.get("k", cacheTtl=ttl), kv.getWithMetadata("k", {"cacheTtl": ttl})]}
    calls["GET_BULK"] = [kv.get(["k"], cacheTtl=ttl)]
    for verb, waiting in calls.items():
        for call in waiting:
            with pytest.raises(KVError) as error:
                await call
            assert str(error.value) == (
                f"KV {verb} failed: 400 Invalid cache_ttl of {shown}. "
                "Cache TTL must be at least 30."
            )


# Deleting


async def test_delete_removes_one_key_or_many(kv: KVNamespace) -> None:
    for key in "abcd":
        await kv.put(key, key)

    assert await kv.delete("a") is None
    await kv.delete("absent")
    await kv.delete(["b", "absent", "c"])
    await kv.delete([])

    assert [entry["name"] for entry in (await kv.list())["keys"]] == ["d"]


# Listing


async def test_an_empty_namespace_is_one_complete_page(kv: KVNamespace) -> None:
    page = await kv.list()

    assert page == {"keys": [], "list_complete": True, "cacheStatus": None}
    assert page.list_complete is True
    assert "cursor" not in page


async def test_results_can_be_read_by_attribute(kv: KVNamespace) -> None:
    await kv.put("a", "1", metadata={"x": {"y": 2}})

    page = await kv.list()

    assert page.keys[0].name == "a"
    assert page.keys[0].metadata.x.y == 2
    assert [entry.name for entry in page.keys] == ["a"]
    assert list(page.keys()) == ["keys", "list_complete", "cacheStatus"]
    assert dict(page) == {**page} == json.loads(json.dumps(page))


@pytest.mark.parametrize("limit", [None, 0, -1, -0.5, -(10**400), float("-inf"), 1000, 1000.0])
async def test_a_page_has_1000_keys_unless_told_otherwise(kv: KVNamespace, limit: Any) -> None:
    for number in range(1001):
        await kv.put(f"{number:04}", "")

    page = await kv.list(limit=limit)

    assert len(page["keys"]) == 1000
    assert not page.list_complete
    last = await kv.list(cursor=page.cursor)
    assert [entry["name"] for entry in last["keys"]] == ["1000"]
    assert last.list_complete


@pytest.mark.parametrize("limit", [1001, 2.5, "10", True])
async def test_limits_that_are_none(kv: KVNamespace, limit: Any) -> None:
    with pytest.raises(KVError) as error:
        await kv.list(limit=limit)

    shown = "true" if limit is True else limit
    assert str(error.value) == (
        f"KV GET failed: 400 Invalid key_count_limit of {shown}. "
        "Please specify an integer less than 1000."
    )


async def test_list_is_complete_exactly_when_nothing_follows(kv: KVNamespace) -> None:
    for key in "abc":
        await kv.put(key, "")
    await kv.put("b2", "")

    assert not (await kv.list(limit=3)).list_complete
    assert (await kv.list(limit=4)).list_complete
    assert (await kv.list(prefix="b", limit=2)).list_complete
    assert (await kv.list({"prefix": "", "limit": 4, "cursor": ""})).list_complete


async def test_a_cursor_works_with_another_limit_and_sees_new_keys(kv: KVNamespace) -> None:
    for key in "ace":
        await kv.put(key, "")
    cursor = (await kv.list(limit=1)).cursor

    await kv.put("b", "")
    await kv.delete("a")

    assert [entry.name for entry in (await kv.list(limit=5, cursor=cursor)).keys] == ["b", "c", "e"]


async def test_a_cursor_that_is_not_ours_is_refused(any_engine: KVEngine) -> None:
    kv, other = KVNamespace(any_engine, "one"), KVNamespace(any_engine, "two")
    for key in ("a", "b"):
        await kv.put(key, "")
        await other.put(key, "")
    cursor = (await kv.list(limit=1)).cursor
    foreign = (await other.list(limit=1)).cursor

    broken = [foreign, cursor[:-1], cursor + "A", cursor.swapcase(), "x", "ä", "====", " ", 5, b"x"]
    for bad in broken:
        with pytest.raises(KVError) as error:
            await kv.list(cursor=bad)
        assert str(error.value) == "KV GET failed: 400 Invalid cursor."
    for first_page in (None, ""):
        assert len((await kv.list(cursor=first_page))["keys"]) == 2


async def test_a_cursor_of_keys_with_another_prefix_is_refused(kv: KVNamespace) -> None:
    for key in ("a1", "a2", "b1", "b2"):
        await kv.put(key, "")
    of_a = (await kv.list(prefix="a", limit=1)).cursor
    of_all = (await kv.list(limit=3)).cursor

    for prefix, cursor in (("b", of_a), ("a", of_all), ("a11", of_a)):
        with pytest.raises(KVError, match="400 Invalid cursor"):
            await kv.list(prefix=prefix, cursor=cursor)
    rest = [(await kv.list(prefix="a", cursor=of_a)), (await kv.list(prefix="b", cursor=of_all))]
    assert [[entry.name for entry in page.keys] for page in rest] == [["a2"], ["b2"]]


@given(st.text(max_size=40))
@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
async def test_no_made_up_cursor_is_a_first_page(any_engine: KVEngine, cursor: str) -> None:
    kv = KVNamespace(any_engine, "ns")

    if cursor:
        with pytest.raises(KVError, match="Invalid cursor"):
            await kv.list(cursor=cursor)
    else:
        assert (await kv.list(cursor=cursor)).list_complete


async def test_a_prefix_is_text(kv: KVNamespace) -> None:
    with pytest.raises(TypeError, match="A prefix is a str, not int"):
        await kv.list(prefix=5)


# The object


async def test_the_binding_is_true_and_neither_sized_nor_iterable(kv: KVNamespace) -> None:
    assert bool(kv) is True
    with pytest.raises(TypeError, match="KvNamespace.*has no len"):
        len(kv)  # type: ignore[arg-type]  # that is the point
    with pytest.raises(TypeError, match="KvNamespace.*is not iterable"):
        iter(kv)  # type: ignore[call-overload]  # as above
    assert repr(kv) == "<KvNamespace namespace-id>"


@pytest.mark.parametrize("id_", ["", "x" * 255, "ä" * 128])
async def test_a_namespace_id_has_1_to_254_bytes(any_engine: KVEngine, id_: str) -> None:
    with pytest.raises(ValueError, match="1 to 254 bytes"):
        KVNamespace(any_engine, id_)


async def test_equal_ids_share_their_data_and_others_do_not(any_engine: KVEngine) -> None:
    await KVNamespace(any_engine, "a").put("key", "v")

    assert await KVNamespace(any_engine, "a").get("key") == "v"
    assert await KVNamespace(any_engine, "b").get("key") is None


async def test_after_put_every_reader_sees_it_and_never_half_of_it(kv: KVNamespace) -> None:
    values = [letter * size for letter in "ab" for size in (5, 5000, 100_000)]

    async def put_all() -> None:
        for value in values:
            await kv.put("key", value)
            assert set(await kv.get("key")) <= set("ab")

    await kv.put("key", values[0])
    async with asyncio.TaskGroup() as group:
        writers = [group.create_task(put_all()) for _ in range(3)]
        while not all(writer.done() for writer in writers):
            assert await kv.get("key") in values
            await asyncio.sleep(0)


async def test_a_cursor_survives_a_restart(tmp_path: Any) -> None:
    options = EngineOptions(folder=tmp_path)
    engine = await open_engine("leveldb", options)
    kv = KVNamespace(engine, "ns")
    for key in "abc":
        await kv.put(key, key)
    cursor = (await kv.list(limit=1)).cursor
    await engine.close()

    engine = await open_engine("leveldb", options)
    page = await KVNamespace(engine, "ns").list(cursor=cursor)
    await engine.close()

    assert [entry.name for entry in page.keys] == ["b", "c"]


# Large values

LARGE_TEXTS = {
    "ascii": "abc," * 200_000,
    "characters of two bytes": "xäöü€" * 100_000,
    "characters of four bytes": "\U0001f600" * 150_000,
    "half characters": "\ud83d" * 65_535 + "\ud83d\ude00" * 150_000 + "\udc00",
}


@pytest.mark.parametrize("name", LARGE_TEXTS)
async def test_a_large_text_comes_back_as_a_small_one_would(kv: KVNamespace, name: str) -> None:
    text = LARGE_TEXTS[name]
    await kv.put("key", text)

    expected = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    assert await kv.get("key") == expected
    assert bytes(await kv.get("key", "arrayBuffer")) == expected.encode()
    assert b"".join([chunk async for chunk in await kv.get("key", "stream")]) == expected.encode()


@pytest.mark.parametrize("kind", [bytes, bytearray, memoryview])
async def test_large_bytes_come_back_and_no_change_to_them_counts(
    kv: KVNamespace, kind: type[Any]
) -> None:
    data = bytes(range(256)) * 4000 + b"\xff"
    given = kind(data)
    await kv.put("key", given)
    if kind is bytearray:
        given[:] = bytes(len(given))

    buffer = await kv.get("key", "arrayBuffer")
    assert isinstance(buffer, memoryview)
    assert buffer.readonly
    assert buffer == data
    assert await kv.get("key") == data.decode("utf-8", "replace")


async def test_a_memoryview_of_other_items_than_bytes_is_its_bytes(kv: KVNamespace) -> None:
    numbers = array.array("I", range(200_000))
    await kv.put("key", memoryview(numbers))

    assert await kv.get("key", "arrayBuffer") == numbers.tobytes()


async def test_large_json_is_parsed(kv: KVNamespace) -> None:
    value = [{"n": number, "ü": "ä" * 10} for number in range(20_000)]
    await kv.put("key", json.dumps(value, ensure_ascii=False))

    assert await kv.get("key", "json") == value
    await kv.put("key", '"' * 500_000)
    with pytest.raises(json.JSONDecodeError):
        await kv.get("key", "json")


@pytest.mark.parametrize("value", ["x" * (MAX_VALUE_BYTES + 3), "ä" * (MAX_VALUE_BYTES // 2 + 2)])
async def test_of_a_text_that_is_too_long_the_whole_length_is_told(
    kv: KVNamespace, value: str
) -> None:
    length = len(value.encode())

    with pytest.raises(KVError) as error:
        await kv.put("key", value)

    assert str(error.value) == (
        f"KV PUT failed: 413 Value length of {length} exceeds limit of {MAX_VALUE_BYTES}."
    )
    assert await kv.get("key") is None
