"""How many codes were asked for, and how many sign-ins came of them."""

from typing import Any

from otp_auth_service.activity import COUNTERS, Counters
from otp_auth_service.administration import administer_activity, read_query
from otp_auth_service.calls import Call
from otp_auth_service.periods import read_period
from otp_auth_service.times import day_of
from workers import Response

__all__ = ["get", "path"]

path = "/admin/analytics"


async def get(call: Call) -> Response:
    """Answer with the counters of today, of a period in all, and of each of its days."""
    admin, activity = await administer_activity(call)
    today = day_of(call.resources.clock())
    period = read_period(read_query(call), today)
    days = await activity.days(period.start, period.end)
    [(_, counted_today)] = await activity.days(today, today)
    in_all = {name: sum(counters[name] for _, counters in days) for name in COUNTERS}
    return await call.answer_admin(
        admin,
        {
            "today": _shown(counted_today),
            "period": {**period.as_json(), **_shown(in_all)},
            "days": [{"date": day.isoformat(), **_shown(counters)} for day, counters in days],
        },
    )


def _shown(counters: Counters) -> dict[str, Any]:
    """Return the counters, and how many of a hundred tries with a code were right."""
    tries = counters["otpVerifications"]
    rate = 100 * counters["successfulLogins"] / tries if tries else 0.0
    return {**counters, "successRate": round(rate, 1)}
