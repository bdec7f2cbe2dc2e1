"""Can it work? Anyone may ask, and learns no secret."""

import asyncio
import logging
from typing import Final

from customer_api.calls import Call
from customer_api.refusals import not_ready
from workers import Response

__all__ = ["get", "path"]

path = "/health/ready"

_TIMEOUT_S: Final = 5.0
_KV: Final = "CUSTOMER_KV"
# No record has this key.
_PROBE: Final = "health"

logger = logging.getLogger(__name__)


async def get(call: Call) -> Response:
    """Check what requests need; a failed check is named in the problem."""
    checks = {_KV: await _check_kv(call), "JWT_SECRET": "ok", "SERVICE_API_KEY": "ok"}
    checks |= call.settings.problems_of_setup
    failed = {name: result for name, result in checks.items() if result != "ok"}
    if failed:
        raise not_ready(checks)
    return call.answer_json({"status": "ok", "timestamp": call.timestamp, "checks": checks})


async def _check_kv(call: Call) -> str:
    if getattr(call.env, _KV, None) is None:
        return "missing"
    try:
        async with asyncio.timeout(_TIMEOUT_S):
            await call.env.CUSTOMER_KV.get(_PROBE)
    except Exception as error:
        logger.error("%s cannot be read: %s", _KV, type(error).__name__)
        return "cannot be read"
    return "ok"
