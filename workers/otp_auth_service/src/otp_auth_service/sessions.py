"""Sessions: tokens issued, renewed, revoked, and looked at."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from identity import (
    TOKEN_LIFE_S,
    Claims,
    TokenError,
    hash_token,
    issue_token,
    proper_form,
    verify_token,
)
from otp_auth_service.keys import TenantKeys
from otp_auth_service.store import Store
from otp_auth_service.times import iso_time
from workerkit import KeyedLocks

__all__ = ["RevokedError", "SCOPE", "SessionToken", "Sessions"]

SCOPE: Final = "openid email profile"
"""What every token is good for."""

_ANYBODY: Final = TenantKeys(None)


class RevokedError(TokenError):
    """A token was valid once, and has been revoked."""

    code = "token_revoked"


@dataclass(frozen=True, slots=True)
class SessionToken:
    """A token and what it says."""

    text: str
    claims: Claims

    @property
    def expires_at(self) -> str:
        """When it expires, as clients read it."""
        return iso_time(self.claims.exp)


class Sessions:
    """The sessions of one tenant's users.

    A revoked token stands under the tenant's keys, and under nobody's: who looks at a token need
    not know by whose API key it was issued.
    """

    def __init__(
        self,
        store: Store,
        keys: TenantKeys,
        locks: KeyedLocks,
        *,
        secret: str,
        issuer: str,
        clock: Callable[[], float],
    ) -> None:
        """Sign with `secret` in the name of `issuer`; `locks` are those of the whole worker."""
        self._store = store
        self._keys = keys
        self._locks = locks
        self._secret = secret
        self._issuer = issuer
        self._clock = clock

    async def begin(self, *, user_id: str, email: str, customer_id: str | None) -> SessionToken:
        """Issue a token and remember its hash as the user's session."""
        now = self._clock()
        text, claims = issue_token(
            self._secret,
            issuer=self._issuer,
            user_id=user_id,
            email=email,
            customer_id=customer_id,
            now=now,
        )
        session = {
            "userId": user_id,
            "token": hash_token(text),
            "expiresAt": iso_time(claims.exp),
            "createdAt": iso_time(now),
        }
        await self._store.put(self._keys.session(user_id), session, ttl_s=claims.exp - now)
        return SessionToken(text, claims)

    async def verify(self, token: str) -> Claims:
        """Return what a token says; raise TokenError, or RevokedError, where it is not valid."""
        claims = verify_token(token, self._secret, issuer=self._issuer, now=self._clock())
        if await self._is_revoked(_hash(token)):
            raise RevokedError("the token has been revoked")
        return claims

    async def renew(self, token: str) -> SessionToken:
        """Return a new token in the place of a valid one, which is revoked.

        Raises TokenError, or RevokedError where it was revoked, or renewed, before.
        """
        async with self._locks.hold(("renew", _hash(token))):
            claims = await self.verify(token)
            renewed = await self.begin(
                user_id=claims.user_id or claims.sub,
                email=claims.email,
                customer_id=claims.customer_id or None,
            )
            await self._revoke(_hash(token), claims.exp)
            return renewed

    async def end(self, token: str) -> Claims:
        """Revoke a valid token and forget its session; raise TokenError where it is not valid."""
        claims = await self.verify(token)
        await self._revoke(_hash(token), claims.exp)
        await self._store.delete(self._keys.session(claims.user_id or claims.sub))
        return claims

    async def end_of_user(self, user_id: str) -> None:
        """Revoke the latest token of a user, and forget the session."""
        session = await self._store.get(self._keys.session(user_id))
        if isinstance(session, dict) and isinstance(session.get("token"), str):
            # The longest that any token of now can still be valid.
            await self._revoke(session["token"], self._clock() + TOKEN_LIFE_S)
        await self._store.delete(self._keys.session(user_id))

    def introspection(self, claims: Claims) -> dict[str, Any]:
        """Return what RFC 7662 says of an active token."""
        return {
            "active": True,
            "scope": SCOPE,
            "token_type": "Bearer",
            "username": claims.email,
            **{
                name: claims.all[name]
                for name in ("sub", "iss", "aud", "exp", "iat", "jti", "email", "userId")
                if name in claims.all
            },
            "customerId": claims.customer_id or None,
        }

    async def _is_revoked(self, token_hash: str) -> bool:
        keys = {self._keys.revoked(token_hash), _ANYBODY.revoked(token_hash)}
        found = await asyncio.gather(*map(self._store.get, keys))
        return any(record is not None for record in found)

    async def _revoke(self, token_hash: str, expires_at: float) -> None:
        now = self._clock()
        record = {"revokedAt": iso_time(now)}
        for key in {self._keys.revoked(token_hash), _ANYBODY.revoked(token_hash)}:
            await self._store.put(key, record, ttl_s=expires_at - now)


def _hash(token: str) -> str:
    # However it is written: what is revoked is the token.
    return hash_token(proper_form(token))
