"""Accidents that can be seen only in several workers, or several environments, side by side."""

import re
from collections.abc import Iterable, Sequence
from pathlib import Path

from wrangler_compat.config.model import Binding, WorkerConfig
from wrangler_compat.config.sections import BINDING_SECTIONS
from wrangler_compat.diagnostics import Diagnostics, Position
from wrangler_compat.routes import RoutePattern

__all__ = ["review_workers"]

_WORKER_FIELDS = {s.kind: s.worker_field for s in BINDING_SECTIONS if s.worker_field is not None}
_RESOURCE_FIELDS = {
    s.kind: s.resource_field for s in BINDING_SECTIONS if s.resource_field is not None
}
_SECRET_NAME = re.compile(
    r"(?:^|_)(?:secret|token|passw(?:or)?d|credentials?|(?:api|private|signing|encryption)_?key)$",
    re.IGNORECASE,
)


def review_workers(configs: Iterable[WorkerConfig], report: Diagnostics) -> None:
    """Report, as warnings, what a config file alone cannot show.

    `configs` are workers that are meant to run side by side, and may hold one file several times,
    each time for another environment. Reported are variables that look like secrets, services
    that no worker provides, a route that two workers claim, and a resource such as a KV namespace
    that two environments of one file share.
    """
    configs = list(configs)
    _warn_of_secrets_in_the_open(configs, report)
    _warn_of_missing_workers(configs, report)
    _warn_of_contested_routes(configs, report)
    _warn_of_shared_resources(configs, report)


def _warn_of_secrets_in_the_open(configs: Sequence[WorkerConfig], report: Diagnostics) -> None:
    seen: set[Position | None] = set()
    for config in configs:
        for binding in config.bindings:
            text = binding.fields.get("text")
            # An environment that is read twice, and what stands in no file, is not named again.
            if binding.type != "plain_text" or not text or binding.position in seen:
                continue
            seen.add(binding.position)
            if binding.source is None and _SECRET_NAME.search(binding.name):
                report.add_warning(
                    f'The variable "{binding.name}" looks like a secret, and stands in the open.\n'
                    f"Remove it from the config, and put {binding.name}=… into .dev.vars, which "
                    "is kept out of version control.",
                    binding.position,
                )


def _warn_of_missing_workers(configs: Sequence[WorkerConfig], report: Diagnostics) -> None:
    provided = {name for config in configs for name in (config.name, config.top_level_name)}
    for config in configs:
        for binding in config.bindings:
            target = binding.fields.get(_WORKER_FIELDS.get(binding.type, ""))
            if target is not None and target not in provided:
                report.add_warning(
                    f'"{binding.name}" of worker "{config.name}" leads to a worker "{target}", '
                    f"which does not exist here. There are: {', '.join(sorted(provided))}.",
                    binding.position,
                )


def _warn_of_contested_routes(configs: Sequence[WorkerConfig], report: Diagnostics) -> None:
    claims: dict[tuple[object, ...], tuple[str, Position | None]] = {}
    for config in configs:
        for route in config.routes:
            first, place = claims.setdefault(_claim(route.pattern), (config.name, route.position))
            if first != config.name:
                report.add_warning(
                    f'Two workers claim the route "{route.pattern.text}": "{first}" ({place}) and '
                    f'"{config.name}". Requests go to one of them only.',
                    route.position,
                )


def _claim(pattern: RoutePattern) -> tuple[object, ...]:
    return (pattern.host_wildcard, pattern.host, pattern.path, pattern.path_wildcard)


def _warn_of_shared_resources(configs: Sequence[WorkerConfig], report: Diagnostics) -> None:
    owners: dict[tuple[Path, str, object], tuple[str | None, Binding]] = {}
    for config in configs:
        for binding in config.bindings:
            resource = binding.fields.get(_RESOURCE_FIELDS.get(binding.type, ""))
            if resource is None:
                continue
            own = (config.target_environment, binding)
            env, first = owners.setdefault((config.config_path, binding.type, resource), own)
            if env != config.target_environment and first.position != binding.position:
                report.add_warning(
                    f"{_called(env)} and {_called(config.target_environment)} share the "
                    f'{binding.type} "{resource}" ("{first.name}", {first.position}): what one '
                    "writes, the other reads.",
                    binding.position,
                )


def _called(env: str | None) -> str:
    return "The top level" if env is None else f'"env.{env}"'
