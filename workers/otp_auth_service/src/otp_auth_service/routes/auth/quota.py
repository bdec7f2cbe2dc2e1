"""How many codes a customer's users may still ask for."""

from otp_auth_service.calls import Call
from otp_auth_service.plans import plan_named
from otp_auth_service.refusals import json_response
from workers import Response

__all__ = ["get", "path"]

path = "/auth/quota"


async def get(call: Call) -> Response:
    """Answer with the quota of the token's customer, and what has been used of it."""
    claims = await call.claims()
    customer_id = claims.customer_id or None
    customer = None if customer_id is None else await call.accounts.get(customer_id)
    plan = plan_named(None if customer is None else customer.get("plan"))
    daily, monthly = await call.activity(customer_id).code_requests()
    return json_response(
        {
            "success": True,
            "quota": {
                "otpRequestsPerDay": plan.tenant_per_day,
                "otpRequestsPerMonth": plan.tenant_per_month,
            },
            "usage": {
                "daily": daily,
                "monthly": monthly,
                "remainingDaily": max(0, plan.tenant_per_day - daily),
                "remainingMonthly": max(0, plan.tenant_per_month - monthly),
            },
        },
        is_private=True,
    )
