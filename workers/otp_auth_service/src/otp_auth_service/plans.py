"""What each plan allows."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

__all__ = ["Plan", "plan_named"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How many codes may be asked for: by an address, by an IP, and by a tenant in all."""

    email_per_hour: int
    ip_per_hour: int
    ip_per_day: int
    tenant_per_day: int
    tenant_per_month: int


_FREE: Final = Plan(
    email_per_hour=3,
    ip_per_hour=10,
    ip_per_day=50,
    tenant_per_day=1_000,
    tenant_per_month=10_000,
)
_PLANS: Final[Mapping[str, Plan]] = {
    "pro": Plan(
        email_per_hour=10,
        ip_per_hour=50,
        ip_per_day=500,
        tenant_per_day=10_000,
        tenant_per_month=100_000,
    ),
    "enterprise": Plan(
        email_per_hour=100,
        ip_per_hour=500,
        ip_per_day=5_000,
        tenant_per_day=100_000,
        tenant_per_month=1_000_000,
    ),
}


def plan_named(name: object) -> Plan:
    """Return a plan by the name that a customer's record has; any other is as good as free."""
    return _PLANS.get(name, _FREE) if isinstance(name, str) else _FREE
