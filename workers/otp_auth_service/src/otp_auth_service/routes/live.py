"""Does it answer at all?"""

from otp_auth_service.calls import Call
from otp_auth_service.refusals import json_response
from otp_auth_service.times import iso_time
from workers import Response

__all__ = ["get", "path"]

path = "/health/live"


def get(call: Call) -> Response:
    """Say so."""
    return json_response(
        {
            "status": "ok",
            "service": "otp-auth-service",
            "timestamp": iso_time(call.resources.clock()),
        }
    )
