"""What a worker's main module defines: entrypoint classes, or handler functions."""

from collections.abc import Callable
from typing import Any, TypeVar

from workers.types import Context

__all__ = ["DurableObject", "WorkerEntrypoint", "WorkflowEntrypoint", "handler"]

_F = TypeVar("_F", bound=Callable[..., Any])


class WorkerEntrypoint:
    """Base class of an entrypoint; the runtime makes one object an invocation.

    A subclass named `Default` answers requests. `fetch`, `scheduled`, `queue`, `email`, `tail` and
    `test` are event handlers; every other public method can be called through a service binding.
    """

    ctx: Context
    env: Any

    def __init__(self, ctx: Context, env: Any) -> None:
        self.ctx = ctx
        self.env = env


class DurableObject:
    """Base class of a Durable Object; the name can be imported, objects come with version 0.3."""

    ctx: Any
    env: Any

    def __init__(self, ctx: Any, env: Any) -> None:
        raise NotImplementedError("Durable Objects come with edgestead 0.3")


class WorkflowEntrypoint:
    """Base class of a workflow; the name can be imported, workflows come with version 0.3."""

    ctx: Any
    env: Any

    def __init__(self, ctx: Any, env: Any) -> None:
        raise NotImplementedError("Workflows come with edgestead 0.3")


def handler(func: _F) -> _F:
    """Mark a module function (`on_fetch`, `on_scheduled`, …) as a handler.

    On Cloudflare this converts JavaScript arguments. Here arguments are native already, so the
    function is returned as it is.
    """
    return func
