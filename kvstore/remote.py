"""A store that another process holds open, as an engine like any other."""

import asyncio
import os
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator, Sequence
from pathlib import Path
from typing import Final, NamedTuple, TypeVar

import msgspec

from kvstore._cache import ReadCache
from kvstore._expiry import has_expired
from kvstore._link import Link
from kvstore._turns import in_turns
from kvstore._wire import (
    CHUNK_BYTES,
    Answer,
    Beat,
    CloseSnapshot,
    Done,
    Drop,
    Found,
    FoundMany,
    Get,
    GetMany,
    Invalidate,
    Invalidated,
    List,
    Names,
    Namespaces,
    NextRecords,
    OpenSnapshot,
    Page,
    Records,
    Request,
    Sweep,
    WireWrite,
)
from kvstore.engine import Clock, Entry, Operation, Put, Record
from kvstore.errors import EngineClosedError, OwnerUnavailableError

__all__ = ["RemoteEngine", "connect_engine"]

_CACHE_BYTES: Final = 16 * 1024 * 1024
_RETRY_S: Final = 0.05
_RECONNECT_S: Final = 5.0
# What is written beyond these is not sent in one message.
_GROUP: Final = 500
_WRITE_BYTES: Final = 16 * 1024 * 1024
# What the names of a namespace and the rest of a write take in a message, about.
_WRITE_OVERHEAD_BYTES: Final = 300

A = TypeVar("A", bound=Answer)


async def connect_engine(
    socket_path: Path,
    *,
    cache_bytes: int = _CACHE_BYTES,
    reconnect_s: float = _RECONNECT_S,
    clock: Clock = time.time,
) -> "RemoteEngine":
    """Connect to the process that owns a store.

    `cache_bytes` bounds what is kept of what was read; 0 keeps nothing. When the owner goes away,
    calls wait up to `reconnect_s` seconds for it to come back. `clock` is that of the owner. Raises
    OwnerUnavailableError where nobody answers, FormatTooNewError where the owner speaks another
    version.
    """
    engine = RemoteEngine(
        socket_path, cache_bytes=cache_bytes, reconnect_s=reconnect_s, clock=clock
    )
    await engine.connect()
    return engine


class RemoteEngine:
    """Asks the owner; many requests are under way at once, and reads are kept for a while.

    When the connection breaks, reads are asked again. A write whose answer is missing may have been
    carried out or not: it raises OwnerUnavailableError, and its caller decides. A write that is
    cancelled raises when the owner has answered it or is gone.
    """

    def __init__(
        self, socket_path: Path, *, cache_bytes: int, reconnect_s: float, clock: Clock
    ) -> None:
        self._path = socket_path
        self._clock = clock
        self._reconnect_s = reconnect_s
        self._cache = ReadCache(cache_bytes) if cache_bytes else None
        self._trusted_until = 0.0
        self._link: Link | None = None
        self._connecting = asyncio.Lock()
        self._closed = False
        self._pid = os.getpid()

    async def connect(self) -> None:
        """Connect now, without trying again."""
        async with self._connecting:
            self._link = await self._open_link()

    async def get(self, namespace: str, key: bytes) -> Record | None:
        """Return the record of a key; from what is kept, where that can be trusted."""
        self._require_open()
        if self._cache is not None and self._is_trusted():
            known, record = self._cache.find(namespace, key)
            if known and (record is None or not has_expired(record.expiration, self._clock())):
                return record
        link, found = await self._read(lambda id_: Get(id_, namespace, key), Found)
        return link.record_of(found.record)

    async def get_many(self, namespace: str, keys: Sequence[bytes]) -> Sequence[Record | None]:
        """Return the records of several keys."""
        self._require_open()
        link, found = await self._read(lambda id_: GetMany(id_, namespace, [*keys]), FoundMany)
        return [link.record_of(record) for record in found.records]

    async def write(self, operations: Sequence[Operation]) -> None:
        """Carry out puts and deletes; large values are sent in chunks as the owner takes them."""
        self._require_open()
        if not operations:
            return
        prepared: list[_Prepared] = []
        async for part in in_turns(operations, _GROUP):
            prepared += [await _prepared(operation) for operation in part]
        for group in _groups(_as_sent(prepared)):
            link = await self._linked()
            streams: dict[int, AsyncIterator[bytes]] = {}
            writes = [one.write for one in group]
            for index, one in enumerate(group):
                if one.rest is not None:
                    number = next(link.numbers)
                    streams[number] = one.rest
                    writes[index] = msgspec.structs.replace(one.write, value=number)
            await link.write(writes, streams)

    async def list(
        self, namespace: str, prefix: bytes, after: bytes | None, limit: int
    ) -> tuple[Sequence[Entry], bool]:
        """Return a page of keys."""
        self._require_open()
        _, page = await self._read(lambda id_: List(id_, namespace, prefix, after, limit), Page)
        return page.entries, page.more

    async def snapshot(self, namespace: str) -> AsyncGenerator[tuple[bytes, Record], None]:
        """Iterate over the records of a namespace as they stand now."""
        self._require_open()
        link, opened = await self._read(lambda id_: OpenSnapshot(id_, namespace), Done)
        number = opened.count
        try:
            while True:
                # Of another connection it would be another moment, so there is no second try.
                found = await link.ask(lambda id_: NextRecords(id_, number), Records)
                for key, wired in found.records:
                    record = link.record_of(wired)
                    assert record is not None  # there is one
                    yield key, record
                if not found.records:
                    return
        finally:
            link.connection.send(CloseSnapshot(number))

    async def namespaces(self) -> Sequence[str]:
        """Return the namespaces that hold something."""
        self._require_open()
        _, names = await self._read(Namespaces, Names)
        return names.names

    async def drop(self, namespace: str) -> None:
        """Remove a namespace."""
        self._require_open()
        await (await self._linked()).ask(lambda id_: Drop(id_, namespace), Done)

    async def sweep(self, limit: int) -> int:
        """Free expired records."""
        self._require_open()
        return (await (await self._linked()).ask(lambda id_: Sweep(id_, limit), Done)).count

    async def close(self) -> None:
        """End the connection; the store stays open in its owner."""
        if os.getpid() != self._pid:
            # What a fork has inherited is its parent's.
            return
        self._closed = True
        async with self._connecting:
            if self._link is not None:
                await self._link.close()

    # Links

    def _is_trusted(self) -> bool:
        """Tell whether what is kept is still what stands in the store."""
        link = self._link
        return link is not None and not link.is_lost and time.monotonic() < self._trusted_until

    async def _read(self, request: Callable[[int], Request], answer: type[A]) -> tuple[Link, A]:
        give_up_at = time.monotonic() + self._reconnect_s
        while True:
            link = await self._linked()
            try:
                return link, await link.ask(request, answer)
            except OwnerUnavailableError:
                if self._closed or time.monotonic() >= give_up_at:
                    raise
                await asyncio.sleep(_RETRY_S)

    async def _linked(self) -> Link:
        link = self._link
        if link is not None and not link.is_lost:
            return link
        # For those that wait for their turn, too.
        give_up_at = time.monotonic() + self._reconnect_s
        async with self._connecting:
            link = self._link
            if link is not None and not link.is_lost:
                return link
            while True:
                self._require_open()
                try:
                    self._link = await self._open_link()
                except OwnerUnavailableError:
                    if time.monotonic() >= give_up_at:
                        raise
                    await asyncio.sleep(_RETRY_S)
                else:
                    return self._link

    async def _open_link(self) -> Link:
        # Whatever was kept is of another connection: nobody has told what was written since.
        self._trusted_until = 0.0
        if self._cache is not None:
            self._cache.clear()
        link = Link(self._path, self._on_push)
        await link.open(caches=self._cache is not None)
        return link

    def _on_push(
        self, link: Link, message: Beat | Invalidate | Found, request: Request | None
    ) -> None:
        """Keep, trust or forget, in the order in which the owner said so."""
        cache = self._cache
        if cache is None:
            return
        if isinstance(message, Beat):
            self._trusted_until = message.trusted_until
        elif isinstance(message, Invalidate):
            for namespace, key in message.keys:
                cache.forget(namespace, key)
            if not message.keys:
                cache.clear()
            link.connection.send(Invalidated(message.number))
        elif message.may_cache and isinstance(request, Get):
            found = message.record
            if found is None or isinstance(found.value, bytes):
                cache.keep(request.namespace, request.key, link.record_of(found))

    def _require_open(self) -> None:
        if self._closed:
            raise EngineClosedError(f"the connection to the KV store at {self._path} is closed")
        if os.getpid() != self._pid:
            raise EngineClosedError(
                f"the connection to the KV store at {self._path} was opened by process "
                f"{self._pid}, of which this one is a fork; connect after forking"
            )


