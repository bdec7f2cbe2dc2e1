"""The record that a request is about: whether it is there, and whether the caller may have it."""

from collections.abc import Mapping
from typing import Any

from customer_api.callers import Caller, TokenHolder
from customer_api.calls import Call
from customer_api.fields import (
    OWNER_FIELDS,
    SERVICE_FIELDS,
    check_settable,
    merged_fields,
    parse_changes,
)
from customer_api.refusals import (
    customer_is_blocked,
    customer_is_somebody_elses,
    customer_not_found,
)
from identity import BLOCKED_STATUSES, Customer
from workers import Response

__all__ = ["change", "check_unblocked", "find", "find_own", "remove"]


async def find(call: Call, caller: Caller, customer_id: str) -> Customer:
    """Return the customer with an id; raise Problem 404, or 403 where it is not the caller's."""
    customer = await call.records.get(customer_id)
    if customer is None:
        raise customer_not_found()
    if isinstance(caller, TokenHolder) and not caller.owns(customer):
        raise customer_is_somebody_elses()
    return customer


async def find_own(call: Call, caller: Caller) -> Customer:
    """Return the customer that the caller is; raise Problem 404 where there is none.

    The token's id comes first. Where that record is gone, or is not the caller's, the address
    leads to the one that has come in its place.
    """
    if not isinstance(caller, TokenHolder):
        # A service is no customer.
        raise customer_not_found()
    customer = await call.records.get(caller.customer_id)
    if customer is None or not caller.owns(customer):
        customer = await call.records.get_by_email(caller.email) if caller.email else None
    if customer is None:
        raise customer_not_found()
    return customer


async def change(call: Call, caller: Caller, found: Customer) -> Response:
    """Change a customer by the request's body, and answer with what it has become."""
    _check_may_write(caller, found)
    body = await call.read_object()
    check_settable(body, OWNER_FIELDS if isinstance(caller, TokenHolder) else SERVICE_FIELDS)
    changes = parse_changes(body)

    def apply(current: Customer) -> Customer:
        # Once more: it may have been suspended while the body was on its way.
        _check_may_write(caller, current)
        return _changed(current, changes, call.timestamp)

    customer = await call.records.update(found["customerId"], apply)
    if customer is None:
        raise customer_not_found()
    return await call.answer(caller, customer)


async def remove(call: Call, caller: Caller, found: Customer) -> Response:
    """Delete a customer."""

    def check(current: Customer) -> None:
        _check_may_write(caller, current)

    if not await call.records.delete(found, check):
        raise customer_not_found()
    return call.answer_nothing()


def check_unblocked(customer: Customer) -> None:
    """Raise Problem 403 where a customer is suspended or cancelled, and may only read."""
    status = customer.get("status")
    if status in BLOCKED_STATUSES:
        raise customer_is_blocked(str(status))


def _check_may_write(caller: Caller, customer: Customer) -> None:
    if isinstance(caller, TokenHolder):
        check_unblocked(customer)


def _changed(current: Customer, changes: Mapping[str, Any], now: str) -> Customer:
    if not changes:
        return current
    return {**merged_fields(current, changes), "updatedAt": now}
