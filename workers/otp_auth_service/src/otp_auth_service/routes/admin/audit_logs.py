"""What has happened in a tenant."""

from typing import Final

from otp_auth_service.administration import administer_activity, read_query
from otp_auth_service.calls import Call
from otp_auth_service.periods import read_period
from otp_auth_service.times import day_of
from workers import Response

__all__ = ["get", "path"]

path = "/admin/audit-logs"

_MAX_SHOWN: Final = 1000


async def get(call: Call) -> Response:
    """Answer with the events of a period, newest first, and of one type where that is asked for."""
    admin, activity = await administer_activity(call)
    query = read_query(call)
    period = read_period(query, day_of(call.resources.clock()))
    wanted = query.get("eventType")
    events = await activity.events(period.start, period.end)
    if wanted:
        events = [event for event in events if event.get("eventType") == wanted]
    return await call.answer_admin(
        admin,
        {
            "success": True,
            "period": period.as_json(),
            "total": len(events),
            "events": events[:_MAX_SHOWN],
        },
    )
