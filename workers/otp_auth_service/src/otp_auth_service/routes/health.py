"""Is it running, and can it work? Anyone may ask, and learns no secret."""

import asyncio
import logging
from typing import Final

from otp_auth_service.calls import Call
from otp_auth_service.mail.senders import choose_sender
from otp_auth_service.refusals import json_response
from otp_auth_service.times import iso_time
from workerkit import Problem
from workers import Response

__all__ = ["get", "paths"]

paths = ["/health", "/health/ready"]

_TIMEOUT_S: Final = 5.0
# No record has this key.
_PROBE: Final = "health"

logger = logging.getLogger(__name__)


async def get(call: Call) -> Response:
    """Check what requests need; 503 names each check that has failed."""
    checks = {"OTP_AUTH_KV": await _check_kv(call), "email": _check_email(call)}
    is_well = all(result == "ok" for result in checks.values())
    return json_response(
        {
            "status": "ok" if is_well else "error",
            "service": "otp-auth-service",
            "timestamp": iso_time(call.resources.clock()),
            "checks": checks,
        },
        status=200 if is_well else 503,
        is_private=True,
    )


async def _check_kv(call: Call) -> str:
    try:
        async with asyncio.timeout(_TIMEOUT_S):
            await call.store.get(_PROBE)
    except Exception as error:
        logger.error("OTP_AUTH_KV cannot be read: %s", type(error).__name__)
        return "cannot be read"
    return "ok"


def _check_email(call: Call) -> str:
    try:
        choose_sender(call.settings)
    except Problem as problem:
        return problem.detail
    return "ok"
