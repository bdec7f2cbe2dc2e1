"""A user's display name."""

from otp_auth_service.calls import Call
from otp_auth_service.refusals import json_response
from workers import Response

__all__ = ["get", "path", "put"]

path = "/user/display-name"


async def get(call: Call) -> Response:
    """Answer with the name."""
    _, user = await call.user()
    return json_response({"success": True, "displayName": user.displayName}, is_private=True)


async def put(call: Call) -> Response:
    """Change the name to the one in the body."""
    email_hash, user = await call.user()
    body = await call.read_object()
    user = await call.display_names.choose(email_hash, user, body.get("displayName"))
    return json_response({"success": True, "displayName": user.displayName}, is_private=True)
