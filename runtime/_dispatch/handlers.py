"""Finding a worker's handlers in its main module, and how each wants to be called."""

import inspect
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any

from runtime.errors import WorkerLoadError
from runtime.events import EVENT_HANDLERS
from workers import WorkerEntrypoint

__all__ = ["Entrypoint", "Handlers", "find_handlers"]

# The event, env and ctx.
_MOST_ARGUMENTS = 3

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Entrypoint:
    """An entrypoint class: its RPC methods, and how many of `(event, env, ctx)` handlers take."""

    name: str
    type: type[WorkerEntrypoint]
    arity: Mapping[str, int]
    methods: frozenset[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Handlers:
    """What a main module offers: entrypoint classes by name, and functions by event.

    There are functions only where no entrypoint is named `Default`.
    """

    entrypoints: Mapping[str, Entrypoint]
    functions: Mapping[str, tuple[Callable[..., Any], int]] = field(default_factory=dict)


def find_handlers(worker: str, module: ModuleType, file: str) -> Handlers:
    """Find the entrypoint classes and `on_…` functions of a main module.

    `Default` wins over `on_fetch`, with a warning. Raises WorkerLoadError where neither stands.
    """
    entrypoints = {
        name: _entrypoint(name, value)
        for name, value in vars(module).items()
        if isinstance(value, type)
        and issubclass(value, WorkerEntrypoint)
        and value is not WorkerEntrypoint
        and not name.startswith("_")
    }
    functions = {
        event: (function, min(_arity(function), _MOST_ARGUMENTS))
        for event in sorted(EVENT_HANDLERS)
        if callable(function := vars(module).get(f"on_{event}"))
    }
    if "Default" in entrypoints and functions:
        names = ", ".join(f"on_{event}" for event in functions)
        logger.warning('worker "%s": class Default is used, %s ignored (%s)', worker, names, file)
        functions = {}
    if "Default" in vars(module) and "Default" not in entrypoints:
        raise WorkerLoadError(
            worker, "Default must be a class that extends workers.WorkerEntrypoint", file=file
        )
    if not entrypoints and not functions:
        raise WorkerLoadError(
            worker,
            "its main module defines no handler; add `class Default(WorkerEntrypoint)` with "
            "`async def fetch(self, request)`",
            file=file,
        )
    return Handlers(entrypoints=entrypoints, functions=functions)


def _entrypoint(name: str, entrypoint_type: type[WorkerEntrypoint]) -> Entrypoint:
    members = _own_members(entrypoint_type)
    arity = {
        event: min(_arity(getattr(entrypoint_type, event)) - _takes_self(member), _MOST_ARGUMENTS)
        for event, member in members.items()
        if event in EVENT_HANDLERS and callable(getattr(entrypoint_type, event))
    }
    methods = frozenset(
        method
        for method, member in members.items()
        if method not in EVENT_HANDLERS
        and not method.startswith("_")
        and not isinstance(member, type)
        and callable(getattr(entrypoint_type, method))
    )
    return Entrypoint(name=name, type=entrypoint_type, arity=arity, methods=methods)


def _own_members(entrypoint_type: type[WorkerEntrypoint]) -> dict[str, object]:
    """Return what the class and its bases say beyond what every entrypoint has."""
    members: dict[str, object] = {}
    for base in reversed(entrypoint_type.__mro__):
        if base not in WorkerEntrypoint.__mro__:
            members.update(vars(base))
    return members


def _takes_self(member: object) -> bool:
    return not isinstance(member, staticmethod | classmethod)


def _arity(function: Callable[..., Any]) -> int:
    """Count the positional arguments that `function` accepts.

    A wrapper that passes on whatever it gets is called as what it wraps wants to be.
    """
    own = _positional_count(inspect.signature(function, follow_wrapped=False))
    if own is None:
        own = _positional_count(inspect.signature(function))
    return _MOST_ARGUMENTS + 1 if own is None else own


def _positional_count(signature: inspect.Signature) -> int | None:
    """Return how many positional arguments there are, None where there may be any number."""
    count = 0
    for parameter in signature.parameters.values():
        if parameter.kind is parameter.VAR_POSITIONAL:
            return None
        if parameter.kind in (parameter.POSITIONAL_ONLY, parameter.POSITIONAL_OR_KEYWORD):
            count += 1
    return count
