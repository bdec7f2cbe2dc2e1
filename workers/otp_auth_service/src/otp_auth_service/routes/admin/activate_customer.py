"""Letting a suspended customer in again."""

from otp_auth_service.accounts import ACTIVE
from otp_auth_service.calls import Call
from otp_auth_service.customer_status import set_status
from workers import Response

__all__ = ["path", "post"]

path = "/admin/customers/:customer_id/activate"


async def post(call: Call, customer_id: str) -> Response:
    """Let the customer in."""
    return await set_status(call, customer_id, ACTIVE)
