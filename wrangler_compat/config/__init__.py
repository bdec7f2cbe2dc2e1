"""Reading a config file: `wrangler.toml`, `wrangler.json` or `wrangler.jsonc`."""

from wrangler_compat.config.check import check_config
from wrangler_compat.config.explain import (
    ExplainedSecret,
    ExplainedValue,
    explain_secrets,
    explain_settings,
)
from wrangler_compat.config.load import load_config, read_config
from wrangler_compat.config.model import (
    Assets,
    Binding,
    Build,
    DevSettings,
    Limits,
    Logs,
    Migration,
    ModuleRule,
    Observability,
    Placement,
    PythonModules,
    RenamedClass,
    Route,
    Traces,
    TransferredClass,
    Trigger,
    WorkerConfig,
)
from wrangler_compat.config.reader import find_config
from wrangler_compat.config.review import review_workers

__all__ = [
    "Assets",
    "Binding",
    "Build",
    "DevSettings",
    "ExplainedSecret",
    "ExplainedValue",
    "Limits",
    "Logs",
    "Migration",
    "ModuleRule",
    "Observability",
    "Placement",
    "PythonModules",
    "RenamedClass",
    "Route",
    "Traces",
    "TransferredClass",
    "Trigger",
    "WorkerConfig",
    "check_config",
    "explain_secrets",
    "explain_settings",
    "find_config",
    "load_config",
    "read_config",
    "review_workers",
]
