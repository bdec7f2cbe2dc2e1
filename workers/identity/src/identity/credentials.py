"""What a request brings to show who sends it."""

import hashlib
import hmac
from typing import Final

from workers import Request

__all__ = ["bearer_token", "is_same_secret"]

_SCHEME: Final = "bearer"


def bearer_token(request: Request) -> str | None:
    """Return the token of `Authorization: Bearer …`, whose scheme is written in any case."""
    scheme, _, token = request.headers.get("authorization", "").strip().partition(" ")
    return token.strip() or None if scheme.lower() == _SCHEME else None


def is_same_secret(given: str, expected: str) -> bool:
    """Tell whether somebody knows a secret, in a time that does not depend on what is given.

    Nobody knows one that is empty: it has not been set.
    """
    return bool(expected) and hmac.compare_digest(_digest(given), _digest(expected))


def _digest(text: str) -> bytes:
    return hashlib.sha256(text.encode(errors="surrogateescape")).digest()
