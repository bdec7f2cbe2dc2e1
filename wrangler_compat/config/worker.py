"""From the keys of one environment to a typed, checked WorkerConfig."""

import datetime
import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from pydantic import BaseModel

from wrangler_compat.config.bindings import read_bindings, read_triggers
from wrangler_compat.config.conditions import check_conditions
from wrangler_compat.config.environments import Environment
from wrangler_compat.config.fields import json_text, place_label
from wrangler_compat.config.model import (
    Assets,
    Binding,
    Build,
    DevSettings,
    Limits,
    Migration,
    ModuleRule,
    Observability,
    Placement,
    PythonModules,
    Route,
    Trigger,
    WorkerConfig,
)
from wrangler_compat.config.reader import ConfigDocument
from wrangler_compat.config.routing import ROUTE_KEYS, read_cron_triggers, read_routes
from wrangler_compat.config.sections import BindingSection
from wrangler_compat.config.settings import absolute_path, normalised_settings
from wrangler_compat.diagnostics import Diagnostics, KeyPath, Position
from wrangler_compat.names import suggest_worker_name

__all__ = ["build_worker_config", "outline_worker"]

T = TypeVar("T", bound=BaseModel)

_NAME = re.compile(r"[a-z0-9_][a-z0-9_-]*")


class _Parts(NamedTuple):
    """What is read with checks of its own."""

    cron_triggers: tuple[Trigger, ...]
    triggers: tuple[Trigger, ...]
    routes: tuple[Route, ...]
    bindings: tuple[Binding, ...]
    dev: DevSettings
    limits: Limits
    extra: Mapping[str, Any]


def build_worker_config(
    document: ConfigDocument,
    environment: Environment,
    sections: Iterable[BindingSection],
    today: datetime.date,
    report: Diagnostics,
) -> WorkerConfig | None:
    """Check and assemble; None where `report`, that of the whole file, has errors in the end."""
    sections = tuple(sections)
    name = _name(document, environment)
    main = _main(document, environment, document.path.parent)
    check_conditions(document, environment, today)
    _check_top_level(document, environment, sections, today)
    parts = _Parts(
        cron_triggers=read_cron_triggers(document, environment),
        triggers=read_triggers(document, environment),
        routes=read_routes(document, environment),
        bindings=read_bindings(document, environment, sections),
        dev=_dev(document, environment),
        limits=_limits(document, environment),
        extra={
            section.path[0]: environment.values[section.path[0]]
            for section in sections
            if section.path[0] in environment.values
        },
    )
    if report.has_errors or main is None:
        return None
    return _assemble(document, environment, name, main, parts)


def outline_worker(
    document: ConfigDocument, environment: Environment, sections: Iterable[BindingSection]
) -> WorkerConfig | None:
    """Return what is right in a config with errors: name, routes, bindings; None without a name.

    What is wrong is left out, and reported to the environment's report once more.
    """
    name = environment.values.get("name")
    if not name:
        return None
    folder = document.path.parent
    return WorkerConfig(
        config_path=document.path,
        folder=folder,
        name=name,
        top_level_name=environment.top_level_name or name,
        main=absolute_path(folder, environment.values.get("main", "")),
        target_environment=environment.target,
        defined_environments=environment.defined,
        routes=read_routes(document, environment),
        bindings=read_bindings(document, environment, sections),
        dev=_dev(document, environment),
        positions=_positions(document),
    )


def _assemble(
    document: ConfigDocument, environment: Environment, name: str, main: Path, parts: _Parts
) -> WorkerConfig:
    folder = document.path.parent
    values = environment.values
    settings = normalised_settings(document, environment)
    return WorkerConfig(
        config_path=document.path,
        folder=folder,
        name=name,
        top_level_name=environment.top_level_name or name,
        main=main,
        target_environment=environment.target,
        defined_environments=environment.defined,
        compatibility_date=values.get("compatibility_date"),
        compatibility_flags=tuple(values.get("compatibility_flags", ())),
        account_id=values.get("account_id"),
        keep_vars=values.get("keep_vars"),
        logpush=values.get("logpush"),
        send_metrics=values.get("send_metrics"),
        workers_dev=values.get("workers_dev"),
        preview_urls=values.get("preview_urls"),
        routes=parts.routes,
        crons=tuple(trigger.fields["cron"] for trigger in parts.cron_triggers),
        triggers=(*parts.cron_triggers, *parts.triggers),
        bindings=parts.bindings,
        required_secrets=_required_secrets(environment),
        assets=_table(Assets, settings, "assets"),
        migrations=tuple(map(Migration.model_validate, settings["migrations"])),
        base_dir=absolute_path(folder, values["base_dir"]) if "base_dir" in values else None,
        build=Build.model_validate(settings["build"]),
        find_additional_modules=values.get("find_additional_modules"),
        python_modules=PythonModules.model_validate(settings["python_modules"]),
        rules=tuple(map(ModuleRule.model_validate, settings["rules"])),
        dev=parts.dev,
        limits=parts.limits,
        observability=_table(Observability, settings, "observability"),
        placement=_table(Placement, settings, "placement"),
        settings=settings,
        origins=dict(environment.paths),
        extra=parts.extra,
        positions=_positions(document),
    )


