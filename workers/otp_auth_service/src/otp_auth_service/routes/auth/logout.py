"""Signing out."""

from identity import TokenError
from otp_auth_service.calls import Call
from otp_auth_service.refusals import Refusal, json_response
from workers import Response

__all__ = ["path", "post"]

path = "/auth/logout"


async def post(call: Call) -> Response:
    """Revoke the token of the request."""
    try:
        claims = await call.sessions.end(call.token())
    except TokenError:
        raise Refusal(401, "Invalid or expired token") from None
    await call.tenant_activity.log("logout", userId=claims.user_id or claims.sub)
    return json_response({"success": True, "message": "Logged out successfully"}, is_private=True)
