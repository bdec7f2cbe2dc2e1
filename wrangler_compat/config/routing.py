"""The routes and crons of a config."""

from collections.abc import Iterable, Mapping
from typing import Any

from wrangler_compat.config.environments import Environment
from wrangler_compat.config.fields import is_of_type, json_text, place_label
from wrangler_compat.config.keys import ValueType
from wrangler_compat.config.model import Route, Trigger
from wrangler_compat.config.reader import ConfigDocument
from wrangler_compat.config.schedules import cron_fault
from wrangler_compat.diagnostics import Diagnostics, Position
from wrangler_compat.errors import RoutePatternError
from wrangler_compat.routes import parse_route_pattern

__all__ = ["ROUTE_KEYS", "read_cron_triggers", "read_routes"]

ROUTE_KEYS = ("route", "routes")
"""The keys that hold routes; one of them counts."""

_SHAPE = "{ pattern, custom_domain, zone_id | zone_name, enabled, previews_enabled }"
_FIELDS: Mapping[str, ValueType] = {
    "pattern": "string",
    "zone_id": "string",
    "zone_name": "string",
    "custom_domain": "boolean",
    "enabled": "boolean",
    "previews_enabled": "boolean",
}


def read_routes(document: ConfigDocument, environment: Environment) -> tuple[Route, ...]:
    """Return the routes of `route` or `routes`; report bad ones, and both keys side by side.

    An environment that sets one of the two keys does not inherit the other. One that inherits
    custom domains is reported.
    """
    paths = {key: environment.path(key) for key in ROUTE_KEYS if key in environment.values}
    own = {key: path for key, path in paths.items() if path[:-1] == environment.prefix}
    used = own or paths
    if len(used) == 2:
        environment.report.add_error(
            'Expected exactly one of the following fields ["routes","route"].',
            document.position(used["route"]),
        )
    routes: list[Route | None] = []
    for key, path in used.items():
        value = environment.values[key]
        label = place_label(path)
        if key == "route":
            routes.append(_route(value, label, document.position(path), environment.report))
            continue
        for index, item in enumerate(value):
            position = document.position((*path, index))
            routes.append(_route(item, f"{label}[{index}]", position, environment.report))
    good = tuple(route for route in routes if route is not None)
    if environment.top is not None and not own:
        _warn_of_inherited_domains(good, environment)
    return good


def _warn_of_inherited_domains(routes: Iterable[Route], environment: Environment) -> None:
    domains = [route for route in routes if route.custom_domain]
    if domains:
        name = f"env.{environment.target}"
        listed = ", ".join(route.pattern.text for route in domains)
        environment.report.add_warning(
            f'"{name}" inherits the custom domains of the top level ({listed}): deploying it takes '
            "them away from the worker of the top level.\n"
            f'Give "{name}" its own "routes", an empty list for none.',
            domains[0].position,
        )


def read_cron_triggers(document: ConfigDocument, environment: Environment) -> tuple[Trigger, ...]:
    """Return a trigger for each of `triggers.crons`; report what is no cron expression."""
    triggers: list[Trigger] = []
    path = (*environment.path("triggers"), "crons")
    for index, cron in enumerate(environment.values.get("triggers", {}).get("crons", ())):
        position = document.position((*path, index))
        triggers.append(Trigger(type="cron", fields={"cron": cron}, position=position))
        fault = cron_fault(cron)
        if fault is not None:
            environment.report.add_error(
                f'"{cron}" is not a cron expression: {fault}. Write minute, hour, day of month, '
                'month and day of week, for example "*/5 * * * *".',
                position,
            )
    return tuple(triggers)


def _route(value: Any, label: str, position: Position, report: Diagnostics) -> Route | None:
    fields: Mapping[str, Any] = {"pattern": value} if isinstance(value, str) else value
    fault = None if isinstance(value, str) else _shape_fault(value)
    if fault is not None:
        report.add_error(
            f'Expected "{label}" to be either a string, or an object with shape {_SHAPE}, '
            f"but got {json_text(value)}.\n{fault}",
            position,
        )
        return None
    custom_domain = bool(fields.get("custom_domain"))
    try:
        pattern = parse_route_pattern(fields["pattern"], custom_domain=custom_domain)
    except RoutePatternError as error:
        report.add_error(f"{label}: {error}", position)
        return None
    return Route(
        pattern=pattern,
        zone_name=fields.get("zone_name"),
        zone_id=fields.get("zone_id"),
        custom_domain=custom_domain,
        position=position,
    )


def _shape_fault(value: Any) -> str | None:
    """Return what a route that is no text does wrong."""
    if not isinstance(value, dict) or "pattern" not in value:
        return 'A route has a "pattern".'
    for key, item in value.items():
        if key not in _FIELDS:
            return f'"{key}" is no field of a route.'
        if not is_of_type(item, _FIELDS[key]):
            return f'"{key}" should be of type {_FIELDS[key]}.'
    if "zone_id" in value and "zone_name" in value:
        return 'Give one of "zone_id" and "zone_name".'
    if not value.keys() & {"zone_id", "zone_name", "custom_domain"}:
        return 'It does not say its zone: add "zone_name", or "custom_domain" for a whole host.'
    if value.keys() & {"enabled", "previews_enabled"} and "custom_domain" not in value:
        return '"enabled" and "previews_enabled" are for custom domains only.'
    return None
