"""A tenant's API keys: listing them, and making one."""

from typing import Any, Final

from otp_auth_service.administration import administer
from otp_auth_service.calls import Call
from otp_auth_service.refusals import Refusal
from workers import Response

__all__ = ["get", "path", "post"]

path = "/admin/customers/:customer_id/api-keys"

_MAX_NAME_LENGTH: Final = 100
_UNNAMED: Final = "API key"


async def get(call: Call, customer_id: str) -> Response:
    """Answer with the keys as far as they are known: without what makes them secret."""
    chosen = await administer(call, customer_id)
    keys = await call.api_keys.list(customer_id)
    return await call.answer_admin(chosen.admin, {"success": True, "keys": keys, "apiKeys": keys})


async def post(call: Call, customer_id: str) -> Response:
    """Make a key and show it, this once."""
    chosen = await administer(call, customer_id)
    chosen.require_writable()
    name = _read_name(await call.read_object())
    key = await call.api_keys.create(customer_id, name)
    await chosen.activity.log(
        "api_key_created", by=chosen.admin.user_id, keyId=key.key_id, name=key.name
    )
    return await call.answer_admin(
        chosen.admin,
        {
            "success": True,
            "apiKey": key.text,
            "keyId": key.key_id,
            "name": key.name,
            "message": "Store this key now: it cannot be shown again",
        },
    )


def _read_name(body: dict[str, Any]) -> str:
    name = body.get("name", _UNNAMED)
    if not isinstance(name, str):
        raise Refusal(400, "name must be a text")
    name = name.strip() or _UNNAMED
    if len(name) > _MAX_NAME_LENGTH:
        raise Refusal(400, f"name has up to {_MAX_NAME_LENGTH} characters")
    return name
