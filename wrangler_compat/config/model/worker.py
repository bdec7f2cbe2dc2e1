"""All keys together."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import SkipValidation

from wrangler_compat.config.model.assets import Assets
from wrangler_compat.config.model.bindings import Binding, Trigger
from wrangler_compat.config.model.dev import DevSettings
from wrangler_compat.config.model.limits import Limits, Placement
from wrangler_compat.config.model.migrations import Migration
from wrangler_compat.config.model.modules import Build, ModuleRule, PythonModules
from wrangler_compat.config.model.observability import Observability
from wrangler_compat.config.model.parts import ConfigPart
from wrangler_compat.config.model.routing import Route
from wrangler_compat.diagnostics import KeyPath, Position

__all__ = ["WorkerConfig"]


class WorkerConfig(ConfigPart):
    """All that a config file says of one worker in one environment.

    `name` has the environment's name as a suffix, `top_level_name` has not. `settings` is every key
    as wrangler's own reader normalises it, and `origins` where in the file each of them comes from:
    a key that is not there has its default. `extra` holds the sections of plugins as they stand in
    the file, and `positions` where each key stands in it.
    """

    config_path: Path
    folder: Path
    name: str
    top_level_name: str
    main: Path
    target_environment: str | None = None
    defined_environments: tuple[str, ...] = ()

    compatibility_date: str | None = None
    compatibility_flags: tuple[str, ...] = ()
    account_id: str | None = None
    keep_vars: bool | None = None
    logpush: bool | None = None
    send_metrics: bool | None = None

    workers_dev: bool | None = None
    preview_urls: bool | None = None
    routes: tuple[Route, ...] = ()
    crons: tuple[str, ...] = ()
    triggers: tuple[Trigger, ...] = ()

    bindings: tuple[Binding, ...] = ()
    required_secrets: tuple[str, ...] | None = None
    assets: Assets | None = None
    migrations: tuple[Migration, ...] = ()

    base_dir: Path | None = None
    build: Build = Build()
    find_additional_modules: bool | None = None
    python_modules: PythonModules = PythonModules()
    rules: tuple[ModuleRule, ...] = ()

    dev: DevSettings = DevSettings()
    limits: Limits = Limits()
    observability: Observability | None = None
    placement: Placement | None = None

    settings: SkipValidation[Mapping[str, Any]] = {}
    origins: SkipValidation[Mapping[str, KeyPath]] = {}
    extra: SkipValidation[Mapping[str, Any]] = {}
    positions: SkipValidation[Mapping[KeyPath, Position]] = {}
