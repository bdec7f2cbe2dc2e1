"""`runtime kv namespace`: which namespaces there are."""

import asyncio
from collections.abc import Sequence

from runtime.bindings.kv_namespace.choosing import specs_of
from runtime.bindings.kv_namespace.output import JsonWriter, json_text
from runtime.bindings.kv_namespace.stores import reach_store
from runtime.plugins import HostView

__all__ = ["list_namespaces"]


def list_namespaces(host: HostView) -> None:
    """List namespaces as JSON.

    They are those that configs bind, and those in which there is something.
    """
    titles: dict[str, str] = {}
    for raw, spec in specs_of(host):
        titles.setdefault(spec.id, f"{raw.worker}-{raw.name}")
        if spec.preview_id is not None:
            titles.setdefault(spec.preview_id, f"{raw.worker}-{raw.name}_preview")
    for id_ in asyncio.run(_stored(host)):
        titles.setdefault(id_, id_)
    namespaces = JsonWriter("[]")
    for id_, title in sorted(titles.items(), key=lambda one: one[1]):
        namespaces.add(json_text({"id": id_, "title": title, "supports_url_encoding": True}))
    namespaces.end()


async def _stored(host: HostView) -> Sequence[str]:
    async with reach_store(host) as engine:
        return await engine.namespaces()
