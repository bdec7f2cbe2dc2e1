"""Another display name, made up."""

from otp_auth_service.calls import Call
from otp_auth_service.refusals import json_response
from workers import Response

__all__ = ["path", "post"]

path = "/user/display-name/regenerate"


async def post(call: Call) -> Response:
    """Give the user a name that nobody has."""
    email_hash, user = await call.user()
    user = await call.display_names.generate(email_hash, user)
    return json_response({"success": True, "displayName": user.displayName}, is_private=True)
