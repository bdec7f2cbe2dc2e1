"""All customers: adding one, and listing them."""

from typing import Any, Final
from urllib.parse import parse_qs, urlsplit

from customer_api.access import check_unblocked
from customer_api.callers import Caller, TokenHolder
from customer_api.calls import Call
from customer_api.fields import (
    OWNER_FIELDS,
    SERVICE_FIELDS,
    check_settable,
    is_customer_id,
    parse_new_customer,
)
from customer_api.new_customers import with_defaults
from customer_api.records import (
    EmailTakenError,
    IdTakenError,
    InvalidCursorError,
    new_customer_id,
)
from customer_api.refusals import (
    customer_is_somebody_elses,
    email_is_taken,
    id_is_taken,
    query_is_invalid,
    service_key_is_needed,
)
from identity import normalise_email
from workers import Response

__all__ = ["get", "path", "post"]

path = "/customer"

_MOST: Final = 1000
_SETTABLE_BY_OWNER: Final = OWNER_FIELDS | {"email"}
_SETTABLE_BY_SERVICE: Final = SERVICE_FIELDS | {"customerId", "email"}


async def post(call: Call) -> Response:
    """Add a customer."""
    caller = await call.identify_caller()
    fields = await _read_fields(call, caller)
    keep_id = "customerId" in fields
    customer = with_defaults(fields, _first_id(caller, fields), call.timestamp)
    try:
        customer = await call.records.create(customer, keep_id=keep_id)
    except EmailTakenError as taken:
        if isinstance(caller, TokenHolder) and taken.customer is not None:
            check_unblocked(taken.customer)
        raise email_is_taken() from None
    except IdTakenError:
        raise id_is_taken() from None
    location = f"/customer/{customer['customerId']}"
    return await call.answer(caller, customer, status=201, location=location)


async def get(call: Call) -> Response:
    """List customers, a page at a time."""
    if isinstance(await call.identify_caller(), TokenHolder):
        raise service_key_is_needed()
    query = parse_qs(urlsplit(call.request.url).query)
    try:
        page = await call.records.page(
            limit=_limit(query.get("limit")), cursor=query.get("cursor", [None])[0]
        )
    except InvalidCursorError:
        raise query_is_invalid("cursor", "must be one that a page before has given") from None
    return call.answer_json(
        {
            "customers": page.customers,
            "cursor": page.cursor,
            "list_complete": page.cursor is None,
        }
    )


async def _read_fields(call: Call, caller: Caller) -> dict[str, Any]:
    body = await call.read_object()
    if not isinstance(caller, TokenHolder):
        check_settable(body, _SETTABLE_BY_SERVICE)
        return parse_new_customer(body)
    email = body.get("email")
    if isinstance(email, str) and email.strip() and normalise_email(email) != caller.email:
        raise customer_is_somebody_elses()
    check_settable(body, _SETTABLE_BY_OWNER)
    return parse_new_customer(body)


def _first_id(caller: Caller, fields: dict[str, Any]) -> str:
    """Return the id to try first: the one that is asked for, or that the token names already."""
    if "customerId" in fields:
        return str(fields["customerId"])
    if isinstance(caller, TokenHolder) and is_customer_id(caller.customer_id):
        return caller.customer_id
    return new_customer_id()


def _limit(given: list[str] | None) -> int:
    if given is None:
        return _MOST
    text = given[0]
    if not (text.isascii() and text.isdigit() and len(text) < 5 and 1 <= int(text) <= _MOST):
        raise query_is_invalid("limit", f"must be a whole number from 1 to {_MOST}")
    return int(text)
