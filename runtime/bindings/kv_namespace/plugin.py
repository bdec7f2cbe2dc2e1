"""The plugin: KV namespaces on `env`, and the commands `runtime kv` and `runtime migrate`."""

import asyncio
import logging
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from typing import TYPE_CHECKING, Final

from kvstore import KVEngine, KVNamespace, StoreError
from runtime.bindings.kv_namespace.spec import KIND, KvNamespaceSpec, meant_id, parse_spec
from runtime.bindings.kv_namespace.stores import open_store, shared_store
from runtime.plugins import (
    Binder,
    BindingPlugin,
    CommandHosts,
    Diagnostics,
    HostError,
    HostView,
    RawBinding,
)

if TYPE_CHECKING:
    import typer

__all__ = ["KvNamespacePlugin"]

# How often expired records are freed, and how many at once; nobody sees them meanwhile.
_SWEEP_EVERY_S: Final = 5.0
_SWEEP_STEP: Final = 500

logger = logging.getLogger(__name__)


class KvNamespacePlugin(BindingPlugin[KvNamespaceSpec]):
    """Binds namespaces of one store; equal ids share their data, whichever worker names them.

    `EDGESTEAD_KV_NAMESPACE_ENGINE` chooses the engine, `leveldb` unless set; in tests it is
    `memory`. `EDGESTEAD_KV_NAMESPACE_DURABILITY` is `sync` on a host and `buffered` elsewhere
    unless set.
    """

    kinds = (KIND,)

    def parse(self, raw: RawBinding, report: Diagnostics) -> KvNamespaceSpec | None:
        """Return the spec; an id that is missing or too long is reported."""
        return parse_spec(raw, report)

    @asynccontextmanager
    async def own(self, host: HostView) -> AsyncIterator[KVEngine]:
        """Open the store, share it except in tests, and free expired records meanwhile."""
        try:
            engine = await open_store(host)
        except StoreError as error:
            # Going on without the store would look like lost data.
            raise HostError(str(error)) from error
        async with AsyncExitStack() as stack:
            stack.push_async_callback(engine.close)
            await stack.enter_async_context(_sweeping(engine))
            if host.mode != "test":
                engine = await stack.enter_async_context(shared_store(engine, host))
            yield engine

    @asynccontextmanager
    async def open(self, host: HostView) -> AsyncIterator[Binder[KvNamespaceSpec]]:
        """Use the store that is open."""
        yield _Namespaces(host)

    def commands(self, hosts: CommandHosts) -> "Mapping[str, typer.Typer]":
        """Return `kv`, in wrangler's words, and `migrate`."""
        from runtime.bindings.kv_namespace.commands import kv_commands
        from runtime.bindings.kv_namespace.migrations import migrate_commands

        return {"kv": kv_commands(hosts), "migrate": migrate_commands(hosts)}


class _Namespaces:
    def __init__(self, host: HostView) -> None:
        self._host = host

    def bind(self, spec: KvNamespaceSpec, worker: str) -> object:
        """Return the namespace."""
        id_ = meant_id(spec, self._host.mode)
        return KVNamespace(self._host.owner(KIND), id_, clock=self._host.now)


@asynccontextmanager
async def _sweeping(engine: KVEngine) -> AsyncIterator[None]:
    task = asyncio.create_task(_sweep_for_ever(engine))
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def _sweep_for_ever(engine: KVEngine) -> None:
    swept = 0
    while True:
        await asyncio.sleep(0 if swept == _SWEEP_STEP else _SWEEP_EVERY_S)
        try:
            swept = await engine.sweep(_SWEEP_STEP)
        except StoreError as error:
            swept = 0
            logger.error("expired KV records could not be freed: %s", error)
