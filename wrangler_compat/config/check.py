"""Everything that is wrong with a config file, in whichever environment."""

import datetime
import os
from collections.abc import Mapping
from pathlib import Path

from wrangler_compat.config.environments import plugin_sections, resolve_environment
from wrangler_compat.config.load import load_config
from wrangler_compat.config.model import WorkerConfig
from wrangler_compat.config.reader import ConfigDocument, find_config, read_document
from wrangler_compat.config.worker import outline_worker
from wrangler_compat.diagnostics import Diagnostics
from wrangler_compat.errors import ConfigError

__all__ = ["check_config"]


def check_config(
    path: Path,
    *,
    env: str | None = None,
    environ: Mapping[str, str] | None = None,
    plugin_keys: Mapping[str, str] | None = None,
    today: datetime.date | None = None,
) -> tuple[list[WorkerConfig], Diagnostics]:
    """Read a config file, or that of a folder, as `load_config` does, and never raise for it.

    Without `env` it is read for the top level and for every environment in it. Returns a config for
    each of them, and one report of them all, where nothing stands twice. The config of one that has
    errors holds what is right of its name, routes and bindings, for a review and nothing else; it
    is left out where the file cannot be read, or says no name.
    """
    configs: list[WorkerConfig] = []
    reports: list[Diagnostics] = []
    document = _document(path)
    for environment in [env] if env else [None, *_environments(document)]:
        try:
            config, report = load_config(
                path, env=environment, environ=environ, plugin_keys=plugin_keys, today=today
            )
        except ConfigError as error:
            report = error.diagnostics
            outline = _outline(document, environment, plugin_keys or {})
            configs += [] if outline is None else [outline]
        else:
            configs.append(config)
        reports.append(report)
    whole, *others = reports
    for report in others:
        whole.include(report)
    return configs, whole


def _document(path: Path) -> ConfigDocument | None:
    path = Path(os.path.abspath(path))
    file = find_config(path) if path.is_dir() else path
    return None if file is None else read_document(file, Diagnostics())


def _environments(document: ConfigDocument | None) -> list[str]:
    """Return the names of the environments of a file that can be asked for."""
    environments = None if document is None else document.data.get("env")
    return [name for name in environments if name] if isinstance(environments, dict) else []


def _outline(
    document: ConfigDocument | None, env: str | None, plugin_keys: Mapping[str, str]
) -> WorkerConfig | None:
    if document is None:
        return None
    sections = plugin_sections(plugin_keys)
    # All that is wrong has been reported.
    environment = resolve_environment(document, env, sections, Diagnostics())
    return outline_worker(document, environment, sections)
