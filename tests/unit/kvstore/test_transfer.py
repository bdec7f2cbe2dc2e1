"""Export and import as JSON lines."""

import asyncio
import base64
import io
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kvstore import EngineOptions, KVEngine, KVNamespace, Put, open_engine
from kvstore.errors import ImportFormatError
from kvstore.testing import FakeClock
from kvstore.transfer import ImportResult, export_namespace, import_file


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture(params=["memory", "leveldb"])
async def engine(
    request: pytest.FixtureRequest, tmp_path: Path, clock: FakeClock
) -> AsyncIterator[KVEngine]:
    engine = await open_engine(request.param, EngineOptions(folder=tmp_path, clock=clock))
    yield engine
    await engine.close()


def lines(*items: Any) -> io.BytesIO:
    return io.BytesIO(b"".join(json.dumps(item).encode() + b"\n" for item in items))


async def test_an_export_has_a_line_a_record(engine: KVEngine, clock: FakeClock) -> None:
    kv = KVNamespace(engine, "ns", clock=clock)
    at = int(clock()) + 100
    await kv.put("ä", "text\n", metadata={"ü": [1, None]}, expirationTtl=100)
    await kv.put("binary", b"\xff\x00")
    await kv.put("empty", "", metadata=0)
    seen: list[int] = []
    file = io.BytesIO()

    count = await export_namespace(engine, "ns", file, on_progress=seen.append)

    assert count == 3
    assert seen == [1, 2, 3]
    assert file.getvalue().decode().splitlines() == [
        '{"key": "binary", "value": "/wA=", "base64": true}',
        '{"key": "empty", "value": "", "metadata": 0}',
        f'{{"key": "ä", "value": "text\\n", "expiration": {at}, "metadata": {{"ü":[1,null]}}}}',
    ]


