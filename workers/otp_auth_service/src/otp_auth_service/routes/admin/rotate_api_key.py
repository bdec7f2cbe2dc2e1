"""Another API key in the place of one that still works for a while."""

from otp_auth_service.administration import administer
from otp_auth_service.calls import Call
from otp_auth_service.keys import API_KEY_ROTATION_S
from otp_auth_service.refusals import Refusal
from workers import Response

__all__ = ["path", "post"]

path = "/admin/customers/:customer_id/api-keys/:key_id/rotate"


async def post(call: Call, customer_id: str, key_id: str) -> Response:
    """Make the new key and show it, this once."""
    chosen = await administer(call, customer_id)
    chosen.require_writable()
    key = await call.api_keys.rotate(customer_id, key_id)
    if key is None:
        raise Refusal(404, "API key not found, or not active any longer")
    await chosen.activity.log(
        "api_key_rotated", by=chosen.admin.user_id, keyId=key.key_id, oldKeyId=key_id
    )
    days = API_KEY_ROTATION_S // 86_400
    return await call.answer_admin(
        chosen.admin,
        {
            "success": True,
            "apiKey": key.text,
            "keyId": key.key_id,
            "oldKeyId": key_id,
            "message": (
                f"Store this key now: it cannot be shown again. The old one works {days} more days"
            ),
        },
    )
