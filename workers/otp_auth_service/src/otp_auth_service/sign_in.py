"""Signing in: a code is asked for, sent, and exchanged for a token."""

import re
from dataclasses import dataclass
from typing import Any, Final

from identity import Customer, hash_email, is_email, normalise_email
from otp_auth_service.calls import Call
from otp_auth_service.keys import CODE_TTL_S, USER_TTL_S, user_id_of
from otp_auth_service.mail.senders import choose_sender
from otp_auth_service.mail.templates import MailTemplate, render_mail
from otp_auth_service.plans import plan_named
from otp_auth_service.sessions import SCOPE, SessionToken
from otp_auth_service.users import User, generate_display_name
from workerkit import Problem

__all__ = ["SignedIn", "read_code", "read_email", "send_code", "take_code", "token_response"]

_CODE: Final = re.compile(r"[0-9]{6}")
_WRONG: Final = "Invalid or expired OTP code. Please request a new OTP code."
_TOO_MANY: Final = "Too many attempts. Please request a new OTP."
_NO_PLAN: Final = plan_named(None)


@dataclass(frozen=True, slots=True)
class SignedIn:
    """Somebody who has shown the right code."""

    user: User
    token: SessionToken
    customer: Customer


def read_email(body: dict[str, Any]) -> str:
    """Return the normalised `email` of a body; raise Problem 400 for none."""
    email = body.get("email")
    if isinstance(email, str) and is_email(normalise_email(email)):
        return normalise_email(email)
    raise Problem(400, "Valid email address required")


def read_code(body: dict[str, Any]) -> str:
    """Return the `otp` of a body; raise Problem 400 for none."""
    code = body.get("otp")
    if isinstance(code, str) and _CODE.fullmatch(code.strip()):
        return code.strip()
    raise Problem(400, "Valid 6-digit OTP required")


async def send_code(call: Call, email: str) -> int:
    """Send a code to an address; return how many more it may ask for within the hour.

    Raises Problem: 429 where a limit is reached, 502 or 503 where the mail cannot be sent.
    """
    sender = choose_sender(call.settings)
    requester = call.requester(email)
    tenant, activity = call.tenant, call.tenant_activity
    plan = _NO_PLAN if tenant is None else tenant.plan
    remaining = await call.limits.admit(requester, plan)
    if tenant is None:
        await activity.count("otpRequests")
    else:
        await activity.admit_code(plan)
    async with call.resources.locks.hold(call.keys.code(requester.email_hash)):
        code = await call.codes.issue(requester.email_hash)
        template = MailTemplate.of_tenant({} if tenant is None else tenant.config)
        mail = render_mail(template, to=email, code=code, expires_in_s=CODE_TTL_S)
        try:
            await sender.send(mail)
        except BaseException:
            # A code that nobody has is nobody's.
            await call.codes.discard(requester.email_hash)
            raise
    await activity.count("emailsSent")
    await activity.log("otp_requested", userId=_user_id(email))
    return remaining


async def take_code(
    call: Call, email: str, code: str, *, company_name: str | None = None
) -> SignedIn:
    """Exchange a code for a token; `company_name` is for a customer that is new.

    Raises Problem: 401 for a wrong, an expired and an unknown code alike, 429 after too many, 403
    for a suspended customer, 503 where customer-api does not answer. Where it is not the user's
    fault that there is no token, the code stays usable.
    """
    requester, activity = call.requester(email), call.tenant_activity
    email_hash = requester.email_hash
    # Until the end: whoever comes second at the same moment finds the code taken.
    async with call.resources.locks.hold(call.keys.code(email_hash)):
        check = await call.codes.check(email_hash, code)
        if check.taken is None:
            await call.limits.note_failure(requester)
            await activity.count("otpVerifications", "failedAttempts")
            await activity.log("otp_failed", userId=_user_id(email))
            raise _refusal(check.remaining)
        try:
            known = await call.users.get(email_hash)
            customer_id = None if known is None else known.customerId
            customer = await call.accounts.ensure(email, customer_id, company_name=company_name)
            signed_in = await _begin_session(call, email, email_hash, customer)
            await call.limits.note_success(requester)
            await activity.count("otpVerifications", "successfulLogins")
            await activity.log("login", userId=signed_in.user.userId)
        except Exception as error:
            if not isinstance(error, Problem) or error.status >= 500:
                await call.codes.give_back(email_hash, check.taken)
            raise
    return signed_in


def token_response(signed_in: SignedIn) -> dict[str, Any]:
    """Return what a client is told after signing in."""
    user, token = signed_in.user, signed_in.token
    return {
        "access_token": token.text,
        "token_type": "Bearer",
        "expires_in": token.claims.exp - token.claims.iat,
        "scope": SCOPE,
        "displayName": user.displayName,
        "sub": user.userId,
        "email": user.email,
        "email_verified": True,
        "token": token.text,
        "userId": user.userId,
        "expiresAt": token.expires_at,
        "customerId": user.customerId,
    }


async def _begin_session(call: Call, email: str, email_hash: str, customer: Customer) -> SignedIn:
    await _renew_preferences(call, email_hash)
    # A change of the name at the same moment comes before or after, and is not lost.
    async with call.resources.locks.hold(call.keys.name_change(email_hash)):
        known = await call.users.get(email_hash)
        name = customer.get("displayName") if known is None else known.displayName
        if not isinstance(name, str):
            name = generate_display_name()
        user = await call.users.sign_in(
            email,
            email_hash,
            customer_id=customer["customerId"],
            display_name=await call.display_names.keep(email_hash, name),
        )
    token = await call.sessions.begin(
        user_id=user.userId, email=email, customer_id=customer["customerId"]
    )
    return SignedIn(user, token, customer)


async def _renew_preferences(call: Call, email_hash: str) -> None:
    """Keep the preferences for as long as the user, who is kept for another year."""
    key = call.keys.preferences(email_hash)
    async with call.resources.locks.hold(key):
        stored = await call.store.get(key)
        if stored is not None:
            await call.store.put(key, stored, ttl_s=USER_TTL_S)


def _refusal(remaining: int) -> Problem:
    if remaining == 0:
        return Problem(429, _TOO_MANY, remaining_attempts=0)
    return Problem(401, _WRONG, remaining_attempts=remaining)


def _user_id(email: str) -> str:
    return user_id_of(hash_email(email))
