"""The worker: every request comes in here, and every answer leaves from here."""

import logging
import time
import traceback
from collections.abc import Callable
from typing import Any, Final

from identity import ResponseCipher, public_path, without_emails
from otp_auth_service import routes
from otp_auth_service.calls import Call, Resources
from otp_auth_service.failures import category_of, endpoint_of, is_noted
from otp_auth_service.origins import cors_for, preflight_cors
from otp_auth_service.refusals import Refusal
from otp_auth_service.settings import Settings
from workerkit import Problem, Router, with_headers
from workers import Context, Request, Response, WorkerEntrypoint

__all__ = ["Default", "OtpAuthService"]

_INTERNAL: Final = "An internal server error occurred"
# Clients of the admin API read `{"error": …}`, whoever refuses.
_PLAIN: Final = "/admin/"
_ON_EVERY_ANSWER: Final = (
    ("X-Content-Type-Options", "nosniff"),
    ("X-Frame-Options", "DENY"),
    ("Strict-Transport-Security", "max-age=31536000; includeSubDomains"),
    ("Referrer-Policy", "no-referrer"),
)

logger = logging.getLogger(__name__)


class OtpAuthService:
    """What lives as long as the loaded worker: routes, locks, and what was found out lately."""

    def __init__(self, *, clock: Callable[[], float] = time.time) -> None:
        """Load the routes; `clock` tells seconds since the epoch."""
        self._resources = Resources(clock=clock, cipher=ResponseCipher(clock=clock))
        self._settings: tuple[object, Settings] | None = None
        self._router = Router(
            routes,
            context=["call"],
            not_found=_refuse_path,
            bad_path=_refuse_escape,
            method_not_allowed=_refuse_method,
        )

    async def answer(self, request: Request, env: Any, ctx: Context) -> Response:
        """Answer a request: CORS, its route, and an error for whatever is refused or fails."""
        settings = self._read_settings(env)
        if request.method == "OPTIONS":
            response = preflight_cors(settings, request).preflight(request)
            return with_headers(response, _ON_EVERY_ANSWER)
        call = Call(request, ctx, settings, self._resources)
        response = await self._respond(call, env)
        cors = cors_for(settings, call.tenant).answer_headers(request)
        return with_headers(response, [*cors.items(), *_ON_EVERY_ANSWER])

    async def _respond(self, call: Call, env: Any) -> Response:
        path = public_path(call.request.url)
        try:
            await call.identify_tenant()
            return await self._router.handle(call.request, env, call.ctx, call=call)
        except Refusal as refusal:
            _note(call, path, refusal.status, str(refusal))
            return refusal.response()
        except Problem as problem:
            _note(call, path, problem.status, problem.detail)
            return _refused(problem, path)
        except Exception as error:
            trace = without_emails("".join(traceback.format_exception(error)))
            logger.error("%s %s failed\n%s", call.request.method, path, trace)
            _note(call, path, 500, type(error).__name__)
            shown = f"{type(error).__name__}: {error}"
            detail = shown if call.settings.is_development else _INTERNAL
            return _refused(Problem(500, detail), path)

    def _read_settings(self, env: Any) -> Settings:
        """Return the settings of an `env`, read again only for another one."""
        if self._settings is None or self._settings[0] is not env:
            self._settings = (env, Settings.from_env(env))
        return self._settings[1]


def _refused(problem: Problem, path: str) -> Response:
    """Return a problem in the form that the clients of its path read."""
    if f"{path}/".startswith(_PLAIN):
        return Refusal.of_problem(problem).response()
    return problem.response(path)


def _note(call: Call, path: str, status: int, message: str) -> None:
    if is_noted(path, status):
        call.later(_put_note(call, path, status, message))


async def _put_note(call: Call, path: str, status: int, message: str) -> None:
    try:
        endpoint = endpoint_of(path)
        await call.tenant_activity.note_error(category_of(status), message, endpoint)
    except Exception as error:
        # It has been answered and logged already; the analytics go without.
        logger.error("an error could not be noted: %s", type(error).__name__)


def _refuse_path() -> Response:
    raise Problem(404, "The requested endpoint was not found", code="endpoint_not_found")


def _refuse_escape() -> Response:
    raise Problem(400, "The path has a malformed percent escape")


def _refuse_method(allow: str) -> Response:
    raise Problem(405, f"This path answers {allow}", headers={"Allow": allow})


_service = OtpAuthService()


class Default(WorkerEntrypoint):
    """The entrypoint; one object a request, so that what lasts is kept beside it."""

    async def fetch(self, request: Request) -> Response:
        """Answer a request."""
        return await _service.answer(request, self.env, self.ctx)
