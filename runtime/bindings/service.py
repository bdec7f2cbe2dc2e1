"""Service bindings: another worker as an object on `env`."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from runtime.plugins import (
    Binder,
    BindingPlugin,
    Diagnostics,
    HostView,
    RawBinding,
    WorkerStub,
)

__all__ = ["ServicePlugin", "ServiceSpec"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceSpec:
    """Which worker a binding calls, and through which of its entrypoints."""

    worker: str
    entrypoint: str | None
    props: Mapping[str, Any] | None


class ServicePlugin(BindingPlugin[ServiceSpec]):
    """Binds a worker by its name; the worker is looked up at each call, so load order is free."""

    kinds = ("service",)

    def parse(self, raw: RawBinding, report: Diagnostics) -> ServiceSpec | None:
        """Return the spec; a binding that names no service is reported."""
        service = raw.fields.get("service")
        if not isinstance(service, str) or not service:
            report.add_error(
                f'The service binding "{raw.name}" does not say which worker it calls; '
                'add service = "<worker name>".',
                raw.position,
            )
            return None
        entrypoint = raw.fields.get("entrypoint")
        if not isinstance(entrypoint, str | None):
            report.add_error(
                f'The entrypoint of the service binding "{raw.name}" is the name of a class, '
                f"not {entrypoint!r}.",
                raw.position,
            )
            return None
        props = raw.fields.get("props")
        if not isinstance(props, Mapping | None):
            report.add_error(
                f'The props of the service binding "{raw.name}" are a table, not {props!r}.',
                raw.position,
            )
            return None
        return ServiceSpec(worker=service, entrypoint=entrypoint, props=props)

    @asynccontextmanager
    async def open(self, host: HostView) -> AsyncIterator[Binder[ServiceSpec]]:
        """Open nothing: calls go through the host."""
        yield _Services(host)


class _Services:
    def __init__(self, host: HostView) -> None:
        self._host = host

    def bind(self, spec: ServiceSpec, worker: str) -> object:
        """Return the stub of the bound worker."""
        return WorkerStub(
            self._host.invoke, spec.worker, entrypoint=spec.entrypoint, props=spec.props
        )
