"""Which local state, and which namespace in it, the options of a command mean."""

import inspect
import sys
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Concatenate

import typer

from kvstore import KVNamespace
from runtime.bindings.kv_namespace.output import quoted
from runtime.bindings.kv_namespace.spec import (
    KIND,
    MAX_ID_BYTES,
    KvNamespaceSpec,
    is_id,
    meant_id,
    parse_spec,
)
from runtime.bindings.kv_namespace.stores import reach_store
from runtime.plugins import CommandHosts, Diagnostics, HostError, HostView, RawBinding

__all__ = ["Target", "bound_target", "on_host", "on_namespace", "specs_of"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """The namespace that a command works on; `shown` names it as wrangler does."""

    host: HostView
    id: str
    shown: str

    @asynccontextmanager
    async def opened(self) -> AsyncIterator[KVNamespace]:
        """Use the namespace, in whichever process its store is open."""
        async with reach_store(self.host) as engine:
            yield KVNamespace(engine, self.id, clock=self.host.now)


def on_host(
    hosts: CommandHosts, body: Callable[Concatenate[HostView, ...], None]
) -> Callable[..., None]:
    """Return a command whose options are those of local state, and those of `body`."""
    return _piped(hosts, _local_host, body)


def on_namespace(
    hosts: CommandHosts, body: Callable[Concatenate[Target, ...], None]
) -> Callable[..., None]:
    """Return a command whose options are those that choose a namespace, and those of `body`."""
    return _piped(hosts, _local_host, _target, body)


def bound_target(host: HostView, binding: str, preview: bool | None = None) -> Target:
    """Return the namespace of a binding; raise HostError where it is not just one.

    `preview` asks for the one of its `preview_id`, or of its `id`; None for what a server uses.
    """
    id_ = _id_of(host, binding, preview)
    return Target(host=host, id=id_, shown=f"binding: {quoted(binding)} (id: {quoted(id_)})")


def specs_of(host: HostView) -> Sequence[tuple[RawBinding, KvNamespaceSpec]]:
    """Return every binding of a host with what it says; raise HostError where one is wrong."""
    report = Diagnostics()
    found = [(raw, parse_spec(raw, report)) for raw in host.bindings(KIND)]
    if report.has_errors:
        raise HostError(report.render_errors())
    return [(raw, spec) for raw, spec in found if spec is not None]


def _piped(first: object, *steps: Callable[..., Any]) -> Callable[..., None]:
    """Return a command in steps: each takes what the one before returned, and its own options."""
    owned = [list(inspect.signature(step).parameters.values())[1:] for step in steps]

    def command(**given: Any) -> None:
        value = first
        for step, own in zip(steps, owned, strict=True):
            value = step(value, **{parameter.name: given[parameter.name] for parameter in own})
        # Here, where a reader that has gone is known to be no fault.
        sys.stdout.flush()

    parameters = [
        parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY)
        for own in reversed(owned)
        for parameter in own
    ]
    # The library reads options off a function's signature and annotations.
    command.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    command.__annotations__ = {one.name: one.annotation for one in parameters}
    command.__doc__ = steps[-1].__doc__
    return command


def _local_host(
    hosts: CommandHosts,
    config: Annotated[
        list[Path] | None,
        typer.Option(
            "--config",
            "-c",
            metavar="PATH",
            help="What `runtime serve` is given: config files or folders; may be repeated.",
        ),
    ] = None,
    env: Annotated[
        str | None, typer.Option("--env", "-e", metavar="NAME", help="Environment of the configs.")
    ] = None,
    persist_to: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Folder for local state. [.edgestead beside the config]"),
    ] = None,
    local: Annotated[bool, typer.Option("--local", help="Use local state; it always is.")] = False,
    remote: Annotated[bool, typer.Option("--remote", hidden=True)] = False,
) -> HostView:
    if remote:
        raise typer.BadParameter(
            "it needs a host, and this command reaches local state only; leave it out",
            param_hint="--remote",
        )
    return hosts.local(config=config or (), env=env, persist_to=persist_to)


def _target(
    host: HostView,
    binding: Annotated[
        str | None, typer.Option(metavar="NAME", help="The namespace of this binding.")
    ] = None,
    namespace_id: Annotated[
        str | None, typer.Option(metavar="ID", help="The namespace of this id.")
    ] = None,
    preview: Annotated[
        bool | None,
        typer.Option(
            "--preview/--no-preview",
            help="The binding's preview_id, or its id. [what `runtime serve` uses]",
        ),
    ] = None,
) -> Target:
    if namespace_id is None and binding is not None:
        return bound_target(host, binding, preview)
    if namespace_id is None or binding is not None:
        raise typer.BadParameter(
            "exactly one of them is required", param_hint="--binding and --namespace-id"
        )
    if not is_id(namespace_id):
        raise typer.BadParameter(
            f"an id has 1 to {MAX_ID_BYTES} bytes of UTF-8", param_hint="--namespace-id"
        )
    return Target(host=host, id=namespace_id, shown=f"id: {quoted(namespace_id)}")


def _id_of(host: HostView, binding: str, preview: bool | None) -> str:
    specs = specs_of(host)
    found = [(raw, spec) for raw, spec in specs if raw.name == binding]
    if not found:
        known = ", ".join(sorted({raw.name for raw, _ in specs})) or "none"
        raise HostError(
            f"no KV namespace is bound to {quoted(binding)} in the configs here; bindings: {known}"
        )
    workers: dict[str, str] = {}
    for raw, spec in found:
        id_ = _id_meant(spec, host, preview)
        if id_ is not None:
            workers.setdefault(id_, f'worker "{raw.worker}" ({raw.position})')
    if not workers:
        raise HostError(f"{quoted(binding)} has no preview_id; add one to the config")
    if len(workers) > 1:
        places = "".join(f"\n  {quoted(id_)} in {place}" for id_, place in workers.items())
        raise HostError(
            f"{quoted(binding)} is bound to different namespaces:{places}\n"
            "Name one of them by --namespace-id"
        )
    return next(iter(workers))


def _id_meant(spec: KvNamespaceSpec, host: HostView, preview: bool | None) -> str | None:
    if preview is None:
        return meant_id(spec, host.mode)
    return spec.preview_id if preview else spec.id
