"""The keys `limits` and `placement`: how long a worker may run, and where."""

from wrangler_compat.config.model.parts import ConfigPart, ConfigTable

__all__ = ["Limits", "Placement"]


class Limits(ConfigPart):
    """The section `limits`: CPU time of an invocation, and how many sub-requests it may make."""

    cpu_ms: int = 30_000
    subrequests: int | None = None


class Placement(ConfigTable):
    """The section `placement`: a mode, or the place that the worker should run near to."""

    mode: str | None = None
    hint: str | None = None
    region: str | None = None
    host: str | None = None
    hostname: str | None = None
