"""Who may administer what: their own account, or, as super admin, every one."""

import re
from dataclasses import dataclass
from typing import Final
from urllib.parse import parse_qs, urlsplit

from identity import Customer
from otp_auth_service.accounts import require_active
from otp_auth_service.activity import NOBODY, Activity
from otp_auth_service.calls import Admin, Call
from otp_auth_service.refusals import Refusal

__all__ = [
    "Administration",
    "NAMED_TENANT",
    "administer",
    "administer_activity",
    "customer_not_found",
    "is_customer_id",
    "read_query",
]

NAMED_TENANT: Final = "customerId"
"""The parameter of a query by which a super admin says whose affairs it is about."""

_CUSTOMER_ID: Final = re.compile(r"cust_[0-9a-f]{12}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Administration:
    """A customer, who administers it, and what goes on in it."""

    admin: Admin
    customer: Customer
    activity: Activity

    @property
    def customer_id(self) -> str:
        """The customer's id."""
        return str(self.customer["customerId"])

    def require_writable(self) -> None:
        """Raise Problem 403 where the customer is suspended, and this is no super admin."""
        if not self.admin.is_super:
            require_active(self.customer)


async def administer(call: Call, customer_id: str) -> Administration:
    """Return a customer for its administrator.

    Raises Refusal: 401 where nobody has signed in, 403 where it is somebody else's, 404 where there
    is none. Raises Problem 503 where customer-api does not say.
    """
    admin = await call.admin()
    admin.require_customer(customer_id)
    customer = await call.accounts.get(customer_id) if is_customer_id(customer_id) else None
    if customer is None:
        raise customer_not_found()
    # The address is what signing in has proved; a token may name the tenant at which that was.
    if not admin.is_super and customer.get("email") != admin.email:
        raise admin.refusal()
    return Administration(admin=admin, customer=customer, activity=call.activity(customer_id))


async def administer_activity(call: Call) -> tuple[Admin, Activity]:
    """Return the activity that an administrator looks at: that of the own account.

    A super admin may name another by `?customerId=`, or `default`: sign-ins without an API key,
    which is also what the key of the super admin, having no account, looks at by itself.
    """
    admin = await call.admin()
    wanted = read_query(call).get(NAMED_TENANT) or admin.customer_id or NOBODY
    if wanted == NOBODY:
        admin.require_super()
        return admin, call.activity(None)
    chosen = await administer(call, wanted)
    return admin, chosen.activity


def is_customer_id(text: str) -> bool:
    """Tell whether a customer can have this id."""
    return _CUSTOMER_ID.fullmatch(text) is not None


def customer_not_found() -> Refusal:
    """Return the refusal of an id that no customer has."""
    return Refusal(404, "Customer not found")


def read_query(call: Call) -> dict[str, str]:
    """Return the parameters of the query; of one that comes twice, the first."""
    query = urlsplit(call.request.url).query
    return {name: values[0].strip() for name, values in parse_qs(query).items()}