@given(
    st.dictionaries(
        st.text(min_size=1, max_size=20).filter(lambda key: key not in (".", "..")),
        st.tuples(
            st.binary(max_size=40),
            st.none() | st.integers() | st.lists(st.text(max_size=5), max_size=3),
            st.none() | st.integers(60, 10**9),
        ),
        max_size=20,
    )
)
@settings(
    max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
async def test_what_was_exported_is_imported_as_it_was(
    engine: KVEngine, clock: FakeClock, data: dict[str, tuple[bytes, Any, int | None]]
) -> None:
    for name in ("from", "to"):
        await engine.drop(name)
    source = KVNamespace(engine, "from", clock=clock)
    for key, (value, metadata, ttl) in data.items():
        await source.put(key, value, metadata=metadata, expirationTtl=ttl)
    file = io.BytesIO()
    await export_namespace(engine, "from", file)
    exported = file.getvalue()
    file.seek(0)

    result = await import_file(engine, "to", file, clock=clock)
    again = io.BytesIO()
    await export_namespace(engine, "to", again)

    assert result == ImportResult(written=len(data), expired=0)
    assert again.getvalue() == exported


async def test_large_values_and_many_records_pass(engine: KVEngine, clock: FakeClock) -> None:
    await engine.write([Put("ns", b"large", bytes(range(256)) * 10_000)])
    await engine.write([Put("ns", b"%05d" % n, b"v") for n in range(1200)])
    file = io.BytesIO()
    await export_namespace(engine, "ns", file)
    file.seek(0)
    seen: list[int] = []

    result = await import_file(engine, "to", file, clock=clock, on_progress=seen.append)

    assert result.written == 1201
    assert seen == sorted(seen)
    assert seen[-1] == 1201
    value = await KVNamespace(engine, "to").get("large", "arrayBuffer")
    assert value == bytes(range(256)) * 10_000


async def test_wranglers_own_bulk_file_is_read(engine: KVEngine, clock: FakeClock) -> None:
    items = [
        {"key": "a", "value": "1", "expiration_ttl": 60},
        {"key": "b", "value": base64.b64encode(b"\xff").decode(), "base64": True},
        {"key": "c", "value": "3", "metadata": {"m": 1}, "expiration": int(clock()) + 5},
    ]
    file = io.BytesIO(b"\xef\xbb\xbf" + json.dumps(items, indent=2).encode())

    await import_file(engine, "ns", file, clock=clock)

    kv = KVNamespace(engine, "ns", clock=clock)
    assert (await kv.list())["keys"] == [
        {"name": "a", "expiration": int(clock()) + 60},
        {"name": "b"},
        {"name": "c", "expiration": int(clock()) + 5, "metadata": {"m": 1}},
    ]
    assert bytes(await kv.get("b", "arrayBuffer")) == b"\xff"


async def test_what_has_expired_is_counted_and_not_written(
    engine: KVEngine, clock: FakeClock
) -> None:
    file = lines({"key": "a", "value": "1", "expiration": 5}, {"key": "b", "value": "2"})

    result = await import_file(engine, "ns", file, clock=clock)

    assert result == ImportResult(written=1, expired=1)
    assert await engine.get("ns", b"a") is None


@pytest.mark.parametrize(
    ("line", "fault"),
    [
        ("{oops", "it is not JSON at column 2"),
        ("[1]", "it is not an object with key and value"),
        ('"text"', "it is not an object with key and value"),
        ('{"key": "a"}', "its 'value' is not a text"),
        ('{"key": 1, "value": "v"}', "its 'key' is not a text"),
        ('{"key": "", "value": "v"}', "Key name cannot be empty."),
        ('{"key": "..", "value": "v"}', '".." is not allowed as a key name.'),
        ('{"key": "a", "value": "v", "ttl": 5}', "it has the unknown field 'ttl'"),
        ('{"key": "a", "value": "?", "base64": true}', "Only base64 data is allowed"),
        ('{"key": "a", "value": "v", "expiration": "soon"}', "its 'expiration' is not a number"),
        ('{"key": "a", "value": "v", "expiration": true}', "its 'expiration' is not a number"),
        ('{"key": "a", "value": "v", "expiration": 1e30}', "its 'expiration' is not a number"),
        (
            json.dumps({"key": "a", "value": "v", "expiration": 2**64}),
            "'expiration' is not a number",
        ),
        ('{"key": "a", "value": "v", "expiration": 0}', "its 'expiration' is not a number"),
        ('{"key": "a", "value": ' + "[" * 100_000, "it is not JSON"),
        ('{"key": "a", "value": "v", "expiration_ttl": 5}', "must be at least 60"),
        (json.dumps({"key": "a", "value": "v", "metadata": "m" * 1023}), "exceeds limit of 1024"),
        (json.dumps({"key": "k" * 513, "value": "v"}), "exceeds key length limit of 512"),
    ],
)
async def test_a_bad_line_is_named_and_nothing_is_written(
    engine: KVEngine, clock: FakeClock, line: str, fault: str
) -> None:
    file = io.BytesIO(b'{"key": "good", "value": "v"}\n\n' + line.encode() + b"\n")

    with pytest.raises(ImportFormatError) as error:
        await import_file(engine, "ns", file, clock=clock)

    assert str(error.value).startswith("line 3: ")
    assert fault in str(error.value)
    assert error.value.line == 3
    assert await engine.get("ns", b"good") is None


async def test_a_bad_array_or_bytes_that_are_no_text_are_told(
    engine: KVEngine, clock: FakeClock
) -> None:
    for data, fault in [(b"[{]", "it is not JSON"), (b'{"key": "\xff"}', "it is not JSON")]:
        with pytest.raises(ImportFormatError, match=fault):
            await import_file(engine, "ns", io.BytesIO(data), clock=clock)


async def test_progress_need_not_be_asked_for(engine: KVEngine, clock: FakeClock) -> None:
    file = lines(*[{"key": f"{number:04}", "value": "v"} for number in range(700)])

    result = await import_file(engine, "ns", file, clock=clock)

    assert result.written == 700
    entries, _ = await engine.list("ns", b"", None, 1000)
    assert len(entries) == 700


async def test_an_import_can_be_cancelled_while_its_file_is_checked(
    engine: KVEngine, clock: FakeClock
) -> None:
    lines = b"".join(b'{"key": "%d", "value": "v"}\n' % number for number in range(5000))
    file = io.BytesIO(lines)
    importing = asyncio.create_task(import_file(engine, "ns", file, clock=clock))
    await asyncio.sleep(0)

    importing.cancel()
    await asyncio.wait([importing])

    assert importing.cancelled()
    assert 0 < file.tell() < len(lines)
    assert await engine.namespaces() == []
