"""Asking for a code."""

from otp_auth_service.calls import Call
from otp_auth_service.keys import CODE_TTL_S
from otp_auth_service.refusals import json_response
from otp_auth_service.sign_in import read_email, send_code
from workers import Response

__all__ = ["path", "post"]

path = "/auth/request-otp"


async def post(call: Call) -> Response:
    """Send a code to the address in the body."""
    email = read_email(await call.read_object())
    remaining = await send_code(call, email)
    return json_response(
        {
            "success": True,
            "message": "OTP sent to email",
            "expiresIn": CODE_TTL_S,
            "remaining": remaining,
        }
    )
