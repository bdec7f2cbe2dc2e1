"""Display names: chosen by the user, unique within a tenant, and changed now and then only."""

import hashlib
import math
import unicodedata
from collections.abc import Callable
from dataclasses import replace
from typing import Any, Final

from otp_auth_service.keys import USER_TTL_S, TenantKeys
from otp_auth_service.refusals import Refusal
from otp_auth_service.store import Store
from otp_auth_service.times import iso_time
from otp_auth_service.users import User, Users, generate_display_name
from workerkit import KeyedLocks

__all__ = ["DisplayNames"]

_SHORTEST: Final = 3
_LONGEST: Final = 32
_WAIT_S: Final = 30 * 86_400
_TRIES: Final = 20


class DisplayNames:
    """The names of one tenant's users."""

    def __init__(
        self,
        store: Store,
        keys: TenantKeys,
        users: Users,
        locks: KeyedLocks,
        *,
        clock: Callable[[], float],
    ) -> None:
        """`locks` are those of the whole worker."""
        self._store = store
        self._keys = keys
        self._users = users
        self._locks = locks
        self._clock = clock

    async def choose(self, email_hash: str, user: User, name: object) -> User:
        """Give a user the name that was asked for.

        Raises Refusal: 400 for what is no name, 409 for one that another user has, 429 within 30
        days of the last change.
        """
        if not isinstance(name, str):
            raise Refusal(400, "displayName must be a text")
        name = unicodedata.normalize("NFC", name).strip()
        if not _SHORTEST <= len(name) <= _LONGEST:
            raise Refusal(400, f"displayName must have {_SHORTEST} to {_LONGEST} characters")
        if any(unicodedata.category(character).startswith("C") for character in name):
            raise Refusal(400, "displayName must not have control characters")
        changed = await self._change(email_hash, user, name)
        if changed is None:
            raise Refusal(409, "This display name is taken")
        return changed

    async def generate(self, email_hash: str, user: User) -> User:
        """Give a user a name that nobody has; raise Refusal 429 within 30 days of the last one."""
        for _ in range(_TRIES):
            changed = await self._change(email_hash, user, generate_display_name())
            if changed is not None:
                return changed
        raise Refusal(409, "No free display name was found. Please choose one.")

    async def keep(self, email_hash: str, name: str) -> str:
        """Keep a name for a user who signs in; return another where somebody else has it."""
        for wanted in (name, *(generate_display_name() for _ in range(_TRIES))):
            key = self._keys.display_name(_folded_hash(wanted))
            async with self._locks.hold(key):
                if await self._owner(key) in (None, email_hash):
                    await self._store.put(key, {"emailHash": email_hash}, ttl_s=USER_TTL_S)
                    return wanted
        # Nobody is kept out for a name.
        return name

    async def release(self, email_hash: str, user: User) -> None:
        """Let others have the name of a user who goes."""
        key = self._keys.display_name(_folded_hash(user.displayName))
        if await self._owner(key) == email_hash:
            await self._store.delete(key)
        await self._store.delete(self._keys.name_change(email_hash))

    async def _change(self, email_hash: str, user: User, name: str) -> User | None:
        """Change the name; return None where another user has it."""
        if name == user.displayName:
            return user
        key = self._keys.display_name(_folded_hash(name))
        change_key = self._keys.name_change(email_hash)
        async with self._locks.hold(change_key), self._locks.hold(key):
            # As it is by now: there may have been another sign-in, or an erasure.
            current = await self._users.get(email_hash)
            if current is None:
                raise Refusal(404, "User not found")
            await self._require_wait_over(change_key)
            if await self._owner(key) not in (None, email_hash):
                return None
            await self._store.put(key, {"emailHash": email_hash}, ttl_s=USER_TTL_S)
            renamed = replace(current, displayName=name)
            await self._users.put(email_hash, renamed)
            now = self._clock()
            await self._store.put(change_key, {"changedAt": int(now)}, ttl_s=_WAIT_S)
        old = self._keys.display_name(_folded_hash(user.displayName))
        if old != key and await self._owner(old) == email_hash:
            await self._store.delete(old)
        return renamed

    async def _require_wait_over(self, change_key: str) -> None:
        record: Any = await self._store.get(change_key)
        changed_at = record.get("changedAt") if isinstance(record, dict) else None
        if not isinstance(changed_at, int):
            return
        wait_s = math.ceil(changed_at + _WAIT_S - self._clock())
        if wait_s > 0:
            raise Refusal(
                429,
                "The display name can be changed once in 30 days",
                nextChangeAt=iso_time(changed_at + _WAIT_S),
                retry_after=wait_s,
            )

    async def _owner(self, key: str) -> str | None:
        record = await self._store.get(key)
        owner = record.get("emailHash") if isinstance(record, dict) else None
        return owner if isinstance(owner, str) else None


def _folded_hash(name: str) -> str:
    """Return what is the same for names that look the same."""
    folded = unicodedata.normalize("NFKC", name).casefold()
    return hashlib.sha256(" ".join(folded.split()).encode()).hexdigest()
