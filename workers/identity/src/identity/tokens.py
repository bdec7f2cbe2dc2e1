"""Tokens: the JWTs by which a signed-in customer is known to both services."""

import base64
import hashlib
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

import jwt

from identity.errors import TokenError

__all__ = [
    "Claims",
    "DEFAULT_ISSUER",
    "TOKEN_LIFE_S",
    "hash_token",
    "issue_token",
    "proper_form",
    "verify_token",
]

DEFAULT_ISSUER: Final = "auth.idling.app"
"""The issuer where the var `JWT_ISSUER` is not set."""

TOKEN_LIFE_S: Final = 25_200
"""For how many seconds a token is valid: 7 hours."""

_ALGORITHM: Final = "HS256"
# A request needs the hash of its token several times.
_HASHES: Final = 2048
_NO_CUSTOMER: Final = "default"


@dataclass(frozen=True, slots=True, kw_only=True)
class Claims:
    """What a valid token says. Texts that it lacks are empty; `all` has every claim."""

    sub: str
    iss: str
    exp: int
    iat: int
    jti: str
    email: str
    user_id: str
    customer_id: str
    all: Mapping[str, Any]


def issue_token(
    secret: str,
    *,
    issuer: str,
    user_id: str,
    email: str,
    customer_id: str | None,
    now: float | None = None,
) -> tuple[str, Claims]:
    """Return a new token, and what it says; `now` is in seconds since the epoch."""
    issued_at = int(time.time() if now is None else now)
    claims = {
        "sub": user_id,
        "iss": issuer,
        "aud": customer_id or _NO_CUSTOMER,
        "exp": issued_at + TOKEN_LIFE_S,
        "iat": issued_at,
        "jti": str(uuid.uuid4()),
        "email": email,
        "email_verified": True,
        "userId": user_id,
        "customerId": customer_id,
        "csrf": str(uuid.uuid4()),
    }
    return jwt.encode(claims, secret, algorithm=_ALGORITHM), _claims(claims)


def verify_token(
    token: str, secret: str, *, issuer: str | None, now: float | None = None
) -> Claims:
    """Return what a token says; `now` is in seconds since the epoch.

    Raises TokenError unless it is signed with `secret`, has not expired, names a subject, and
    comes from `issuer`; None accepts any. All texts that verify as one token have one
    `proper_form`.
    """
    token = proper_form(token)
    required = ["exp", "sub"] if issuer is None else ["exp", "sub", "iss"]
    try:
        claims = jwt.decode(
            token,
            secret,
            algorithms=[_ALGORITHM],
            issuer=issuer,
            options={
                "require": required,
                # Whom it is meant for differs between tenants; both services take all of them.
                "verify_aud": False,
                # A token of the original service may come from a clock that is a little ahead.
                "verify_iat": False,
                # Checked below, by the caller's clock.
                "verify_exp": False,
                "verify_nbf": False,
            },
        )
    except (jwt.InvalidTokenError, UnicodeError) as error:
        raise TokenError(str(error)) from None
    _check_signature_text(token.rpartition(".")[2])
    _check_time(claims, time.time() if now is None else now)
    return _claims(claims)


@lru_cache(maxsize=_HASHES)
def hash_token(token: str) -> str:
    """Return the SHA-256 of a token in hex, which stands for it wherever it is stored.

    Where one token must not have two of them, hash its `proper_form`.
    """
    return hashlib.sha256(token.encode()).hexdigest()


def proper_form(token: str) -> str:
    """Return a token of the original service, which wrote `/` for base64url's `_`, as it ought."""
    head, dot, signature = token.rpartition(".")
    return f"{head}{dot}{signature.replace('/', '_')}"


def _check_signature_text(text: str) -> None:
    """Raise TokenError for any writing of the signature's bytes but the one of base64url.

    Decoders are lenient, and a token that was revoked would come back with a `=` at its end.
    """
    signature = base64.urlsafe_b64decode(f"{text}==")
    if base64.urlsafe_b64encode(signature).decode().rstrip("=") != text:
        raise TokenError("the signature is not written as base64url has it")


def _check_time(claims: Mapping[str, Any], now: float) -> None:
    try:
        ends, begins = int(claims["exp"]), int(claims.get("nbf", 0))
    except (TypeError, ValueError, OverflowError):
        raise TokenError("exp and nbf are whole numbers of seconds") from None
    if ends <= now:
        raise TokenError("the token has expired")
    if begins > now:
        raise TokenError("the token is not valid yet")


def _claims(claims: Mapping[str, Any]) -> Claims:
    def text(name: str) -> str:
        value = claims.get(name)
        return value if isinstance(value, str) else ""

    def seconds(name: str) -> int:
        value = claims.get(name)
        return int(value) if isinstance(value, int | float) else 0

    return Claims(
        sub=text("sub"),
        iss=text("iss"),
        exp=seconds("exp"),
        iat=seconds("iat"),
        jti=text("jti"),
        email=text("email"),
        user_id=text("userId"),
        customer_id=text("customerId"),
        all=claims,
    )
