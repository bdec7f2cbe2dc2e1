"""The record of the customer who holds the token."""

from customer_api.access import change, find_own, remove
from customer_api.calls import Call
from workers import Response

__all__ = ["delete", "get", "path", "put"]

path = "/customer/me"


async def get(call: Call) -> Response:
    """Return the caller's record."""
    caller = await call.identify_caller()
    return await call.answer(caller, await find_own(call, caller))


async def put(call: Call) -> Response:
    """Change the caller's record."""
    caller = await call.identify_caller()
    return await change(call, caller, await find_own(call, caller))


async def delete(call: Call) -> Response:
    """Delete the caller's record."""
    caller = await call.identify_caller()
    return await remove(call, caller, await find_own(call, caller))
