"""The worker: every request comes in here, and every answer leaves from here."""

import logging
import time
import traceback
from collections.abc import Callable
from typing import Any, Final

from customer_api import routes
from customer_api.calls import Call, Resources
from customer_api.refusals import (
    endpoint_not_found,
    method_is_not_allowed,
    path_is_malformed,
    server_failed,
)
from customer_api.revocation import Revocation
from customer_api.settings import Settings, SettingsReader
from identity import ResponseCipher, TokenVerifier, public_path, without_emails
from workerkit import KeyedLocks, Problem, Router, with_headers
from workers import Request, Response, WorkerEntrypoint

__all__ = ["CustomerApi", "Default"]

# Where not even the settings can be read: no origin is allowed, and no reason told.
_UNREAD: Final = Settings()
_ON_EVERY_ANSWER: Final = {"X-Content-Type-Options": "nosniff", "Cache-Control": "no-store"}

logger = logging.getLogger(__name__)


class CustomerApi:
    """What lives as long as the loaded worker: routes, locks, derived keys, checked tokens."""

    def __init__(self, *, clock: Callable[[], float] = time.time) -> None:
        """Load the routes; `clock` tells seconds since the epoch."""
        self._settings = SettingsReader()
        self._resources = Resources(
            clock=clock,
            locks=KeyedLocks(),
            verifier=TokenVerifier(clock=clock),
            cipher=ResponseCipher(clock=clock),
            revocation=Revocation(clock=clock),
        )
        self._router = Router(
            routes,
            context=["call"],
            not_found=_refuse_path,
            bad_path=_refuse_escape,
            method_not_allowed=_refuse_method,
        )

    async def answer(self, request: Request, env: Any) -> Response:
        """Answer a request: CORS, its route, and a problem for whatever is refused or fails."""
        settings, headers = _UNREAD, _ON_EVERY_ANSWER
        try:
            settings = self._settings.read(env)
            headers = settings.cors.answer_headers(request) | _ON_EVERY_ANSWER
            if request.method == "OPTIONS":
                return with_headers(settings.cors.preflight(request), headers.items())
            call = Call(
                request=request,
                headers=headers,
                env=env,
                settings=settings,
                resources=self._resources,
            )
            return await self._router.handle(request, env, call=call)
        except Problem as problem:
            response = problem.response(public_path(request.url))
        except Exception as error:
            response = _failure(request, settings, error)
        return with_headers(response, headers.items())


def _failure(request: Request, settings: Settings, error: Exception) -> Response:
    path = public_path(request.url)
    trace = without_emails("".join(traceback.format_exception(error)))
    logger.error("%s %s failed\n%s", request.method, path, trace)
    reason = f"{type(error).__name__}: {error}" if settings.is_development else None
    return server_failed(reason).response(path)


def _refuse_path() -> Response:
    raise endpoint_not_found()


def _refuse_escape() -> Response:
    raise path_is_malformed()


def _refuse_method(allow: str) -> Response:
    raise method_is_not_allowed(allow)


_api = CustomerApi()


class Default(WorkerEntrypoint):
    """The entrypoint; one object a request, so that what lasts is kept beside it."""

    async def fetch(self, request: Request) -> Response:
        """Answer a request."""
        return await _api.answer(request, self.env)
