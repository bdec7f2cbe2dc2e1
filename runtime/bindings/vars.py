"""`vars`: texts and JSON values of the config, as they are."""

import copy
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from runtime.plugins import Binder, BindingPlugin, Diagnostics, HostView, RawBinding

__all__ = ["VarsPlugin"]


class VarsPlugin(BindingPlugin[Any]):
    """Puts configured values on `env`: a text as `str`, anything else as parsed JSON."""

    kinds = ("plain_text", "json")

    def parse(self, raw: RawBinding, report: Diagnostics) -> Any:
        """Return the value; a text that is not a string is reported."""
        key = "text" if raw.type == "plain_text" else "json"
        value = raw.fields.get(key)
        if raw.type == "plain_text" and not isinstance(value, str):
            report.add_error(f'"{raw.name}" needs a text, got {value!r}.', raw.position)
            return None
        return value

    @asynccontextmanager
    async def open(self, host: HostView) -> AsyncIterator[Binder[Any]]:
        """Open nothing: values need no resource."""
        yield _Values()


class _Values:
    def bind(self, spec: Any, worker: str) -> object:
        """Return a copy, so that no worker changes what another one, or a reload, sees."""
        return copy.deepcopy(spec)
