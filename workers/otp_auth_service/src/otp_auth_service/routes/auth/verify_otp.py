"""Exchanging a code for a token."""

from otp_auth_service.calls import Call
from otp_auth_service.refusals import json_response
from otp_auth_service.sign_in import read_code, read_email, take_code, token_response
from workers import Response

__all__ = ["path", "post"]

path = "/auth/verify-otp"


async def post(call: Call) -> Response:
    """Answer with a token where the code is right."""
    body = await call.read_object()
    signed_in = await take_code(call, read_email(body), read_code(body))
    return json_response(token_response(signed_in), is_private=True)
