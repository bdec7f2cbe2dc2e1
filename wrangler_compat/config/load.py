"""Reading a worker's configuration: the functions that everything else calls."""

import datetime
import os
from collections.abc import Iterable, Mapping
from pathlib import Path

from wrangler_compat.config.environments import plugin_sections, resolve_environment
from wrangler_compat.config.model import Binding, WorkerConfig
from wrangler_compat.config.reader import CONFIG_NAMES, find_config, read_document
from wrangler_compat.config.worker import build_worker_config
from wrangler_compat.diagnostics import Diagnostics, Position
from wrangler_compat.errors import ConfigError
from wrangler_compat.secrets import LocalSecret, read_local_secrets
from wrangler_compat.source import display_path

__all__ = ["load_config", "read_config"]

_VARIABLE_KINDS = ("plain_text", "json", "secret_text")


def read_config(
    path: Path,
    *,
    env: str | None = None,
    plugin_keys: Mapping[str, str] | None = None,
    today: datetime.date | None = None,
) -> tuple[WorkerConfig | None, Diagnostics]:
    """Read a config file, or that of a folder, for one environment; bad content never raises.

    Every fault is collected; with an error among them there is no config. `plugin_keys` are keys
    that wrangler does not know, each with the kind of binding that the tables in it have. `today`
    is what a compatibility date is compared with; the current day of UTC by default.
    """
    path = Path(os.path.abspath(path))
    notes = Diagnostics()
    file = find_config(path, notes) if os.path.isdir(path) else path
    report = Diagnostics(f"Processing {display_path(file or path)} configuration:")
    for note in notes.warnings:
        report.add_warning(note.text)
    if file is None:
        report.add_error(f"There is no config file: none of {', '.join(CONFIG_NAMES)} exists.")
        return None, report
    document = read_document(file, report)
    if document is None:
        return None, report
    sections = plugin_sections(plugin_keys or {})
    environment = resolve_environment(document, env or None, sections, report)
    today = today or datetime.datetime.now(datetime.UTC).date()
    return build_worker_config(document, environment, sections, today, report), report


def load_config(
    path: Path,
    *,
    env: str | None = None,
    environ: Mapping[str, str] | None = None,
    overrides: Mapping[str, str] | None = None,
    secrets: bool = True,
    plugin_keys: Mapping[str, str] | None = None,
    today: datetime.date | None = None,
) -> tuple[WorkerConfig, Diagnostics]:
    """Read a config file together with the local secrets beside it.

    Secrets become bindings of type `secret_text` and replace variables of the same name. Only
    declared secrets are looked up in `environ`, by default the process's environment. `overrides`
    are variables from the command line (`--var`): they win over variables and secrets alike.
    Returns the config and the report with its warnings; raises ConfigError where the report has
    errors, among them a secret or an override that has the name of another kind of binding.
    """
    config, report = read_config(path, env=env, plugin_keys=plugin_keys, today=today)
    if config is not None:
        overrides = overrides or {}
        bindings = {binding.name: binding for binding in config.bindings}
        if secrets:
            environ = os.environ if environ is None else environ
            for secret in _read_secrets(config, env or None, environ, overrides, report):
                _put(bindings, _secret_binding(secret), f"a secret ({secret.source})", report)
        for name, text in overrides.items():
            variable = Binding(
                name=name, type="plain_text", fields={"text": text}, source="command line (--var)"
            )
            _put(bindings, variable, "a variable of the command line (--var)", report)
        config = config.model_copy(update={"bindings": tuple(bindings.values())})
    if config is None or report.has_errors:
        raise ConfigError(report)
    return config, report


def _read_secrets(
    config: WorkerConfig,
    env: str | None,
    environ: Mapping[str, str],
    overrides: Mapping[str, str],
    report: Diagnostics,
) -> Iterable[LocalSecret]:
    required = config.required_secrets
    if required is not None:
        # One that the command line sets is not missing.
        required = tuple(name for name in required if name not in overrides)
    found = read_local_secrets(
        config.folder,
        env,
        required=required,
        declared_at=_declared_at(config),
        variables=[binding.name for binding in config.bindings if binding.type in _VARIABLE_KINDS],
        environ=environ,
        report=report,
    )
    return found.secrets.values()


def _declared_at(config: WorkerConfig) -> dict[str, Position]:
    path = (*config.origins.get("secrets", ()), "required")
    names = config.required_secrets or ()
    return {name: config.positions[*path, index] for index, name in enumerate(names)}


def _put(bindings: dict[str, Binding], new: Binding, origin: str, report: Diagnostics) -> None:
    """Add a variable or a secret, in the place of another; report a clash with another kind."""
    old = bindings.get(new.name)
    if old is None or old.type in _VARIABLE_KINDS:
        bindings[new.name] = new
        return
    report.add_error(
        f'"{new.name}" is the name of a {old.type} binding ({old.position}) and of {origin}. '
        "Rename one of them.",
        old.position,
    )


def _secret_binding(secret: LocalSecret) -> Binding:
    return Binding(
        name=secret.name,
        type="secret_text",
        fields={"text": secret.value},
        position=secret.position,
        source=secret.source,
    )
