"""What is held on a user: handed out, or erased."""

import re
from contextlib import AsyncExitStack, suppress
from dataclasses import asdict, dataclass
from typing import Any, Final

from identity import Customer, TokenError, hash_email
from otp_auth_service.accounts import require_active
from otp_auth_service.activity import NOBODY
from otp_auth_service.administration import (
    NAMED_TENANT,
    Administration,
    administer,
    customer_not_found,
    is_customer_id,
    read_query,
)
from otp_auth_service.calls import Admin, Call
from otp_auth_service.keys import signup_key, user_id_of
from otp_auth_service.refusals import Refusal
from otp_auth_service.times import iso_time
from otp_auth_service.users import User

__all__ = ["Person", "erase", "export", "find_person"]

_ID_PREFIX: Final = "user_"
_USER_ID: Final = re.compile(rf"{_ID_PREFIX}[0-9a-f]{{12}}")
# What stands for a code, a token, or another person is not for the user's eyes.
_SECRET: Final = frozenset({"codeHash", "token"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """A user as an administrator, or the user, may see one.

    `parts` are those of the tenant at which the user signs in. `email_hash` is None where nothing
    is held under an address, `user` where nobody has signed in with it. The customer is the user's
    own account, which is nobody else's business: None for the administrators of a tenant.
    """

    admin: Admin
    parts: Call
    tenant_id: str | None
    user_id: str
    is_self: bool
    email_hash: str | None
    user: User | None
    customer_id: str | None
    customer: Customer | None


async def find_person(call: Call, user_id: str) -> Person:
    """Return the user with an id at the own tenant, or at the one that `?customerId=` names.

    Raises Refusal 401, 403 and 404 as `administer` does, and 404 for what can be no user's id.
    """
    admin = await call.admin()
    if not _USER_ID.fullmatch(user_id):
        raise _not_found()
    is_self = bool(admin.email) and user_id_of(hash_email(admin.email)) == user_id
    tenant = None if is_self else await _choose_tenant(call, admin)
    tenant_id = _own_tenant(call) if is_self else None if tenant is None else tenant.customer_id
    parts = call.for_tenant(tenant_id)
    # An id is the beginning of a hash, so that somebody might have an address with the same one.
    start = hash_email(admin.email) if is_self else user_id.removeprefix(_ID_PREFIX)
    email_hash = await _find_hash(parts, start)
    user = None if email_hash is None else await parts.users.get(email_hash)
    customer_id, customer = None, None
    if is_self or admin.is_super:
        customer_id, customer = await _find_account(call, admin if is_self else None, user)
    return Person(
        admin=admin,
        parts=parts,
        tenant_id=tenant_id,
        user_id=user_id,
        is_self=is_self,
        email_hash=email_hash,
        user=user,
        customer_id=customer_id,
        customer=customer,
    )


async def export(person: Person) -> dict[str, Any]:
    """Return all that is held on a user; raise Refusal 404 where nothing is."""
    if person.email_hash is None:
        raise _not_found()
    parts, keys = person.parts, person.parts.keys
    records = {
        "session": keys.session(person.user_id),
        "preferences": keys.preferences(person.email_hash),
        "code": keys.code(person.email_hash),
        "rateLimit": keys.email_limit(person.email_hash),
        "statistics": keys.email_stats(person.email_hash),
        "displayNameChange": keys.name_change(person.email_hash),
        "signup": signup_key(person.email_hash),
    }
    stored = await parts.store.get_many(records.values())
    events = [
        event
        for activity in _activities(person)
        for event in await parts.activity(activity).events_of_user(person.user_id)
    ]
    customer_id = person.customer_id
    return {
        "success": True,
        "exportedAt": iso_time(parts.resources.clock()),
        "userId": person.user_id,
        "tenantId": person.tenant_id,
        "user": None if person.user is None else asdict(person.user),
        **{name: _without_secrets(stored[key]) for name, key in records.items()},
        "auditEvents": sorted(events, key=lambda event: str(event.get("timestamp")), reverse=True),
        "apiKeys": [] if customer_id is None else await parts.api_keys.list(customer_id),
        "customer": _as_stored(person.customer),
    }


async def erase(person: Person) -> dict[str, Any]:
    """Remove all that is held on a user, and say how much that was; nothing is no error.

    customer-api comes first, then the user's own record after all others, and the session last:
    where something fails on the way, the same request finishes it. Raises Problem 403 for a
    customer that is suspended, and would come back as a new one; 503 where customer-api does not
    answer.
    """
    parts, customer_id = person.parts, person.customer_id
    if person.customer is not None and not person.admin.is_super:
        require_active(person.customer)
    api_keys = records = 0
    async with AsyncExitStack() as locks:
        if person.email_hash is not None:
            # Nobody signs in, or changes anything, meanwhile.
            for key in _keys_to_hold(person, person.email_hash):
                await locks.enter_async_context(parts.resources.locks.hold(key))
        if customer_id is not None:
            await parts.accounts.delete(customer_id)
            api_keys = await parts.api_keys.remove_all(customer_id)
        events = sum(
            [await parts.activity(id_).forget_user(person.user_id) for id_ in _activities(person)]
        )
        if person.email_hash is not None:
            records = await _remove_records(person, person.email_hash)
        await _end_sessions(person)
    erased = {
        "records": records,
        "auditEvents": events,
        "apiKeys": api_keys,
        "customer": person.customer is not None,
    }
    if any(erased.values()):
        by = {} if person.is_self else {"by": person.admin.user_id}
        await parts.activity(person.tenant_id).log("user_erased", **by)
    message = "Nothing is held on this user any longer"
    return {"success": True, "message": message, "erased": erased}


async def _choose_tenant(call: Call, admin: Admin) -> Administration | None:
    """Return the tenant whose users an administrator looks at; None is nobody's."""
    wanted = read_query(call).get(NAMED_TENANT)
    if not wanted and not admin.is_super:
        wanted = admin.customer_id
    if not wanted or wanted == NOBODY:
        admin.require_super()
        return None
    return await administer(call, wanted)


def _own_tenant(call: Call) -> str | None:
    """Return where the user who asks has signed in: there may be more places than one."""
    named = read_query(call).get(NAMED_TENANT)
    if not named:
        return None if call.tenant is None else call.tenant.customer_id
    if named != NOBODY and not is_customer_id(named):
        raise customer_not_found()
    return None if named == NOBODY else named


async def _find_account(
    call: Call, asking: Admin | None, user: User | None
) -> tuple[str | None, Customer | None]:
    """Return the id of the user's account, and the account unless it is gone already.

    `asking` is the user, where that is who asks.
    """
    holder = asking if user is None else user
    if holder is None:
        return None, None
    customer_id = holder.customerId if isinstance(holder, User) else holder.customer_id
    customer = None if customer_id is None else await call.accounts.get(customer_id)
    if customer is not None and customer.get("email") == holder.email:
        return customer_id, customer
    own = await call.accounts.get_by_email(holder.email)
    if own is not None:
        return str(own["customerId"]), own
    # An id without an account is one whose erasure is to be finished; one with, is another's.
    return (customer_id if customer is None else None), None


async def _find_hash(parts: Call, start: str) -> str | None:
    """Return the hash of an address that begins so, wherever something is held under it."""
    keys = parts.keys
    for key_of in (
        keys.user,
        keys.email_stats,
        keys.email_limit,
        keys.code,
        keys.preferences,
        keys.name_change,
        signup_key,
    ):
        for key in await parts.store.keys(key_of(start)):
            return key.removeprefix(key_of(""))
    return None


def _activities(person: Person) -> list[str | None]:
    """Return whose audit logs may name the user."""
    own = [] if person.customer_id in (None, person.tenant_id) else [person.customer_id]
    return [person.tenant_id, *own]


def _keys_to_hold(person: Person, email_hash: str) -> tuple[str, ...]:
    keys = person.parts.keys
    return (keys.code(email_hash), keys.preferences(email_hash), keys.name_change(email_hash))


async def _remove_records(person: Person, email_hash: str) -> int:
    """Remove what is stored under an address; return how many records that were."""
    parts, keys = person.parts, person.parts.keys
    doomed = (
        keys.code(email_hash),
        keys.email_limit(email_hash),
        keys.email_stats(email_hash),
        keys.preferences(email_hash),
        keys.name_change(email_hash),
        signup_key(email_hash),
        # The last one: it leads to the customer, where something above has to be repeated.
        keys.user(email_hash),
    )
    found = await parts.store.get_many(doomed)
    if person.user is not None:
        await parts.display_names.release(email_hash, person.user)
    for key in doomed:
        await parts.store.delete(key)
    return sum(1 for record in found.values() if record is not None)


async def _end_sessions(person: Person) -> None:
    """Revoke the user's latest token, and the one that this is asked with."""
    sessions = person.parts.sessions
    await sessions.end_of_user(person.user_id)
    if person.is_self and person.admin.token is not None:
        # Another such request may have revoked it in the meantime.
        with suppress(TokenError):
            await sessions.end(person.admin.token)


def _not_found() -> Refusal:
    return Refusal(404, "User not found")


def _as_stored(customer: Customer | None) -> Customer | None:
    """Return a customer without the id of the request by which it was fetched."""
    if customer is None:
        return None
    return {name: value for name, value in customer.items() if name != "id"}


def _without_secrets(record: Any) -> Any:
    if not isinstance(record, dict):
        return record
    return {name: value for name, value in record.items() if name not in _SECRET}
