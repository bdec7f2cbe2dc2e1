"""`runtime config`."""

import json
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from runtime._cli.config_text import explained_text, normalised_text
from runtime._dev.projects import find_projects
from runtime._registry import Registry
from wrangler_compat import (
    ConfigError,
    Diagnostics,
    Position,
    WorkerConfig,
    explain_secrets,
    explain_settings,
    load_config,
)
from wrangler_compat.source import display_path

__all__ = ["config"]


def config(
    path: Annotated[
        Path | None,
        typer.Argument(
            metavar="PATH", help="A config file or a worker folder; default: this folder."
        ),
    ] = None,
    config_file: Annotated[
        Path | None, typer.Option("--config", "-c", help="A config file.")
    ] = None,
    env: Annotated[
        str | None, typer.Option("--env", "-e", help="Environment of the config. [top level]")
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print JSON: what wrangler's own reader returns.")
    ] = False,
    explain: Annotated[
        bool, typer.Option("--explain", help="Print where each value comes from.")
    ] = False,
) -> None:
    """Show a worker's config as it is understood, defaults and environments worked in."""
    file = _one_config(path, config_file)
    registry = Registry.discover()
    for problem in registry.problems.values():
        sys.stderr.write(f"warning: {problem}\n")
    worker = _load(file, env, registry)
    if as_json:
        # Escaped, so that it can be printed whatever the terminal's encoding is.
        print(json.dumps(_explained(worker) if explain else worker.settings, indent=2))
    else:
        print(explained_text(worker) if explain else normalised_text(worker))


def _one_config(path: Path | None, config_file: Path | None) -> Path:
    projects = find_projects(
        [] if path is None else [path], [] if config_file is None else [config_file], Path.cwd()
    )
    _write_warnings(projects.report)
    if len(projects.configs) > 1:
        files = "\n".join(f"  {display_path(file)}" for file in projects.configs)
        raise typer.BadParameter(
            f"there are several configs; name one:\n{files}", param_hint="PATH"
        )
    return projects.configs[0]


def _load(file: Path, env: str | None, registry: Registry) -> WorkerConfig:
    try:
        worker, report = load_config(file, env=env, plugin_keys=registry.sections)
    except ConfigError as error:
        _write_warnings(error.diagnostics)
        raise
    _write_warnings(report)
    return worker


def _write_warnings(report: Diagnostics) -> None:
    if report.has_warnings:
        sys.stderr.write(f"warning: {report.render_warnings()}\n")


def _explained(worker: WorkerConfig) -> dict[str, Any]:
    return {
        "settings": [
            {
                "path": list(one.path),
                "value": one.value,
                "hidden": one.hidden,
                "origin": one.origin,
                **_place(one.position),
                "reason": one.reason,
                "replaced_by": one.replaced_by,
            }
            for one in explain_settings(worker)
        ],
        "secrets": [
            {"name": one.name, "source": one.source, **_place(one.position)}
            for one in explain_secrets(worker)
        ],
    }


def _place(position: Position | None) -> dict[str, Any]:
    if position is None:
        return {"file": None, "line": None, "column": None}
    return {"file": position.file, "line": position.line, "column": position.column}
