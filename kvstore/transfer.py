"""Copies of namespaces as JSON lines, in the shape of `wrangler kv bulk put`.

One object a line: `key`, `value`, and where there are any `expiration` (seconds since the epoch)
and `metadata`. A value that is not UTF-8 text is base64 and says so by `"base64": true`. What
wrangler itself reads, one JSON array of such objects, is read as well.
"""

import asyncio
import base64
import codecs
import json
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any, BinaryIO, Final

from kvstore._expiry import has_expired
from kvstore._text import utf8
from kvstore._turns import in_turns
from kvstore._values import metadata_json
from kvstore.engine import Clock, KVEngine, Operation, Put, Record
from kvstore.errors import ImportFormatError, StoreError
from kvstore.limits import (
    MAX_VALUE_BYTES,
    check_value_size,
    checked_expiration,
    checked_key,
    whole_number,
)

__all__ = ["ImportResult", "OnProgress", "export_namespace", "import_file"]

# How much is written in one call, so that one that fails has done little.
_BATCH_RECORDS: Final = 500
_BATCH_BYTES: Final = 4 * 1024 * 1024
# What is written of a copy before other tasks get their turn.
_EXPORT_BYTES: Final = 64 * 1024
_CHUNKS_AT_ONCE: Final = 4
# Base64 of the largest value, with its key and metadata escaped in the worst way.
_MAX_LINE_BYTES: Final = 6 * MAX_VALUE_BYTES
_FIELDS: Final = frozenset({"base64", "expiration", "expiration_ttl", "key", "metadata", "value"})

