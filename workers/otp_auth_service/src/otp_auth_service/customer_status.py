"""Suspending a customer, and letting it in again."""

from typing import Final

from otp_auth_service.accounts import ACTIVE
from otp_auth_service.administration import administer, customer_not_found
from otp_auth_service.calls import Call
from workers import Response

__all__ = ["SUSPENDED", "set_status"]

SUSPENDED: Final = "suspended"
"""The status of a customer that may not sign in, and whose API keys do not work."""

_EVENTS: Final = {ACTIVE: "customer_activated", SUSPENDED: "customer_suspended"}


async def set_status(call: Call, customer_id: str, status: str) -> Response:
    """Give a customer a status, as a super admin, and answer with what it has become."""
    (await call.admin()).require_super()
    chosen = await administer(call, customer_id)
    customer = await call.accounts.change(customer_id, {"status": status})
    # What was found out about its API keys is no longer true.
    call.resources.tenants.forget_customer(customer_id)
    if customer is None:
        raise customer_not_found()
    await chosen.activity.log(_EVENTS[status], by=chosen.admin.user_id)
    return await call.answer_admin(
        chosen.admin,
        {
            "success": True,
            "customerId": customer_id,
            "status": customer["status"],
            "message": f"The customer is {status}",
        },
    )
