"""What workers written with the `workers` API share."""

from typing import TYPE_CHECKING, Any

from workerkit.bindings import Binding, KVNamespace, Service
from workerkit.bodies import read_body, read_object
from workerkit.cors import Cors, Origins, with_headers
from workerkit.errors import KitError, RouteLoadError, SettingsError
from workerkit.locks import KeyedLocks
from workerkit.problems import Problem
from workerkit.router import CallNext, Middleware, Router

if TYPE_CHECKING:
    from workerkit.settings import WorkerSettings

__all__ = [
    "Binding",
    "CallNext",
    "Cors",
    "KVNamespace",
    "KeyedLocks",
    "KitError",
    "Middleware",
    "Origins",
    "Problem",
    "RouteLoadError",
    "Router",
    "Service",
    "SettingsError",
    "WorkerSettings",
    "read_body",
    "read_object",
    "with_headers",
]


def __getattr__(name: str) -> Any:
    if name != "WorkerSettings":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    # On demand: it brings pydantic-settings, which a worker that only routes has no use for.
    from workerkit.settings import WorkerSettings

    return WorkerSettings
