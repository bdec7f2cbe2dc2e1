"""All customers, for super admins."""

from typing import Final

from otp_auth_service.administration import read_query
from otp_auth_service.calls import Call
from otp_auth_service.refusals import Refusal
from workers import Response

__all__ = ["get", "path"]

path = "/admin/customers"

_USUAL: Final = 100
_MOST: Final = 1000


async def get(call: Call) -> Response:
    """Answer with a page of customers."""
    admin = await call.admin()
    admin.require_super()
    query = read_query(call)
    customers, cursor = await call.accounts.page(
        _limit(query.get("limit")), query.get("cursor") or None
    )
    return await call.answer_admin(
        admin,
        {
            "success": True,
            "customers": customers,
            "cursor": cursor,
            "list_complete": cursor is None,
        },
    )


def _limit(text: str | None) -> int:
    if not text:
        return _USUAL
    if text.isascii() and text.isdigit() and len(text) < 5 and 1 <= int(text) <= _MOST:
        return int(text)
    raise Refusal(400, f"limit must be a whole number from 1 to {_MOST}")
