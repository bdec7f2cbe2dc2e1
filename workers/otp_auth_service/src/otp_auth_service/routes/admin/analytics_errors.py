"""Which errors a tenant's users have met."""

from collections import Counter
from typing import Final

from otp_auth_service.administration import administer_activity, read_query
from otp_auth_service.calls import Call
from otp_auth_service.periods import read_period
from otp_auth_service.times import day_of
from workers import Response

__all__ = ["get", "path"]

path = "/admin/analytics/errors"

_MAX_SHOWN: Final = 100


async def get(call: Call) -> Response:
    """Answer with how many there were in a period, by category and endpoint, and the latest."""
    admin, activity = await administer_activity(call)
    period = read_period(read_query(call), day_of(call.resources.clock()))
    errors = await activity.errors(period.start, period.end)
    return await call.answer_admin(
        admin,
        {
            "total": len(errors),
            "byCategory": Counter(str(error.get("category")) for error in errors),
            "byEndpoint": Counter(str(error.get("endpoint")) for error in errors),
            "errors": errors[:_MAX_SHOWN],
        },
    )
