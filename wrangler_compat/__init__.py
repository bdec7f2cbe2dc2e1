"""wrangler's files and words: config, local secrets and routes, read and checked."""

from wrangler_compat.config import (
    Binding,
    DevSettings,
    Limits,
    Route,
    Trigger,
    WorkerConfig,
    find_config,
    load_config,
    read_config,
    review_workers,
)
from wrangler_compat.diagnostics import Diagnostics, Message, Position
from wrangler_compat.errors import CompatError, ConfigError, RoutePatternError
from wrangler_compat.routes import RoutePattern, RouteTable, parse_route_pattern
from wrangler_compat.secrets import LocalSecret, LocalSecrets, SecretValue, read_local_secrets

__all__ = [
    "Binding",
    "CompatError",
    "ConfigError",
    "DevSettings",
    "Diagnostics",
    "Limits",
    "LocalSecret",
    "LocalSecrets",
    "Message",
    "Position",
    "Route",
    "RoutePattern",
    "RoutePatternError",
    "RouteTable",
    "SecretValue",
    "Trigger",
    "WorkerConfig",
    "find_config",
    "load_config",
    "parse_route_pattern",
    "read_config",
    "read_local_secrets",
    "review_workers",
]