class _Prepared(NamedTuple):
    """One operation as it is sent; with `rest`, its value follows in chunks."""

    write: WireWrite
    rest: AsyncIterator[bytes] | None = None


async def _prepared(operation: Operation) -> _Prepared:
    if not isinstance(operation, Put):
        return _Prepared(WireWrite(operation.namespace, operation.key))
    namespace, key, value, metadata, expiration = operation
    write = WireWrite(namespace, key, b"", metadata, expiration)
    chunks = _single(value) if isinstance(value, bytes) else value
    head = bytearray()
    async for chunk in chunks:
        head += chunk
        if len(head) > CHUNK_BYTES:
            return _Prepared(write, _chain(bytes(head), chunks))
    return _Prepared(msgspec.structs.replace(write, value=bytes(head)))


def _as_sent(prepared: Sequence[_Prepared]) -> Sequence[_Prepared]:
    """Send values in chunks from where they are too much for one message."""
    size = 0
    sent: list[_Prepared] = []
    for one in prepared:
        value = one.write.value
        if one.rest is None and isinstance(value, bytes):
            size += len(value)
            if size > _WRITE_BYTES:
                one = _Prepared(one.write, _single(value))
        sent.append(one)
    return sent


def _groups(prepared: Sequence[_Prepared]) -> Iterator[Sequence[_Prepared]]:
    """Cut what is to be written into parts that fit in a message, and take the owner little time.

    Where a value is still to be read they are not cut: when
    reading it fails, nothing is to be stored.
    """
    if any(one.rest is not None for one in prepared):
        yield prepared
        return
    group: list[_Prepared] = []
    size = 0
    for one in prepared:
        group.append(one)
        write = one.write
        value_bytes = len(write.value) if isinstance(write.value, bytes) else 0
        size += len(write.key) + len(write.metadata or b"") + value_bytes + _WRITE_OVERHEAD_BYTES
        if size > _WRITE_BYTES or len(group) == _GROUP:
            yield group
            group, size = [], 0
    if group:
        yield group


async def _single(value: bytes) -> AsyncIterator[bytes]:
    yield value


async def _chain(head: bytes, rest: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    yield head
    async for chunk in rest:
        yield chunk
