"""What goes on in a tenant at this moment."""

from typing import Final

from otp_auth_service.administration import administer_activity
from otp_auth_service.calls import Call
from otp_auth_service.times import day_of, iso_time
from workers import Response

__all__ = ["get", "path"]

path = "/admin/analytics/realtime"

_ACTIVE_S: Final = 15 * 60
_MINUTE_S: Final = 60


async def get(call: Call) -> Response:
    """Answer with who did something within 15 minutes, and what was done within the last one."""
    admin, activity = await administer_activity(call)
    now = call.resources.clock()
    events = await activity.events(day_of(now - _ACTIVE_S), day_of(now))
    # Texts of one form, so that they stand in the order of time.
    active = [event for event in events if _time(event) > iso_time(now - _ACTIVE_S)]
    latest = [event for event in active if _time(event) > iso_time(now - _MINUTE_S)]
    users = {event["userId"] for event in active if "userId" in event}
    return await call.answer_admin(
        admin, {"activeUsers": len(users), "requestsPerMinute": len(latest)}
    )


def _time(event: dict[str, object]) -> str:
    return str(event.get("timestamp", ""))
