"""What the kit refuses.

KitError
├── RouteLoadError    routes that cannot be served as they are written
└── SettingsError     what stands on `env` does not make the settings
"""

from collections.abc import Sequence
from typing import ClassVar

__all__ = ["KitError", "RouteLoadError", "SettingsError"]


class KitError(Exception):
    """Root of the kit's own errors; `code` is stable."""

    code: ClassVar[str] = "kit_error"


class RouteLoadError(KitError):
    """A route is written wrongly; the message names its module, what is wrong and what to do."""

    code: ClassVar[str] = "route_load"


class SettingsError(KitError, ValueError):
    """Settings are missing or wrong; each of `faults` names one and what sets it, never a value."""

    code: ClassVar[str] = "settings"

    def __init__(self, settings: str, faults: Sequence[str]) -> None:
        """Take the name of the class of settings, and a sentence or two for each fault."""
        self.faults = tuple(faults)
        super().__init__("\n  - ".join((f"{settings} cannot be made from env:", *faults)))
