"""From declared bindings to a worker's `env`."""

import logging
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NoReturn

from runtime._dispatch.kinds import OpenKinds
from runtime._registry import Registry
from runtime.errors import HostError, PluginError, WorkerLoadError
from runtime.plugins import BindingPlugin, RawBinding
from workers.rpc import _EnvWrapper
from wrangler_compat import Diagnostics

__all__ = ["UnavailableBinding", "bind_env", "unserved_reason"]

logger = logging.getLogger(__name__)


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
    worker: str,
    raw_bindings: Sequence[RawBinding],
    registry: Registry,
    kinds: OpenKinds,
    hide: Callable[[Iterable[str]], None],
) -> _EnvWrapper:
    """Make the `env` of `worker`; `hide` gets its secrets before anything can speak of them.

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
            spec = plugin.parse(raw, report)
            if spec is not None:
                hide(_checked_texts(plugin.sensitive(spec)))
            parsed.append((raw, plugin, spec))
        except Exception as error:
            bindings[raw.name] = _broken(raw, registry, error)
    if report.has_errors:
        raise WorkerLoadError(worker, report.render())
    if report.has_warnings:
        logger.warning("%s", report.render_warnings())
    for raw, plugin, spec in parsed:
        try:
            binder = await kinds.binder(plugin)
        except Exception as error:
            if isinstance(error, HostError) and not isinstance(error, PluginError):
                raise
            bindings[raw.name] = _broken(raw, registry, error)
            continue
        try:
            bindings[raw.name] = binder.bind(spec, worker)
        except Exception as error:
            bindings[raw.name] = _broken(raw, registry, error)
    return _EnvWrapper(bindings)


def _checked_texts(texts: Iterable[str]) -> list[str]:
    """Return the texts; a plugin that gives one text for several would have no secret hidden."""
    checked = [texts] if isinstance(texts, str) else list(texts)
    if not all(isinstance(text, str) for text in checked):
        raise TypeError("sensitive() must give texts")
    return checked


def unserved_reason(raw: RawBinding, registry: Registry) -> str:
    """Return why a binding whose kind no plugin serves cannot be used."""
    known = ", ".join(registry.kinds)
    return (
        f'worker "{raw.worker}": no installed plugin serves the binding kind "{raw.type}" of '
        f'"{raw.name}"; using it raises an error (served here: {known})'
    )


def _unserved(raw: RawBinding, registry: Registry) -> UnavailableBinding:
    reason = unserved_reason(raw, registry)
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
