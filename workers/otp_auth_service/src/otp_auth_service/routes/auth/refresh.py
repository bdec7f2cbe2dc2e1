"""Renewing a token."""

from identity import TokenError
from otp_auth_service.accounts import require_active
from otp_auth_service.calls import Call
from otp_auth_service.refusals import Refusal, json_response
from otp_auth_service.sessions import RevokedError
from workers import Response

__all__ = ["path", "post"]

path = "/auth/refresh"


async def post(call: Call) -> Response:
    """Answer with a new token in the place of the one in the body."""
    body = await call.read_object()
    token = body.get("token")
    if not isinstance(token, str) or not token:
        raise Refusal(400, "Token required")
    try:
        claims = await call.sessions.verify(token)
        if claims.customer_id:
            # Who has been suspended, or erased, meanwhile does not stay signed in for ever.
            customer = await call.accounts.get(claims.customer_id)
            if customer is None:
                raise TokenError("its customer has been deleted")
            require_active(customer)
        renewed = await call.sessions.renew(token)
    except RevokedError:
        raise Refusal(401, "Token has been revoked") from None
    except TokenError:
        raise Refusal(401, "Invalid or expired token") from None
    user_id = renewed.claims.user_id
    await call.tenant_activity.log("token_refreshed", userId=user_id)
    return json_response(
        {
            "success": True,
            "token": renewed.text,
            "access_token": renewed.text,
            "expiresAt": renewed.expires_at,
        },
        is_private=True,
    )
