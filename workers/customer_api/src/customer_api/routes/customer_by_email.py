"""The record of a customer whose e-mail address is known."""

from customer_api.callers import TokenHolder
from customer_api.calls import Call
from customer_api.refusals import (
    customer_is_somebody_elses,
    customer_not_found,
    endpoint_not_found,
)
from identity import normalise_email
from workers import Response

__all__ = ["get", "paths"]

# The second one keeps `by-email` from being taken for a customer's id.
paths = ["/customer/by-email/:email", "/customer/by-email"]


async def get(call: Call, email: str = "") -> Response:
    """Return the record."""
    if not email:
        raise endpoint_not_found()
    caller = await call.identify_caller()
    # Without a look at the records: nobody learns whose addresses are known.
    if isinstance(caller, TokenHolder) and caller.email != normalise_email(email):
        raise customer_is_somebody_elses()
    customer = await call.records.get_by_email(email)
    if customer is None:
        raise customer_not_found()
    return await call.answer(caller, customer)
