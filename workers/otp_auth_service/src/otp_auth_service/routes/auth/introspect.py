"""Looking at a token, for other services (RFC 7662)."""

from typing import Final
from urllib.parse import parse_qs

from identity import TokenError
from otp_auth_service.calls import Call
from otp_auth_service.refusals import Refusal, json_response
from workerkit import Problem, read_body
from workers import Response

__all__ = ["path", "post"]

path = "/auth/introspect"

_FORM: Final = "application/x-www-form-urlencoded"


async def post(call: Call) -> Response:
    """Say whether a token is active, and what it says then; services and super admins may ask."""
    if not call.is_service():
        if "x-service-key" in call.request.headers:
            raise Refusal(401, "Invalid service key")
        (await call.admin()).require_super()
    token = await _token(call)
    try:
        claims = await call.sessions.verify(token)
    except TokenError:
        return json_response({"active": False}, is_private=True)
    return json_response(call.sessions.introspection(claims), is_private=True)


async def _token(call: Call) -> str:
    content_type = call.request.headers.get("content-type", "")
    if content_type.partition(";")[0].strip().lower() == _FORM:
        form = parse_qs((await read_body(call.request)).decode(errors="replace"))
        token = form.get("token", [None])[0]
    else:
        token = (await call.read_object()).get("token")
    if not isinstance(token, str) or not token:
        raise Problem(400, "Token required")
    return token
