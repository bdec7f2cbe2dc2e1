"""What the kit refuses.

KitError
└── RouteLoadError    routes that cannot be served as they are written
"""

from typing import ClassVar

__all__ = ["KitError", "RouteLoadError"]


class KitError(Exception):
    """Root of the kit's own errors; `code` is stable."""

    code: ClassVar[str] = "kit_error"


class RouteLoadError(KitError):
    """A route is written wrongly; the message names its module, what is wrong and what to do."""

    code: ClassVar[str] = "route_load"
