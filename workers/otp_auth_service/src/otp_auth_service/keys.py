"""The layout of OTP_AUTH_KV: every key's name, and how long what it holds is kept."""

import hashlib
from datetime import date
from typing import Final

__all__ = [
    "API_KEY_ROTATION_S",
    "AUDIT_TTL_S",
    "CODE_TTL_S",
    "ERRORS_TTL_S",
    "RATE_WINDOW_S",
    "SIGNUP_TTL_S",
    "STATS_TTL_S",
    "TenantKeys",
    "USAGE_TTL_S",
    "USER_TTL_S",
    "api_key_key",
    "api_keys_key",
    "audit_key",
    "errors_key",
    "hash_ip",
    "signup_key",
    "usage_key",
    "user_id_of",
]

_DAY_S: Final = 86_400
CODE_TTL_S: Final = 600
"""How long a code can be used."""
SIGNUP_TTL_S: Final = 600
"""How long a sign-up waits for its code."""
USER_TTL_S: Final = 365 * _DAY_S
"""How long a user is kept after the last sign-in."""
RATE_WINDOW_S: Final = 3600
"""The window in which codes are counted for the hourly limits."""
STATS_TTL_S: Final = 30 * _DAY_S
"""How long it is remembered what an address or an IP has asked for."""
API_KEY_ROTATION_S: Final = 7 * _DAY_S
"""How long an API key works on after it has been rotated."""
USAGE_TTL_S: Final = 90 * _DAY_S
"""How long a day's counters are kept."""
ERRORS_TTL_S: Final = 30 * _DAY_S
"""How long a day's errors are kept."""
AUDIT_TTL_S: Final = 365 * _DAY_S
"""How long a day's audit log is kept."""


class TenantKeys:
    """The keys that belong to one tenant, or to nobody's: users, codes, sessions, limits."""

    __slots__ = ("_prefix",)

    def __init__(self, customer_id: str | None) -> None:
        """Name the tenant by its customer id; None is a sign-in without an API key."""
        self._prefix = "" if customer_id is None else f"cust_{customer_id}_"

    def code(self, email_hash: str) -> str:
        """Return where the hash of the code for an address stands."""
        return f"{self._prefix}otp_{email_hash}"

    def user(self, email_hash: str) -> str:
        """Return where a user stands."""
        return f"{self._prefix}user_{email_hash}"

    def session(self, user_id: str) -> str:
        """Return where a user's latest session stands."""
        return f"{self._prefix}session_{user_id}"

    def revoked(self, token_hash: str) -> str:
        """Return where it stands that a token has been revoked."""
        return f"{self._prefix}blacklist_{token_hash}"

    def email_limit(self, email_hash: str) -> str:
        """Return where the codes of this hour are counted for an address."""
        return f"{self._prefix}ratelimit_otp_{email_hash}"

    def ip_limit(self, ip_hash: str) -> str:
        """Return where the codes of this hour are counted for an IP."""
        return f"{self._prefix}ratelimit_ip_{ip_hash}"

    def email_stats(self, email_hash: str) -> str:
        """Return where the history of an address stands."""
        return f"{self._prefix}stats_email_{email_hash}"

    def ip_stats(self, ip_hash: str) -> str:
        """Return where the history of an IP stands."""
        return f"{self._prefix}stats_ip_{ip_hash}"

    def display_name(self, name_hash: str) -> str:
        """Return where it stands who has a display name."""
        return f"{self._prefix}displayname_{name_hash}"

    def name_change(self, email_hash: str) -> str:
        """Return where it stands when a user last changed the display name."""
        return f"{self._prefix}namechange_{email_hash}"

    def preferences(self, email_hash: str) -> str:
        """Return where a user's preferences stand."""
        return f"{self._prefix}preferences_{email_hash}"


def api_key_key(key_hash: str) -> str:
    """Return where the API key with that SHA-256 stands."""
    return f"apikey_{key_hash}"


def api_keys_key(customer_id: str) -> str:
    """Return where the list of a tenant's API keys stands."""
    return f"customer_{customer_id}_apikeys"


def usage_key(customer_id: str, day: date) -> str:
    """Return where a tenant's counters of a day stand."""
    return f"usage_{customer_id}_{day.isoformat()}"


def errors_key(customer_id: str, day: date) -> str:
    """Return where a tenant's errors of a day stand."""
    return f"errors_{customer_id}_{day.isoformat()}"


def audit_key(customer_id: str, day: date) -> str:
    """Return where a tenant's audit log of a day stands."""
    return f"audit_{customer_id}_{day.isoformat()}"


def signup_key(email_hash: str) -> str:
    """Return where a sign-up that is under way stands."""
    return f"signup_{email_hash}"


def user_id_of(email_hash: str) -> str:
    """Return the id of the user with that address."""
    return f"user_{email_hash[:12]}"


def hash_ip(ip: str) -> str:
    """Return what stands for an IP address in keys: 16 hex digits of its SHA-256."""
    return hashlib.sha256(ip.encode()).hexdigest()[:16]
