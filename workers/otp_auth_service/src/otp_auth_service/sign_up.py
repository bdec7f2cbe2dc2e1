"""Signing up: a company gives its name, shows that its address is its own, and gets an API key."""

from dataclasses import dataclass
from typing import Any, Final

from identity import hash_email
from otp_auth_service.calls import Call
from otp_auth_service.keys import SIGNUP_TTL_S, signup_key
from otp_auth_service.refusals import Refusal
from otp_auth_service.sign_in import SignedIn, send_code, take_code
from otp_auth_service.tenants import NewApiKey

__all__ = ["SignedUp", "StartedSignup", "finish_signup", "start_signup"]

_KEY_NAME: Final = "First key"


@dataclass(frozen=True, slots=True, kw_only=True)
class StartedSignup:
    """A sign-up that waits for its code, and how many more codes may be asked for."""

    expires_in_s: int
    remaining: int
    was_under_way: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedUp:
    """A company that has signed up, and its API key at the only time at which it is known."""

    signed_in: SignedIn
    api_key: NewApiKey


async def start_signup(call: Call, email: str, company_name: str) -> StartedSignup:
    """Remember the name and send a code; where that was done lately, change the name alone.

    Raises Problem as `send_code` does.
    """
    email_hash = hash_email(email)
    key, now = signup_key(email_hash), call.resources.clock()
    async with call.resources.locks.hold(key):
        waiting = _read(await call.store.get(key), now)
        is_under_way = waiting is not None and await call.codes.is_usable(email_hash)
        if waiting is None or not is_under_way:
            waiting = {
                "expiresAt": round((now + SIGNUP_TTL_S) * 1000),
                "remaining": await send_code(call, email),
            }
        left_s = waiting["expiresAt"] / 1000 - now
        await call.store.put(key, {**waiting, "companyName": company_name}, ttl_s=left_s)
    return StartedSignup(
        expires_in_s=round(left_s),
        remaining=waiting["remaining"],
        was_under_way=is_under_way,
    )


async def finish_signup(call: Call, email: str, code: str) -> SignedUp:
    """Exchange the code for an account, a token and an API key; an account that exists is kept.

    Raises Refusal 404 where no sign-up waits, Problem as `take_code` does.
    """
    key = signup_key(hash_email(email))
    waiting = _read(await call.store.get(key), call.resources.clock())
    if waiting is None:
        raise Refusal(404, "Signup not found or expired. Please start the signup process again.")
    signed_in = await take_code(call, email, code, company_name=waiting["companyName"])
    customer_id = str(signed_in.customer["customerId"])
    api_key = await call.api_keys.create(customer_id, _KEY_NAME)
    await call.activity(customer_id).log(
        "api_key_created",
        by=signed_in.user.userId,
        keyId=api_key.key_id,
        name=api_key.name,
    )
    await call.store.delete(key)
    return SignedUp(signed_in=signed_in, api_key=api_key)


def _read(record: Any, now: float) -> dict[str, Any] | None:
    match record:
        case {"companyName": str(), "expiresAt": int(millis), "remaining": int()}:
            return dict(record) if millis / 1000 > now else None
    return None
