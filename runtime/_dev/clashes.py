"""What workers that are served together must not have in common, and what they miss."""

from collections.abc import Iterable, Iterator

from runtime._dispatch.node import Node
from runtime._dispatch.worker import Worker
from runtime.errors import HostError, NoWorkerError
from runtime.stubs import WorkerStub
from wrangler_compat import Route, WorkerConfig

__all__ = ["ClashError", "missing_workers", "require_no_clash", "shared_routes"]


class ClashError(HostError):
    """Two workers want what only one can have; the message names both config files."""

    code = "clash"


def require_no_clash(configs: Iterable[WorkerConfig]) -> None:
    """Raise ClashError where two workers have one name, or one `dev.port`."""
    by_name: dict[str, WorkerConfig] = {}
    by_port: dict[int, WorkerConfig] = {}
    for config in configs:
        other = by_name.setdefault(config.name, config)
        if other is not config:
            raise ClashError(
                f'two workers have the name "{config.name}": {other.config_path} and '
                f"{config.config_path}; rename one of them, or serve them apart"
            )
        if config.dev.port is None:
            continue
        other = by_port.setdefault(config.dev.port, config)
        if other is not config:
            raise ClashError(
                f"two workers have the dev.port {config.dev.port}: {other.config_path} and "
                f"{config.config_path}; change one of them"
            )


def shared_routes(configs: Iterable[WorkerConfig]) -> Iterator[str]:
    """Yield a warning for each route that more than one worker claims; the first one gets it."""
    claimed: dict[object, WorkerConfig] = {}
    for config in configs:
        for route in config.routes:
            first = claimed.setdefault(_reach(route), config)
            if first is not config:
                yield (
                    f'"{route.pattern.text}" is a route of worker "{first.name}" '
                    f'({first.config_path}) and of worker "{config.name}" '
                    f'({route.position or config.config_path}); "{first.name}" gets its requests'
                )


def missing_workers(node: Node, configs: Iterable[WorkerConfig]) -> Iterator[str]:
    """Yield a warning for each binding that calls a worker which is not loaded."""
    for config in configs:
        slot = node.workers.get(config.name)
        if not isinstance(slot, Worker):
            continue
        for binding in config.bindings:
            stub = getattr(slot.env, binding.name, None)
            if not isinstance(stub, WorkerStub):
                continue
            try:
                node.find(stub._worker)
            except NoWorkerError as error:
                place = f" ({binding.position})" if binding.position else ""
                yield f'worker "{config.name}": calling "{binding.name}" will fail: {error}{place}'


def _reach(route: Route) -> tuple[object, ...]:
    """Return what two patterns that match the same requests have in common."""
    pattern = route.pattern
    return pattern.host_wildcard, pattern.host, pattern.path or "/", pattern.path_wildcard
