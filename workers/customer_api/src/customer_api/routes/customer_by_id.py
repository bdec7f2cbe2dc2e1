"""The record of a customer whose id is known."""

from customer_api.access import change, find, remove
from customer_api.calls import Call
from workers import Response

__all__ = ["delete", "get", "path", "put"]

path = "/customer/:customer_id"


async def get(call: Call, customer_id: str) -> Response:
    """Return the record."""
    caller = await call.identify_caller()
    return await call.answer(caller, await find(call, caller, customer_id))


async def put(call: Call, customer_id: str) -> Response:
    """Change the record."""
    caller = await call.identify_caller()
    return await change(call, caller, await find(call, caller, customer_id))


async def delete(call: Call, customer_id: str) -> Response:
    """Delete the record."""
    caller = await call.identify_caller()
    return await remove(call, caller, await find(call, caller, customer_id))
