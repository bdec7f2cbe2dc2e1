"""`runtime serve`."""

import asyncio
import sys
from dataclasses import replace
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from runtime._cli.main import INTERRUPTED
from runtime._cli.options import Configs, Paths
from runtime._dev.projects import find_projects
from runtime._dev.serve import ServeOptions
from runtime._dev.serve import serve as serve_workers
from runtime._dispatch.interpreter import keep_loop_free
from runtime.settings import HostSettings

__all__ = ["serve"]


class _Protocol(StrEnum):
    http = "http"
    https = "https"


class _LogLevel(StrEnum):
    debug = "debug"
    info = "info"
    warning = "warning"
    error = "error"


def serve(
    paths: Paths = None,
    config: Configs = None,
    env: Annotated[
        str | None, typer.Option("--env", "-e", help="Environment of the configs.")
    ] = None,
    port: Annotated[
        int | None, typer.Option(min=0, max=65535, help="Port; 0 takes a free one. [8787]")
    ] = None,
    host: Annotated[str | None, typer.Option(help="Address to listen on. [localhost]")] = None,
    var: Annotated[
        list[str] | None, typer.Option("--var", metavar="K:V", help="Set a var; may be repeated.")
    ] = None,
    persist_to: Annotated[
        Path | None, typer.Option(help="Folder for local state. [.edgestead beside the config]")
    ] = None,
    local_protocol: Annotated[
        _Protocol | None, typer.Option(help="https uses a self-signed certificate. [http]")
    ] = None,
    test_scheduled: Annotated[
        bool, typer.Option("--test-scheduled", help="Fire scheduled handlers at /__scheduled too.")
    ] = False,
    no_reload: Annotated[
        bool, typer.Option("--no-reload", help="Do not reload workers on save.")
    ] = False,
    log_level: Annotated[
        _LogLevel | None, typer.Option(help="Least severe log lines to show. [info]")
    ] = None,
) -> None:
    """Serve workers locally: KV on disk, reload on save, several workers on one port."""
    settings = HostSettings()
    projects = find_projects(paths or [], config or [], Path.cwd())
    state = persist_to or settings.persist_to
    if state is not None:
        projects = replace(projects, state_folder=state.resolve())
    options = ServeOptions(
        projects=projects,
        environment=env,
        host=host or settings.host,
        port=settings.port if port is None else port,
        local_protocol=settings.local_protocol if local_protocol is None else local_protocol.value,
        overrides=dict(_parse_var(item) for item in var or []),
        test_scheduled=test_scheduled,
        reload=not no_reload,
        log_level=settings.log_level if log_level is None else log_level.value,
        shutdown_grace_s=settings.shutdown_grace_s,
    )
    _run(options)


def _run(options: ServeOptions) -> None:
    keep_loop_free()
    try:
        if sys.platform == "win32":
            asyncio.run(serve_workers(options))
        else:
            import uvloop

            with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
                runner.run(serve_workers(options))
    except KeyboardInterrupt:
        # Ctrl-C while the workers were still being loaded.
        raise typer.Exit(INTERRUPTED) from None


def _parse_var(text: str) -> tuple[str, str]:
    name, separator, value = text.partition(":")
    if not separator or not name:
        raise typer.BadParameter(f"{text!r} is not K:V", param_hint="--var")
    return name, value
