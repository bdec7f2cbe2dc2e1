"""Who the holder of a token is."""

from otp_auth_service.calls import Call
from otp_auth_service.refusals import json_response
from workers import Response

__all__ = ["get", "path"]

path = "/auth/me"


async def get(call: Call) -> Response:
    """Answer with the user whom the token names."""
    claims = await call.claims()
    _, user = await call.user_of(claims)
    info = {
        "id": user.userId,
        "customerId": user.customerId,
        "sub": claims.sub,
        "email": user.email,
        "email_verified": True,
        "iss": claims.iss,
        "aud": claims.all.get("aud"),
        "userId": user.userId,
        "displayName": user.displayName,
        "createdAt": user.createdAt,
        "lastLogin": user.lastLogin,
    }
    return json_response(info, is_private=True)
