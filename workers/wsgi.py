"""WSGI applications as workers: the names of Cloudflare's adapter, which run from 0.2 on."""

from dataclasses import dataclass
from typing import Any, NoReturn

from workers.gateway import BaseOptions
from workers.request import Request
from workers.types import Context

__all__ = ["Options", "entrypoint", "fetch"]

_NOT_YET = "WSGI apps run from version 0.2 of edgestead on; ASGI apps run now: workers.asgi.fetch"


@dataclass(frozen=True, kw_only=True)
class Options(BaseOptions):
    """Options of the WSGI adapter."""


async def fetch(
    app: Any,
    req: Request,
    env: Any,
    ctx: Context | None = None,
    *,
    options: Options | None = None,
) -> NoReturn:
    """Raise NotImplementedError, which names the version that runs WSGI applications."""
    raise NotImplementedError(_NOT_YET)


def entrypoint(app: Any, *, options: Options | None = None) -> NoReturn:
    """Raise NotImplementedError as `fetch` does, so that the worker does not load."""
    raise NotImplementedError(_NOT_YET)
