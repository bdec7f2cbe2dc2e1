"""The binding kinds that this process has opened."""

import asyncio
import logging
from typing import Any

from runtime._registry import Registry
from runtime.errors import PluginError
from runtime.plugins import Binder, BindingPlugin, HostView

__all__ = ["OpenKinds"]

logger = logging.getLogger(__name__)


class OpenKinds:
    """Each kind is opened on first use; all are closed together, the latest first."""

    def __init__(self, registry: Registry, host: HostView) -> None:
        self._registry = registry
        self._host = host
        self._open: dict[tuple[str, ...], _OpenPlugin] = {}

    def owned(self, kind: str) -> object:
        """Return what the kind's `own()` yielded; raise PluginError where it is not open."""
        plugin = self._registry.plugin(kind)
        opened = None if plugin is None else self._open.get(plugin.kinds)
        if opened is None or not opened.owns:
            raise PluginError(f'the binding kind "{kind}" is not open in this process')
        return opened.owned

    async def binder(self, plugin: BindingPlugin[Any]) -> Binder[Any]:
        """Return the plugin's binder; where opening it fails, raise why, and try anew next time."""
        kinds = plugin.kinds
        opened = self._open.get(kinds)
        if opened is None:
            opened = self._open[kinds] = _OpenPlugin(plugin, self._host)
            opened.task.add_done_callback(lambda _: self._open.pop(kinds, None))
        # Shielded, for another load may wait for the same plugin.
        return await asyncio.shield(opened.binder)

    async def close(self) -> None:
        """Close every kind; what a plugin raises on the way is logged."""
        for opened in reversed(list(self._open.values())):
            await opened.close()


class _OpenPlugin:
    """Holds a plugin's contexts in one task, as task groups and timeouts in them demand."""

    def __init__(self, plugin: BindingPlugin[Any], host: HostView) -> None:
        loop = asyncio.get_running_loop()
        self.binder: asyncio.Future[Binder[Any]] = loop.create_future()
        self.owns = False
        self.owned: object = None
        self._plugin = plugin
        self._host = host
        self._closing = asyncio.Event()
        self.task = loop.create_task(self._hold())

    async def close(self) -> None:
        """Leave the contexts."""
        self._closing.set()
        await asyncio.wait([self.task])

    async def _hold(self) -> None:
        try:
            async with self._plugin.own(self._host) as self.owned:
                self.owns = True
                # Not let through the owner's context, which may put it into a group.
                await self._hold_open()
        except Exception as error:
            self._fail(error)
        finally:
            self.binder.cancel()

    async def _hold_open(self) -> None:
        try:
            async with self._plugin.open(self._host) as binder:
                self.binder.set_result(binder)
                await self._closing.wait()
        except Exception as error:
            self._fail(error)

    def _fail(self, error: Exception) -> None:
        if self.binder.done():
            kinds = ", ".join(self._plugin.kinds)
            logger.error("the plugin of the binding kind %s broke down", kinds, exc_info=error)
            return
        while isinstance(error, ExceptionGroup) and len(error.exceptions) == 1:
            error = error.exceptions[0]
        self.binder.set_exception(error)
