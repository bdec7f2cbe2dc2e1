"""What a new customer begins with."""

from collections.abc import Mapping
from typing import Any, Final

from customer_api.fields import MAX_NAME_LENGTH
from identity import Customer

__all__ = ["with_defaults"]

_NAMELESS_COMPANY: Final = "My App"


def with_defaults(fields: Mapping[str, Any], customer_id: str, now: str) -> Customer:
    """Return the record of a new customer: `fields`, and what they leave open."""
    email = str(fields["email"])
    local, _, domain = email.rpartition("@")
    label = domain.partition(".")[0]
    # A name that is empty is none.
    given = {name: value for name, value in fields.items() if value != ""}
    return {
        "customerId": customer_id,
        "name": local[:MAX_NAME_LENGTH],
        "email": email,
        "companyName": (label[:1].upper() + label[1:])[:MAX_NAME_LENGTH] or _NAMELESS_COMPANY,
        "tier": "free",
        "plan": "free",
        "status": "active",
        "subscriptions": [_free_subscription(now)],
        "flairs": [],
        **given,
        "createdAt": now,
    }


def _free_subscription(now: str) -> dict[str, Any]:
    return {
        "planId": "free",
        "status": "active",
        "startDate": now,
        "endDate": None,
        "planName": "Free",
        "billingCycle": "monthly",
    }
