"""The keys `route` and `routes`."""

from wrangler_compat.config.model.parts import ConfigPart
from wrangler_compat.diagnostics import Position
from wrangler_compat.routes import RoutePattern

__all__ = ["Route"]


class Route(ConfigPart):
    """A route of a worker: its pattern, and the zone that it is meant for."""

    pattern: RoutePattern
    zone_name: str | None = None
    zone_id: str | None = None
    custom_domain: bool = False
    position: Position | None = None
