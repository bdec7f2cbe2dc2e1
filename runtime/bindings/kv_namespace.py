"""KV namespaces: each a part of one store, which one process holds open."""

import asyncio
import logging
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Final

from kvstore import Durability, EngineOptions, KVEngine, KVNamespace, StoreError, open_engine
from runtime.plugins import (
    Binder,
    BindingPlugin,
    Diagnostics,
    HostError,
    HostView,
    RawBinding,
)

__all__ = ["KvNamespacePlugin", "KvNamespaceSpec"]

_KIND: Final = "kv_namespace"
_ENGINE: Final = "leveldb"
_DURABILITIES: Final[Mapping[str, Durability]] = {"sync": "sync", "buffered": "buffered"}
_MAX_ID_BYTES: Final = 254
# How often expired records are freed, and how many at once; nobody sees them meanwhile.
_SWEEP_EVERY_S: Final = 30.0
_SWEEP_STEP: Final = 500

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class KvNamespaceSpec:
    """Which namespace a binding means; `preview_id` stands in its place in local development."""

    id: str
    preview_id: str | None


class KvNamespacePlugin(BindingPlugin[KvNamespaceSpec]):
    """Binds namespaces of one store; equal ids share their data, whichever worker names them.

    `EDGESTEAD_KV_NAMESPACE_ENGINE` chooses the engine, `leveldb` unless set; in tests it is
    `memory`. `EDGESTEAD_KV_NAMESPACE_DURABILITY` is `sync` on a host and `buffered` elsewhere
    unless set.
    """

    kinds = (_KIND,)

    def parse(self, raw: RawBinding, report: Diagnostics) -> KvNamespaceSpec | None:
        """Return the spec; an id that is missing or too long is reported."""
        id_ = raw.fields.get("namespace_id")
        preview_id = raw.fields.get("preview_id")
        for given in (id_,) if preview_id is None else (id_, preview_id):
            if not isinstance(given, str) or not 0 < len(given.encode()) <= _MAX_ID_BYTES:
                report.add_error(
                    f'The KV namespace "{raw.name}" needs an id of 1 to {_MAX_ID_BYTES} bytes, '
                    f"got {given!r}.",
                    raw.position,
                )
                return None
        return KvNamespaceSpec(id=str(id_), preview_id=preview_id)

    @asynccontextmanager
    async def own(self, host: HostView) -> AsyncIterator[KVEngine]:
        """Open the store, and free expired records while it is open."""
        engine_name = "memory" if host.mode == "test" else _ENGINE
        durability = "sync" if host.mode == "host" else "buffered"
        options = EngineOptions(
            folder=host.data_dir(_KIND),
            durability=_checked_durability(host.option(_KIND, "durability", durability)),
            clock=host.now,
        )
        try:
            engine = await open_engine(host.option(_KIND, "engine", engine_name), options)
        except StoreError as error:
            # Going on without the store would look like lost data.
            raise HostError(str(error)) from error
        sweeping = asyncio.create_task(_sweep_for_ever(engine))
        try:
            yield engine
        finally:
            sweeping.cancel()
            with suppress(asyncio.CancelledError):
                await sweeping
            await engine.close()

    @asynccontextmanager
    async def open(self, host: HostView) -> AsyncIterator[Binder[KvNamespaceSpec]]:
        """Use the store that is open."""
        yield _Namespaces(host)


class _Namespaces:
    def __init__(self, host: HostView) -> None:
        self._host = host

    def bind(self, spec: KvNamespaceSpec, worker: str) -> object:
        """Return the namespace."""
        id_ = spec.id
        if self._host.mode == "dev" and spec.preview_id is not None:
            id_ = spec.preview_id
        return KVNamespace(self._host.owner(_KIND), id_, clock=self._host.now)


def _checked_durability(text: str) -> Durability:
    durability = _DURABILITIES.get(text)
    if durability is None:
        known = " or ".join(_DURABILITIES)
        raise HostError(f"EDGESTEAD_KV_NAMESPACE_DURABILITY is {known}, not {text!r}")
    return durability


async def _sweep_for_ever(engine: KVEngine) -> None:
    swept = 0
    while True:
        await asyncio.sleep(0 if swept == _SWEEP_STEP else _SWEEP_EVERY_S)
        try:
            swept = await engine.sweep(_SWEEP_STEP)
        except StoreError as error:
            swept = 0
            logger.error("expired KV records could not be freed: %s", error)
