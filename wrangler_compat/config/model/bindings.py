"""What stands on `env`, and what runs a worker besides requests."""

from collections.abc import Mapping
from typing import Any

from wrangler_compat.config.model.parts import ConfigPart
from wrangler_compat.diagnostics import Position

__all__ = ["Binding", "Trigger"]


class Binding(ConfigPart):
    """One binding in Cloudflare's flat form: `name`, `type`, and the fields of that type.

    `source` names what the binding comes from, where that is not the config file: `.dev.vars:3`,
    an environment variable, the command line.
    """

    name: str
    type: str
    fields: Mapping[str, Any]
    position: Position | None = None
    source: str | None = None


class Trigger(ConfigPart):
    """What runs a worker besides requests: `cron` {cron}, `queue` {queue, …}, `tail` {service}."""

    type: str
    fields: Mapping[str, Any]
    position: Position | None = None
