"""One of a tenant's API keys."""

from otp_auth_service.administration import administer
from otp_auth_service.calls import Call
from otp_auth_service.refusals import Refusal
from workers import Response

__all__ = ["delete", "path"]

path = "/admin/customers/:customer_id/api-keys/:key_id"


async def delete(call: Call, customer_id: str, key_id: str) -> Response:
    """Revoke the key: from now on nobody gets in by it."""
    chosen = await administer(call, customer_id)
    chosen.require_writable()
    if not await call.api_keys.revoke(customer_id, key_id):
        raise Refusal(404, "API key not found")
    await chosen.activity.log("api_key_revoked", by=chosen.admin.user_id, keyId=key_id)
    return await call.answer_admin(chosen.admin, {"success": True, "message": "API key revoked"})
