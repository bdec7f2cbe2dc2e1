"""`runtime check`."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer

from runtime._cli.options import Configs, Paths
from runtime._dev.clashes import find_clashes
from runtime._dev.projects import NoConfigError, Projects, find_projects
from runtime._dev.tracked import warn_of_tracked_secrets
from runtime._dispatch.bindings import unserved_reason
from runtime._dispatch.view import raw_bindings_of
from runtime._registry import Registry
from wrangler_compat import Diagnostics, Message, WorkerConfig, check_config, review_workers
from wrangler_compat.source import display_path

__all__ = ["check"]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Finding:
    """What is wrong with a file; without one, with all of them side by side."""

    file: str | None
    report: Diagnostics


def check(
    paths: Paths = None,
    config: Configs = None,
    env: Annotated[
        str | None, typer.Option("--env", "-e", help="Check this environment only. [all]")
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print JSON, for editors and CI.")
    ] = False,
) -> None:
    """Check configs: print all that is wrong; the exit code is 1 where something is an error."""
    projects = _find(paths or [], config or [], as_json)
    findings = [
        _Finding(file=None, report=projects.report),
        *_check(projects.configs, env, Registry.discover()),
    ]
    print(_json(findings) if as_json else _text(findings, len(projects.configs)))
    if any(finding.report.has_errors for finding in findings):
        raise typer.Exit(1)


def _find(paths: Sequence[Path], files: Sequence[Path], as_json: bool) -> Projects:
    """Find what to check; that nothing is there is a finding for whoever reads JSON."""
    try:
        return find_projects(paths, files, Path.cwd())
    except NoConfigError as error:
        if not as_json:
            raise
        report = Diagnostics()
        report.add_error(str(error))
        return Projects(configs=(), state_folder=Path.cwd(), report=report)


def _check(paths: Iterable[Path], env: str | None, registry: Registry) -> Iterable[_Finding]:
    findings: list[_Finding] = []
    configs: list[WorkerConfig] = []
    complete = True
    for path in paths:
        own, report = check_config(path, env=env, plugin_keys=registry.sections)
        complete = complete and own != []
        _warn_of_unserved(own, registry, report)
        findings.append(_Finding(file=display_path(path), report=report))
        configs += own
    together = Diagnostics("Review of all configs side by side:")
    for problem in registry.problems.values():
        together.add_warning(str(problem))
    review_workers(configs, together, complete=complete)
    warn_of_tracked_secrets(configs, together)
    for clash in find_clashes(one for one in configs if one.target_environment == env):
        together.add_error(str(clash), clash.position)
    return [*findings, _Finding(file=None, report=together)]


def _warn_of_unserved(
    configs: Iterable[WorkerConfig], registry: Registry, report: Diagnostics
) -> None:
    unserved = Diagnostics()
    for config in configs:
        for raw in raw_bindings_of(config):
            if registry.plugin(raw.type) is None:
                unserved.add_warning(unserved_reason(raw, registry), raw.position)
    report.include(unserved)


def _text(findings: Sequence[_Finding], count: int) -> str:
    whole = Diagnostics()
    for finding in findings:
        whole.child(finding.report.title).include(finding.report)
    trees = {"Warnings": whole.render_warnings(), "Errors": whole.render_errors()}
    lines = [f"{kind}:\n{tree}\n" for kind, tree in trees.items() if tree]
    errors, warnings = len(whole.errors), len(whole.warnings)
    lines.append(
        f"{_counted(count, 'config')} checked: {_counted(errors, 'error')}, "
        f"{_counted(warnings, 'warning')}"
    )
    return "\n".join(lines)


def _counted(count: int, noun: str) -> str:
    return f"{count} {noun}{'' if count == 1 else 's'}"


def _json(findings: Iterable[_Finding]) -> str:
    diagnostics = [
        _entry(finding, severity, message)
        for finding in findings
        for severity, messages in (
            ("error", finding.report.errors),
            ("warning", finding.report.warnings),
        )
        for message in messages
    ]
    severities = [entry["severity"] for entry in diagnostics]
    return json.dumps(
        {
            "errors": severities.count("error"),
            "warnings": severities.count("warning"),
            "diagnostics": diagnostics,
        },
        indent=2,
    )


def _entry(finding: _Finding, severity: str, message: Message) -> dict[str, Any]:
    position = message.position
    return {
        "file": finding.file if position is None else position.file,
        "line": None if position is None else position.line,
        "column": None if position is None else position.column,
        "severity": severity,
        "message": message.text,
        "path": [] if position is None else list(position.key),
    }
