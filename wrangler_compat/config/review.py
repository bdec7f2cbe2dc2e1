"""Accidents that can be seen only in several workers, or several environments, side by side."""

from collections.abc import Iterable, Sequence
from pathlib import Path

from wrangler_compat.config.fields import place_label
from wrangler_compat.config.model import Binding, WorkerConfig
from wrangler_compat.config.secrecy import looks_like_secret
from wrangler_compat.config.sections import BINDING_SECTIONS
from wrangler_compat.config.values import leaves
from wrangler_compat.diagnostics import Diagnostics, Position
from wrangler_compat.routes import RoutePattern

__all__ = ["review_workers"]

_WORKER_FIELDS = {s.kind: s.worker_field for s in BINDING_SECTIONS if s.worker_field is not None}
_RESOURCE_FIELDS = {
    s.kind: s.resource_field for s in BINDING_SECTIONS if s.resource_field is not None
}


def review_workers(
    configs: Iterable[WorkerConfig], report: Diagnostics, *, complete: bool = True
) -> None:
    """Report, as warnings, what a config file alone cannot show.

    `configs` are workers that are meant to run side by side, and may hold one file several times,
    each time for another environment. Reported are variables that look like secrets, services
    that no worker provides, a route that two workers claim, and a resource such as a KV namespace
    that two environments of one file share. Unless `configs` are `complete`, nothing is said of
    services: the worker may be one that is left out.
    """
    configs = list(configs)
    _warn_of_secrets_in_the_open(configs, report)
    if complete:
        _warn_of_missing_workers(configs, report)
    _warn_of_contested_routes(configs, report)
    _warn_of_shared_resources(configs, report)


def _warn_of_secrets_in_the_open(configs: Sequence[WorkerConfig], report: Diagnostics) -> None:
    # A file that is read for several environments has a variable several times.
    seen: set[Position] = set()
    for config in configs:
        for binding in config.bindings:
            if binding.position is None or binding.source is not None:
                continue
            value = binding.fields.get("text", binding.fields.get("json"))
            for path, text in leaves(value, (binding.name,)):
                place = config.positions.get((*binding.position.key, *path[1:]), binding.position)
                if place not in seen and looks_like_secret(str(path[-1]), text):
                    seen.add(place)
                    report.add_warning(
                        f'The variable "{place_label(path)}" looks like a secret, and stands in '
                        "the open.\n"
                        f"Remove it from the config, and put {binding.name}=… into .dev.vars, "
                        "which is kept out of version control.",
                        place,
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
    claims: dict[tuple[object, ...], tuple[WorkerConfig, Position | None]] = {}
    told: set[object] = set()
    for config in configs:
        for route in config.routes:
            first, place = claims.setdefault(_claim(route.pattern), (config, route.position))
            # Environments that inherit a route claim it once more, at the same place.
            contest = (place, route.position)
            if first.name == config.name or contest in told:
                continue
            if first.config_path != config.config_path:
                told.add(contest)
            report.add_warning(
                f'Two workers claim the route "{route.pattern.text}": "{first.name}" '
                f'({place or first.config_path}) and "{config.name}". '
                "Requests go to one of them only.",
                route.position,
            )


def _claim(pattern: RoutePattern) -> tuple[object, ...]:
    # A custom domain and `host/*` are the same requests.
    return (pattern.host_wildcard, pattern.host, pattern.path or "/", pattern.path_wildcard)


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
