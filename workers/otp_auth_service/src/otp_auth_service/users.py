"""Users: who has signed in, by the hash of the address."""

import secrets
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any, Final

from otp_auth_service.keys import USER_TTL_S, TenantKeys, user_id_of
from otp_auth_service.store import Store
from otp_auth_service.times import iso_time

__all__ = ["User", "Users", "generate_display_name"]

_ADJECTIVES: Final = (
    *("Amber", "Brave", "Calm", "Clever", "Curious", "Eager", "Gentle", "Golden"),
    *("Happy", "Keen", "Lively", "Lucky", "Quiet", "Silver", "Swift", "Witty"),
)
_NOUNS: Final = (
    *("Badger", "Cedar", "Comet", "Falcon", "Fox", "Harbor", "Heron", "Maple"),
    *("Meadow", "Otter", "Pine", "Raven", "River", "Sparrow", "Stone", "Willow"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class User:
    """A user as it is stored; times as clients read them."""

    userId: str
    email: str
    displayName: str
    customerId: str | None
    createdAt: str
    lastLogin: str


class Users:
    """The users of one tenant."""

    def __init__(self, store: Store, keys: TenantKeys, *, clock: Callable[[], float]) -> None:
        """Keep users in `store` under the tenant's keys."""
        self._store = store
        self._keys = keys
        self._clock = clock

    async def get(self, email_hash: str) -> User | None:
        """Return the user with an address; None where nobody with it has signed in."""
        return _read(await self._store.get(self._keys.user(email_hash)))

    async def sign_in(
        self, email: str, email_hash: str, *, customer_id: str, display_name: str
    ) -> User:
        """Remember a sign-in, and return the user as it is now."""
        now = iso_time(self._clock())
        known = await self.get(email_hash)
        user = User(
            userId=user_id_of(email_hash),
            email=email,
            displayName=display_name,
            customerId=customer_id,
            createdAt=now if known is None else known.createdAt,
            lastLogin=now,
        )
        await self.put(email_hash, user)
        return user

    async def put(self, email_hash: str, user: User) -> None:
        """Store a user; it is kept for a year from now."""
        await self._store.put(self._keys.user(email_hash), asdict(user), ttl_s=USER_TTL_S)

    async def delete(self, email_hash: str) -> None:
        """Remove a user."""
        await self._store.delete(self._keys.user(email_hash))


def generate_display_name() -> str:
    """Return a name that is friendly, and one in some millions."""
    number = secrets.randbelow(10_000)
    return f"{secrets.choice(_ADJECTIVES)}{secrets.choice(_NOUNS)}{number:04}"


def _read(record: Any) -> User | None:
    if not isinstance(record, dict):
        return None
    customer_id = record.get("customerId")
    texts = {
        name: value
        for name in ("userId", "email", "displayName", "createdAt", "lastLogin")
        if isinstance(value := record.get(name), str)
    }
    if len(texts) < 5:
        return None
    return User(**texts, customerId=customer_id if isinstance(customer_id, str) else None)
