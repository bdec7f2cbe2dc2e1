"""Customers' accounts: they live in customer-api alone, and are asked for here."""

import logging
from collections.abc import Mapping
from typing import Any, Final

from identity import BLOCKED_STATUSES, Customer, CustomerApiError, ServiceCustomers
from otp_auth_service.users import generate_display_name
from workerkit import Problem

__all__ = ["ACTIVE", "Accounts", "require_active"]

ACTIVE: Final = "active"
"""The status of a customer that may sign in."""

_UNAVAILABLE: Final = "Customer accounts are unavailable at the moment. Please try again shortly."
_RETRY_AFTER_S: Final = 5
_PASSED_ON: Final = frozenset({400, 409, 413})

logger = logging.getLogger(__name__)


class Accounts:
    """Finds and creates customers, in the name of this service."""

    def __init__(self, customers: ServiceCustomers) -> None:
        """Ask customer-api by its client."""
        self._customers = customers

    async def get(self, customer_id: str) -> Customer | None:
        """Return a customer, None where there is none; raise Problem 503 where nobody can say."""
        try:
            return await self._customers.get_customer(customer_id)
        except CustomerApiError as error:
            raise _unavailable(error) from error

    async def get_by_email(self, email: str) -> Customer | None:
        """Return the customer with an address, as `get` does that with an id."""
        try:
            return await self._customers.get_customer_by_email(email)
        except CustomerApiError as error:
            raise _unavailable(error) from error

    async def page(self, limit: int, cursor: str | None) -> tuple[list[Customer], str | None]:
        """Return up to `limit` customers, and the cursor of the next page, None at the end.

        Raises Problem, as all below do: 400 for what customer-api refuses, 503 where it does not
        answer.
        """
        try:
            return await self._customers.list_customers(limit=limit, cursor=cursor)
        except CustomerApiError as error:
            raise _problem(error) from error

    async def change(self, customer_id: str, fields: Mapping[str, Any]) -> Customer | None:
        """Change fields of a customer, and return all of it; None where there is none."""
        try:
            return await self._customers.update_customer(customer_id, fields)
        except CustomerApiError as error:
            if error.status == 404:
                return None
            raise _problem(error) from error

    async def delete(self, customer_id: str) -> None:
        """Delete a customer; one that is not there is no error."""
        try:
            await self._customers.delete_customer(customer_id)
        except CustomerApiError as error:
            if error.status != 404:
                raise _problem(error) from error

    async def ensure(
        self, email: str, customer_id: str | None, *, company_name: str | None = None
    ) -> Customer:
        """Return the customer with that id, else with that e-mail, else a new one.

        Raises Problem: 403 where it is suspended or cancelled, which stays as it is; 503 where
        customer-api does not say.
        """
        try:
            customer = None
            if customer_id is not None:
                customer = await self._customers.get_customer(customer_id)
            if customer is None or customer.get("email") != email:
                customer = await self._customers.get_customer_by_email(email)
            if customer is None:
                # Where somebody else was faster, this is what they have created.
                customer = await self._customers.create_customer(_new(email, company_name))
        except CustomerApiError as error:
            raise _problem(error) from error
        require_active(customer)
        return customer


def require_active(customer: Customer) -> None:
    """Raise Problem 403 for a customer that is suspended or cancelled."""
    if customer.get("status") in BLOCKED_STATUSES:
        raise Problem(403, "Account suspended")


def _unavailable(error: CustomerApiError) -> Problem:
    """Return the problem that says that customer-api does not answer; why is for the log."""
    logger.error("%s", error)
    return Problem(503, _UNAVAILABLE, headers={"Retry-After": str(_RETRY_AFTER_S)})


def _problem(error: CustomerApiError) -> Problem:
    """Return what customer-api refuses in its own words; all else is its, or our, failure."""
    if error.status not in _PASSED_ON:
        return _unavailable(error)
    # The words stand in `errors` where it is about fields.
    faults = [f"{fault.get('field')} {fault.get('message')}" for fault in error.errors]
    if not faults:
        return Problem(error.status, error.detail)
    return Problem(error.status, "; ".join(faults), errors=list(error.errors))


def _new(email: str, company_name: str | None) -> dict[str, Any]:
    fields: dict[str, Any] = {"email": email, "displayName": generate_display_name(), "config": {}}
    if company_name is not None:
        fields["companyName"] = company_name
    # Name, plan and the free subscription are customer-api's own defaults.
    return fields
