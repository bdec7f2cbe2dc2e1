"""A worker's configuration, typed and normalised."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from wrangler_compat.diagnostics import Position
from wrangler_compat.routes import RoutePattern
from wrangler_compat.source import KeyPath

__all__ = ["Binding", "DevSettings", "Limits", "Route", "Trigger", "WorkerConfig"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Binding:
    """One binding in Cloudflare's flat form: `name`, `type`, and the fields of that type.

    `source` names what the binding comes from, where that is not the config file: `.dev.vars:3`,
    an environment variable, the command line.
    """

    name: str
    type: str
    fields: Mapping[str, Any]
    position: Position | None = None
    source: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Trigger:
    """What runs a worker besides requests: `cron` {cron}, `queue` {queue, …}, `tail` {service}."""

    type: str
    fields: Mapping[str, Any]
    position: Position | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """A route of a worker: its pattern, and the zone that it is meant for."""

    pattern: RoutePattern
    zone_name: str | None = None
    zone_id: str | None = None
    custom_domain: bool = False
    position: Position | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DevSettings:
    """The section `dev`; None where it says nothing."""

    ip: str | None = None
    port: int | None = None
    inspector_port: int | None = None
    local_protocol: str = "http"
    upstream_protocol: str = "http"
    host: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """The section `limits`: CPU time of an invocation, and how many sub-requests it may make."""

    cpu_ms: int = 30_000
    subrequests: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerConfig:
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
    base_dir: Path | None = None
    target_environment: str | None = None
    defined_environments: tuple[str, ...] = ()
    compatibility_date: str | None = None
    compatibility_flags: tuple[str, ...] = ()
    account_id: str | None = None
    workers_dev: bool | None = None
    preview_urls: bool | None = None
    routes: tuple[Route, ...] = ()
    crons: tuple[str, ...] = ()
    triggers: tuple[Trigger, ...] = ()
    bindings: tuple[Binding, ...] = ()
    required_secrets: tuple[str, ...] | None = None
    dev: DevSettings = field(default_factory=DevSettings)
    limits: Limits = field(default_factory=Limits)
    settings: Mapping[str, Any] = field(default_factory=dict)
    origins: Mapping[str, KeyPath] = field(default_factory=dict)
    extra: Mapping[str, Any] = field(default_factory=dict)
    positions: Mapping[KeyPath, Position] = field(default_factory=dict)
