"""Who is calling: a service by its key, or a customer by a token."""

from dataclasses import dataclass
from typing import TypeAlias

from customer_api.records import email_of
from customer_api.refusals import caller_is_unknown, secret_is_missing
from customer_api.settings import Settings
from identity import (
    Customer,
    TokenError,
    TokenVerifier,
    bearer_token,
    is_same_secret,
    normalise_email,
)
from workers import Request

__all__ = ["Caller", "Service", "TokenHolder", "identify"]


@dataclass(frozen=True, slots=True)
class Service:
    """A service, which may see and change every customer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenHolder:
    """Somebody who has signed in; what the token does not say is empty."""

    token: str
    customer_id: str
    email: str
    expires_at: int

    def owns(self, customer: Customer) -> bool:
        """Tell whether a record is this caller's own.

        The address decides, for that is what signing in has proved; a token without one has the
        customer's id. A user who signs in at a tenant may have the tenant's id beside an address of
        his own, and does not own its record.
        """
        if self.email:
            return self.email == email_of(customer)
        return bool(self.customer_id) and self.customer_id == customer["customerId"]


Caller: TypeAlias = Service | TokenHolder


def identify(request: Request, settings: Settings, verifier: TokenVerifier) -> Caller:
    """Return who sends a request; whether a token has been revoked is another question.

    Raises Problem 401 where nobody can be told, and 500 where the worker has no secret to tell by.
    """
    key = request.headers.get("x-service-key")
    if key is not None:
        # Whatever else is sent: who tries a key and fails is not let in by another door.
        if not is_same_secret(key, settings.SERVICE_API_KEY.get_secret_value()):
            raise caller_is_unknown()
        return Service()
    secret = settings.JWT_SECRET.get_secret_value()
    if not secret:
        raise secret_is_missing("JWT_SECRET")
    token = bearer_token(request)
    if token is None:
        raise caller_is_unknown()
    try:
        claims = verifier.verify(token, secret, issuer=settings.JWT_ISSUER)
    except TokenError:
        raise caller_is_unknown() from None
    return TokenHolder(
        token=token,
        customer_id=claims.customer_id,
        email=normalise_email(claims.email),
        expires_at=claims.exp,
    )
