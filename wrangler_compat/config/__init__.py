"""Reading a config file: `wrangler.toml`, `wrangler.json` or `wrangler.jsonc`."""

from wrangler_compat.config.load import load_config, read_config
from wrangler_compat.config.model import (
    Binding,
    DevSettings,
    Limits,
    Route,
    Trigger,
    WorkerConfig,
)
from wrangler_compat.config.reader import find_config
from wrangler_compat.config.review import review_workers

__all__ = [
    "Binding",
    "DevSettings",
    "Limits",
    "Route",
    "Trigger",
    "WorkerConfig",
    "find_config",
    "load_config",
    "read_config",
    "review_workers",
]
