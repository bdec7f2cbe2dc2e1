"""`import_from_javascript`: the one JavaScript module that has something to offer here."""

from typing import Any, Final

import workers
from workers._host import wait_until
from workers.entrypoints import DurableObject, WorkerEntrypoint, WorkflowEntrypoint

__all__ = ["import_from_javascript"]

_WORKERS: Final = "cloudflare:workers"
_NATIVE_WAYS: Final = {
    "cloudflare:sockets": "open a TCP connection with asyncio.open_connection(host, port)",
    "cloudflare:email": "use the email package of Python's standard library",
}


def import_from_javascript(module_name: str) -> Any:
    """Return the module `cloudflare:workers`: `env`, `waitUntil` and the entrypoint classes.

    Raises ImportError for every other module, naming it and the native way.
    """
    if module_name == _WORKERS:
        return _CloudflareWorkers()
    way = _NATIVE_WAYS.get(module_name)
    if way is None and module_name.startswith("node:"):
        way = "use Python's standard library"
    raise ImportError(
        f"{module_name} has no native equivalent here: it is a JavaScript module; "
        f"{way or 'import a Python module that does the same'}",
        name=module_name,
    )


class _CloudflareWorkers:
    """The module `cloudflare:workers` as far as Python uses it."""

    __slots__ = ()

    DurableObject = DurableObject
    WorkerEntrypoint = WorkerEntrypoint
    WorkflowEntrypoint = WorkflowEntrypoint
    waitUntil = staticmethod(wait_until)

    @property
    def env(self) -> Any:
        """The bindings of the worker that asks."""
        return workers.env

    def __getattr__(self, name: str) -> Any:
        raise AttributeError(f"{_WORKERS} has no {name!r} here")
