"""Signing up, with the code that came by mail."""

from otp_auth_service.calls import Call
from otp_auth_service.refusals import Refusal, json_response
from otp_auth_service.sign_in import read_code, read_email, token_response
from otp_auth_service.sign_up import finish_signup
from workers import Response

__all__ = ["path", "post"]

path = "/signup/verify"

_OF_TOKEN = ("access_token", "token", "token_type", "expiresAt")
_OF_CUSTOMER = ("customerId", "email", "name", "companyName", "plan", "status")


async def post(call: Call) -> Response:
    """Answer with the account, a token, and its API key, this once."""
    body = await call.read_object()
    if not body.get("email"):
        raise Refusal(400, "Email required")
    if not body.get("otp"):
        raise Refusal(400, "OTP code required")
    signed_up = await finish_signup(call, read_email(body), read_code(body))
    token, customer = token_response(signed_up.signed_in), signed_up.signed_in.customer
    return json_response(
        {
            "success": True,
            "customerId": customer["customerId"],
            "apiKey": signed_up.api_key.text,
            "keyId": signed_up.api_key.key_id,
            **{name: token[name] for name in _OF_TOKEN},
            "message": "Store this API key now: it cannot be shown again",
            "customer": {name: customer.get(name) for name in _OF_CUSTOMER},
        },
        is_private=True,
    )
