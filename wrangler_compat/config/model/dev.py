"""The key `dev`: how a worker is served locally."""

from wrangler_compat.config.model.parts import ConfigPart

__all__ = ["DevSettings"]


class DevSettings(ConfigPart):
    """The section `dev`; None where it says nothing."""

    ip: str | None = None
    port: int | None = None
    inspector_port: int | None = None
    local_protocol: str = "http"
    upstream_protocol: str = "http"
    host: str | None = None
