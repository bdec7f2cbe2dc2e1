"""Every exception that this package raises.

CompatError
├── ConfigError            a config file, or what stands beside it, cannot be used
└── RoutePatternError      a text is not a route pattern
"""

from typing import ClassVar

from wrangler_compat.diagnostics import Diagnostics

__all__ = ["CompatError", "ConfigError", "RoutePatternError"]


class CompatError(Exception):
    """The root of this package's exceptions.

    `code` is stable and may be matched on; `exit_code` is what a command line ends with.
    """

    code: ClassVar[str] = "compat_error"
    exit_code: ClassVar[int] = 1


class ConfigError(CompatError):
    """A configuration has errors; `str()` is all of them as a tree, warnings left out."""

    code = "config_invalid"

    def __init__(self, diagnostics: Diagnostics) -> None:
        """Take the whole report; its warnings stay readable in `diagnostics`."""
        super().__init__(diagnostics.render_errors())
        self.diagnostics = diagnostics


class RoutePatternError(CompatError, ValueError):
    """A text is not a route pattern; the message says which rule it breaks."""

    code = "route_pattern_invalid"
