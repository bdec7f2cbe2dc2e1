"""From declared bindings to a worker's `env`."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NoReturn

from runtime._dispatch.kinds import OpenKinds
from runtime._registry import Registry
from runtime.errors import HostError, PluginError, WorkerLoadError
from runtime.plugins import BindingPlugin, RawBinding
from workers.rpc import _EnvWrapper
from wrangler_compat import Diagnostics

__all__ = ["BoundEnv", "UnavailableBinding", "bind_env"]

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class BoundEnv:
    """A worker's `env`, and the texts in it that must never be shown."""

    env: _EnvWrapper
    sensitive: frozenset[str]


class UnavailableBinding:
    """Stands on `env` for a binding that no plugin can serve; any use of it says why."""

    __slots__ = ("_reason",)

    def __init__(self, reason: str) -> None:
        self._reason = reason

    def __getattr__(self, name: str) -> NoReturn:
        raise PluginError(self._reason)

    def __getitem__(self, key: object) -> NoReturn:
        raise PluginError(self._reason)

    def __call__(self, *args: object, **kwargs: object) -> NoReturn:
        raise PluginError(self._reason)

    def __repr__(self) -> str:
        return f"UnavailableBinding({self._reason!r})"


async def bind_env(
    worker: str, raw_bindings: Sequence[RawBinding], registry: Registry, kinds: OpenKinds
) -> BoundEnv:
    """Make the `env` of `worker`.

    A binding whose kind no plugin serves, or whose plugin raises, gets one warning or error in the
    log and raises on use. Raises WorkerLoadError, with every reason, where plugins refuse bindings,
    and the HostError by which a plugin that is being opened says that the host must not go on.
    """
    report = Diagnostics(f'bindings of worker "{worker}"')
    parsed: list[tuple[RawBinding, BindingPlugin[Any], Any]] = []
    bindings: dict[str, object] = {}
    for raw in raw_bindings:
        plugin = registry.plugin(raw.type)
        if plugin is None:
            bindings[raw.name] = _unserved(raw, registry)
            continue
        try:
            parsed.append((raw, plugin, plugin.parse(raw, report)))
        except Exception as error:
            bindings[raw.name] = _broken(raw, registry, error)
    if report.has_errors:
        raise WorkerLoadError(worker, report.render())
    if report.has_warnings:
        logger.warning("%s", report.render_warnings())
    sensitive: set[str] = set()
    for raw, plugin, spec in parsed:
        try:
            binder = await kinds.binder(plugin)
        except Exception as error:
            if isinstance(error, HostError) and not isinstance(error, PluginError):
                raise
            bindings[raw.name] = _broken(raw, registry, error)
            continue
        try:
            sensitive.update(plugin.sensitive(spec))
            bindings[raw.name] = binder.bind(spec, worker)
        except Exception as error:
            bindings[raw.name] = _broken(raw, registry, error)
    return BoundEnv(env=_EnvWrapper(bindings), sensitive=frozenset(sensitive))


def _unserved(raw: RawBinding, registry: Registry) -> UnavailableBinding:
    known = ", ".join(registry.kinds)
    reason = (
        f'worker "{raw.worker}": no installed plugin serves the binding kind "{raw.type}" of '
        f'"{raw.name}"; using it raises an error (served here: {known})'
    )
    logger.warning("%s", reason)
    return UnavailableBinding(reason)


def _broken(raw: RawBinding, registry: Registry, error: Exception) -> UnavailableBinding:
    reason = (
        f'worker "{raw.worker}": {registry.source(raw.type)}, which serves the binding kind '
        f'"{raw.type}" of "{raw.name}", failed: {type(error).__name__}: {error}; '
        "using it raises an error"
    )
    logger.error("%s", reason, exc_info=error)
    return UnavailableBinding(reason)
