"""A worker's configuration, typed and normalised: one module a group of keys."""

from wrangler_compat.config.model.assets import Assets
from wrangler_compat.config.model.bindings import Binding, Trigger
from wrangler_compat.config.model.dev import DevSettings
from wrangler_compat.config.model.limits import Limits, Placement
from wrangler_compat.config.model.migrations import Migration, RenamedClass, TransferredClass
from wrangler_compat.config.model.modules import Build, ModuleRule, PythonModules
from wrangler_compat.config.model.observability import Logs, Observability, Traces
from wrangler_compat.config.model.routing import Route
from wrangler_compat.config.model.worker import WorkerConfig

__all__ = [
    "Assets",
    "Binding",
    "Build",
    "DevSettings",
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
]
