"""The ports of `runtime serve`: one for all workers, and those that workers have of their own."""

import logging
import socket
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from runtime._http.listening import bind_sockets, shown_host
from runtime.settings import Protocol
from wrangler_compat import WorkerConfig

__all__ = ["Ports", "open_ports", "worker_urls"]

Ports = Mapping[Path | None, list[socket.socket]]
"""Listening sockets by the config of the worker that they belong to; None is the port of all."""

logger = logging.getLogger(__name__)


@contextmanager
def open_ports(host: str, port: int, configs: Sequence[WorkerConfig]) -> Iterator[Ports]:
    """Bind the one port, and each `dev.port`; raise PortInUseError where one is taken."""
    ports: dict[Path | None, list[socket.socket]] = {}
    try:
        ports[None] = bind_sockets(host, port, remedy="choose another with --port")
        for config in configs:
            own = config.dev.port
            if own is None or (own == port and config is configs[0]):
                continue
            if own == port:
                logger.warning(
                    'worker "%s": its dev.port %d is the port of all workers; it answers there '
                    "for its own hosts only",
                    config.name,
                    own,
                )
                continue
            ports[config.config_path] = bind_sockets(
                host, own, remedy=f"change dev.port in {config.config_path}"
            )
        yield ports
    finally:
        for listener in (listener for sockets in ports.values() for listener in sockets):
            listener.close()


def worker_urls(
    protocol: Protocol, host: str, configs: Sequence[WorkerConfig], ports: Ports
) -> list[str]:
    """Return for each worker a URL at which it answers; the first answers for every other host."""

    def url(name: str, owner: Path | None) -> str:
        return f"{protocol}://{name}:{ports[owner][0].getsockname()[1]}/"

    shown = shown_host(host)
    return [
        url(shown, config.config_path)
        if config.config_path in ports and index
        else url(f"{config.name}.localhost" if index else shown, None)
        for index, config in enumerate(configs)
    ]
