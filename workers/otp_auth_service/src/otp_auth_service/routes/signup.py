"""Beginning to sign up."""

from typing import Any, Final

from identity import is_email, normalise_email
from otp_auth_service.calls import Call
from otp_auth_service.refusals import Refusal, json_response
from otp_auth_service.sign_up import start_signup
from workers import Response

__all__ = ["path", "post"]

path = "/signup"

# What customer-api takes; told now, not when the code has been used up.
_MAX_COMPANY_LENGTH: Final = 100


async def post(call: Call) -> Response:
    """Send a code to the address in the body."""
    body = await call.read_object()
    email, company_name = _text(body, "email"), _text(body, "companyName")
    if not email or not company_name:
        raise Refusal(400, "Email and company name are required")
    email = normalise_email(email)
    if not is_email(email):
        raise Refusal(400, "Valid email address required")
    if len(company_name) > _MAX_COMPANY_LENGTH:
        raise Refusal(400, f"The company name has up to {_MAX_COMPANY_LENGTH} characters")
    started = await start_signup(call, email, company_name)
    under_way = {"alreadyInProgress": True} if started.was_under_way else {}
    message = "The code was sent before" if started.was_under_way else "OTP sent to email"
    return json_response(
        {
            "success": True,
            "message": message,
            "expiresIn": started.expires_in_s,
            "remaining": started.remaining,
            **under_way,
        }
    )


def _text(body: dict[str, Any], name: str) -> str:
    value = body.get(name)
    return value.strip() if isinstance(value, str) else ""