OnProgress = Callable[[int], None]
"""Is told how many records are done so far."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportResult:
    """What became of a file: `expired` records were not written, for they are gone."""

    written: int
    expired: int


async def export_namespace(
    engine: KVEngine, namespace: str, file: BinaryIO, *, on_progress: OnProgress | None = None
) -> int:
    """Write a namespace as it stands now to `file`; return the number of records.

    Writes meanwhile change nothing. Raises CorruptRecordError, naming the key, where a record is
    not what was written.
    """
    count = 0
    async with aclosing(engine.snapshot(namespace)) as snapshot:
        size = 0
        async for key, record in snapshot:
            async for piece in _line(key, record):
                size += file.write(piece)
                if size > _EXPORT_BYTES:
                    # Other tasks run in between.
                    size = 0
                    await asyncio.sleep(0)
            count += 1
            if on_progress is not None:
                on_progress(count)
    return count


async def import_file(
    engine: KVEngine,
    namespace: str,
    file: BinaryIO,
    *,
    clock: Clock,
    on_progress: OnProgress | None = None,
) -> ImportResult:
    """Write the records of `file` into a namespace, over those that have the same keys.

    The whole file is checked first: where ImportFormatError is raised, nothing has been written.
    `file` is read twice, so it must be seekable. What an export wrote keeps its expiration even if
    that is less than a minute away.
    """
    start = file.tell()
    for number, _ in enumerate(_records(file, clock)):
        if number % _BATCH_RECORDS == 0:
            # A large file takes seconds, in which other tasks run, and the import can be cancelled.
            await asyncio.sleep(0)
    file.seek(start)
    written = expired = 0
    batch: list[Operation] = []
    size = 0
    for key, record in _records(file, clock):
        if has_expired(record.expiration, clock()):
            expired += 1
            continue
        value = record.value
        assert isinstance(value, bytes)  # it stands in the file
        batch.append(Put(namespace, key, value, record.metadata, record.expiration))
        size += len(value)
        if len(batch) == _BATCH_RECORDS or size >= _BATCH_BYTES:
            written += await _write(engine, batch)
            size = 0
            if on_progress is not None:
                on_progress(written + expired)
    written += await _write(engine, batch)
    if on_progress is not None:
        on_progress(written + expired)
    return ImportResult(written=written, expired=expired)


async def _write(engine: KVEngine, batch: list[Operation]) -> int:
    await engine.write(batch)
    count = len(batch)
    batch.clear()
    return count


async def _line(key: bytes, record: Record) -> AsyncIterator[bytes]:
    """Yield the line of a record in pieces: a large one takes long."""
    value = record.value
    chunks = [value] if isinstance(value, bytes) else [chunk async for chunk in value]
    is_text = await _is_text(chunks)
    start = json.dumps({"key": key.decode(), "value": ""}, ensure_ascii=False)
    yield start.removesuffix('"}').encode()
    for piece in _as_json(chunks) if is_text else _as_base64(chunks):
        yield piece
    end = '"' if is_text else '", "base64": true'
    if record.expiration is not None:
        end += f', "expiration": {record.expiration}'
    if record.metadata is not None:
        # It is JSON already, and stays as it is.
        end += f', "metadata": {record.metadata.decode()}'
    yield f"{end}}}\n".encode()


async def _is_text(chunks: Sequence[bytes]) -> bool:
    decoder = codecs.getincrementaldecoder("utf-8")()
    try:
        async for part in in_turns(chunks, _CHUNKS_AT_ONCE):
            for chunk in part:
                decoder.decode(chunk)
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return False
    return True


def _as_json(chunks: Sequence[bytes]) -> Iterator[bytes]:
    """Yield what stands between the quotes."""
    for text in codecs.iterdecode(chunks, "utf-8"):
        yield json.dumps(text, ensure_ascii=False)[1:-1].encode()


def _as_base64(chunks: Sequence[bytes]) -> Iterator[bytes]:
    rest = b""
    for chunk in chunks:
        data = rest + chunk
        # Three bytes at a time, or there would be padding in the middle.
        end = len(data) // 3 * 3
        yield base64.b64encode(data[:end])
        rest = data[end:]
    yield base64.b64encode(rest)


def _records(file: BinaryIO, clock: Clock) -> Iterator[tuple[bytes, Record]]:
    """Read keys and records; raise ImportFormatError for what cannot be stored."""
    for line, item in _items(file):
        try:
            yield _record(item, clock)
        except (StoreError, TypeError, ValueError) as error:
            raise ImportFormatError(line, str(error)) from None


def _items(file: BinaryIO) -> Iterator[tuple[int, Any]]:
    """Read the objects of JSON lines, or of one JSON array, each with its line."""
    for number, line in enumerate(_lines(file), start=1):
        text = line.strip().removeprefix(b"\xef\xbb\xbf")
        if not text:
            continue
        if number == 1 and text.startswith(b"["):
            yield from _array_items(line + file.read())
            return
        yield number, _parsed(number, text)


def _lines(file: BinaryIO) -> Iterator[bytes]:
    while line := file.readline(_MAX_LINE_BYTES):
        yield line


def _array_items(data: bytes) -> Iterator[tuple[int, Any]]:
    for item in _parsed(1, data):
        yield 1, item


def _parsed(line: int, data: bytes) -> Any:
    try:
        return json.loads(data)
    except (ValueError, RecursionError) as error:
        # The text itself may be a secret, so only the place is told.
        place = f" at column {error.colno}" if isinstance(error, json.JSONDecodeError) else ""
        raise ImportFormatError(line, f"it is not JSON{place}") from None


def _record(item: Any, clock: Clock) -> tuple[bytes, Record]:
    if not isinstance(item, Mapping):
        raise ValueError("it is not an object with key and value")
    unknown = sorted(set(item) - _FIELDS)
    if unknown:
        raise ValueError(f"it has the unknown field {unknown[0]!r}")
    for field in ("key", "value"):
        if not isinstance(item.get(field), str):
            raise ValueError(f"its {field!r} is not a text")
    key = checked_key(item["key"], "PUT")
    value = utf8(item["value"])
    if item.get("base64"):
        value = base64.b64decode(value, validate=True)
    check_value_size(len(value))
    return key, Record(value, metadata_json(item.get("metadata")), _expiration(item, clock))


def _expiration(item: Mapping[str, Any], clock: Clock) -> int | None:
    ttl, at = item.get("expiration_ttl"), item.get("expiration")
    if ttl is not None:
        return checked_expiration(None, ttl, clock())
    if at is None:
        return None
    expiration = whole_number(at)
    if expiration is None or expiration <= 0:
        raise ValueError("its 'expiration' is not a number of seconds since the epoch")
    return expiration
