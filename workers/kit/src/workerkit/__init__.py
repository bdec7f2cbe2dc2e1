"""What workers written with the `workers` API share."""

from workerkit.errors import KitError, RouteLoadError
from workerkit.router import CallNext, Middleware, Router

__all__ = ["CallNext", "KitError", "Middleware", "RouteLoadError", "Router"]
