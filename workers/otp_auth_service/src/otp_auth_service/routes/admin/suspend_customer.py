"""Suspending a customer."""

from otp_auth_service.calls import Call
from otp_auth_service.customer_status import SUSPENDED, set_status
from workers import Response

__all__ = ["path", "post"]

path = "/admin/customers/:customer_id/suspend"


async def post(call: Call, customer_id: str) -> Response:
    """Keep the customer out: nobody signs in to it, and its API keys do not work."""
    return await set_status(call, customer_id, SUSPENDED)