def _positions(document: ConfigDocument) -> dict[KeyPath, Position]:
    return {path: document.position(path) for path in document.offsets}


def _table(model: type[T], settings: Mapping[str, Any], key: str) -> T | None:
    return model.model_validate(settings[key]) if key in settings else None


def _check_top_level(
    document: ConfigDocument,
    environment: Environment,
    sections: Iterable[BindingSection],
    today: datetime.date,
) -> None:
    """Report what is wrong with the keys of the top level that the environment does not inherit."""
    if environment.top is None:
        return
    hidden = {key for key in environment.top.values if environment.path(key) != (key,)}
    if any(environment.paths.get(key, (key,)) != (key,) for key in ROUTE_KEYS):
        hidden.update(ROUTE_KEYS)
    values = {
        key: value
        for key, value in environment.top.values.items()
        if key in hidden and key != "main"
    }
    top = replace(environment.top, values=values)
    _check_name(document, top)
    check_conditions(document, top, today)
    read_routes(document, top)
    read_cron_triggers(document, top)
    read_bindings(document, top, sections)


def _name(document: ConfigDocument, environment: Environment) -> str:
    name = environment.values.get("name")
    if not name:
        if name == "" or "name" not in document.data:
            suggested = suggest_worker_name(document.path.parent.name) or "my-worker"
            example = _assignment(document, "name", suggested)
            environment.report.add_error(
                f'Missing "name": say how the worker is called, for example {example}.',
                document.position(environment.paths.get("name", ("name",))),
            )
        return ""
    _check_name(document, environment)
    return str(name)


def _check_name(document: ConfigDocument, environment: Environment) -> None:
    name = environment.values.get("name")
    path = environment.path("name")
    top_level_name = environment.top_level_name
    if path == ("name",) and top_level_name and _NAME.fullmatch(top_level_name) is None:
        # The suffix has no part in it: an environment says what the top level says.
        name = top_level_name
    if name and _NAME.fullmatch(name) is None:
        environment.report.add_error(
            f'Expected "{place_label(path)}" to be of type string, alphanumeric and '
            f"lowercase with dashes only but got {json_text(name)}.",
            document.position(path),
        )


def _assignment(document: ConfigDocument, key: str, value: str) -> str:
    return f'{key} = "{value}"' if document.is_toml else f'"{key}": "{value}"'


def _main(document: ConfigDocument, environment: Environment, folder: Path) -> Path | None:
    main = environment.values.get("main")
    if main is None:
        if "main" not in document.data:
            example = _assignment(document, "main", "src/entry.py")
            environment.report.add_error(
                f'Missing "main": say which file holds the worker, for example {example}.',
                document.position(environment.paths.get("main", ("main",))),
            )
        return None
    path = absolute_path(folder, main)
    if not os.path.isfile(path):
        environment.report.add_error(
            f'The entry-point file at "{main}" was not found: {path} '
            f"{'is a folder' if os.path.isdir(path) else 'does not exist'}.\n"
            'Create it, or let "main" name the file that holds the worker.',
            document.position(environment.path("main")),
        )
    return path


def _required_secrets(environment: Environment) -> tuple[str, ...] | None:
    required = environment.values.get("secrets", {}).get("required")
    return None if required is None else tuple(required)


def _dev(document: ConfigDocument, environment: Environment) -> DevSettings:
    dev = environment.values.get("dev", {})
    ports = {
        key: _whole_number(document, environment, "dev", key, 0, 65_535)
        for key in ("port", "inspector_port")
    }
    local_protocol = dev.get("local_protocol", DevSettings().local_protocol)
    return DevSettings(
        ip=dev.get("ip"),
        port=ports["port"],
        inspector_port=ports["inspector_port"],
        local_protocol=local_protocol,
        upstream_protocol=dev.get("upstream_protocol", local_protocol),
        host=dev.get("host"),
    )


def _limits(document: ConfigDocument, environment: Environment) -> Limits:
    cpu_ms = _whole_number(document, environment, "limits", "cpu_ms", 1, None)
    subrequests = _whole_number(document, environment, "limits", "subrequests", 1, None)
    return Limits(cpu_ms=Limits().cpu_ms if cpu_ms is None else cpu_ms, subrequests=subrequests)


def _whole_number(
    document: ConfigDocument,
    environment: Environment,
    section: str,
    key: str,
    lowest: int,
    highest: int | None,
) -> int | None:
    value = environment.values.get(section, {}).get(key)
    if value is None:
        return None
    if value == value // 1 and lowest <= value and (highest is None or value <= highest):
        return int(value)
    up_to = "" if highest is None else f" and {highest} at most"
    environment.report.add_error(
        f'Expected "{section}.{key}" to be a whole number, {lowest} at least{up_to}, '
        f"but got {json_text(value)}.",
        document.position((*environment.path(section), key)),
    )
    return None
