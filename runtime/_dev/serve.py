"""`runtime serve`: several workers on one port, reloaded on save."""

import asyncio
import logging
import os
import ssl
import sys
import webbrowser
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from runtime._dev.ending import stop_on_signals, stop_with_parent
from runtime._dev.hotkeys import listen_for_keys
from runtime._dev.plugin_pages import PluginPages
from runtime._dev.ports import open_ports, worker_urls
from runtime._dev.projects import Projects
from runtime._dev.redaction import Redactor, redact_output
from runtime._dev.reloading import watch
from runtime._dev.session import DevSession, ReadConfig
from runtime._dev.system_routes import DevSystemRoutes, dev_cf
from runtime._dev.terminal import RequestLog, open_logging, worker_table
from runtime._dispatch.node import Node, NodeOptions
from runtime._http.certificates import local_tls_context
from runtime._http.client import open_outbound
from runtime._http.front import Front
from runtime._http.pages import Pages
from runtime._http.server import serve_connections
from runtime._registry import Registry
from runtime.settings import LogLevel, Protocol
from wrangler_compat import load_config

__all__ = ["ServeOptions", "serve"]

_Work = Callable[[], Coroutine[Any, Any, None]]

# What closing everything may take after the requests in flight, if it is to end in order at all.
_ENDING_S = 10.0

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class ServeOptions:
    """What the command line and the settings say."""

    projects: Projects
    environment: str | None = None
    host: str = "localhost"
    port: int = 8787
    local_protocol: Protocol = "http"
    overrides: Mapping[str, str] = field(default_factory=dict)
    test_scheduled: bool = False
    reload: bool = True
    log_level: LogLevel = "info"
    shutdown_grace_s: float = 10.0


async def serve(options: ServeOptions) -> None:
    """Serve the workers until interrupted.

    Raises ConfigError and its kind for configs that cannot be used, PortInUseError where a port is
    taken, and what a binding kind raises that cannot be opened.
    """
    stop = asyncio.Event()
    registry = Registry.discover()
    async with AsyncExitStack() as stack:
        node = Node(
            registry=registry,
            options=NodeOptions(
                mode="dev", data_dir=options.projects.state_folder, environ=os.environ
            ),
            outbound=await stack.enter_async_context(open_outbound()),
        )
        redact = Redactor(lambda: node.sensitive)
        redact_output(redact)
        open_logging(options.log_level, sys.stderr)
        for warning in (*registry.problems.values(), *options.projects.report.warnings):
            logger.warning("%s", warning)
        session = DevSession(node, _config_reader(options, registry))
        session.read_all(options.projects.configs)
        ports = stack.enter_context(open_ports(options.host, options.port, session.configs))
        urls = worker_urls(options.local_protocol, options.host, session.configs, ports)
        node.base_url = urls[0].rstrip("/")
        tls = _tls(options)
        await stack.enter_async_context(node)
        await session.load_all()
        request_log = RequestLog(sys.stdout)
        stack.callback(request_log.flush)
        system = DevSystemRoutes(
            legacy_path=options.test_scheduled, pages=PluginPages(registry, node)
        )
        front = Front(
            node,
            pages=Pages("dev", redact),
            system=system,
            cf=dev_cf,
            scheme=options.local_protocol,
            # One event a request, of the level info.
            on_response=request_log if logger.isEnabledFor(logging.INFO) else None,
            is_ending=stop.is_set,
        )
        # Until the last request has been answered: a second Ctrl-C need not wait for it.
        stack.enter_context(stop_on_signals(stop))
        patience_s = options.shutdown_grace_s + _ENDING_S
        stack.enter_context(stop_with_parent(stop, patience_s=patience_s))
        doors = [
            (partial(front.handle, default=partial(session.choose, path)), sockets)
            for path, sockets in ports.items()
        ]
        await stack.enter_async_context(
            serve_connections(doors, tls=tls, grace_s=options.shutdown_grace_s)
        )
        await _run_until(stop, options, session, urls)


def _config_reader(options: ServeOptions, registry: Registry) -> ReadConfig:
    return partial(
        load_config,
        env=options.environment,
        environ=os.environ,
        overrides=options.overrides,
        plugin_keys=registry.sections,
    )


async def _run_until(
    stop: asyncio.Event, options: ServeOptions, session: DevSession, urls: Sequence[str]
) -> None:
    names = [config.name for config in session.configs]
    async with _background() as start:
        if options.reload:
            begun = asyncio.Event()
            start(partial(watch, session.watched, session.reload, begun))
            await begun.wait()
        start(session.warn_of_tracked_secrets)
        actions: dict[str, Callable[[], None]] = {
            "o": lambda: _open_browser(urls[0]),
            "c": lambda: _write("\x1b[2J\x1b[3J\x1b[H"),
            "r": partial(start, session.reload_all),
            "x": stop.set,
        }
        with listen_for_keys(actions) as keys:
            _write(f"\n{worker_table(list(zip(names, urls, strict=True)))}\n\n")
            _write(f"State in {options.projects.state_folder}\n")
            if keys:
                _write("Press o to open, c to clear, r to restart, x to exit\n")
            _write(f"Ready on {urls[0]}\n")
            await stop.wait()
            _write("Stopping: requests in flight finish first; once more ends them\n")


def _tls(options: ServeOptions) -> ssl.SSLContext | None:
    if options.local_protocol == "http":
        return None
    return local_tls_context(options.projects.state_folder / "tls")


@asynccontextmanager
async def _background() -> AsyncIterator[Callable[[_Work], None]]:
    """Own tasks that end with the context; one that fails is reported and ends nothing else."""
    tasks: set[asyncio.Task[None]] = set()

    async def guarded(work: _Work) -> None:
        try:
            await work()
        except Exception:
            logger.exception("background work of the server failed")

    def start(work: _Work) -> None:
        task = asyncio.get_running_loop().create_task(guarded(work))
        tasks.add(task)
        task.add_done_callback(tasks.discard)

    try:
        yield start
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def _open_browser(url: str) -> None:
    asyncio.get_running_loop().run_in_executor(None, webbrowser.open, url)


def _write(text: str) -> None:
    # The terminal may be closed already; then nobody misses the text.
    with suppress(OSError):
        sys.stdout.write(text)
        sys.stdout.flush()
