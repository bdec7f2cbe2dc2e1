"""Verifying tokens again and again: the costly part once a token."""

import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Final

from identity.tokens import Claims, verify_token

__all__ = ["TokenVerifier"]

_MAX_TOKENS: Final = 2048


class TokenVerifier:
    """Verifies tokens, and remembers of valid ones what they say until they expire.

    The least recently used ones are forgotten first.
    """

    def __init__(
        self, *, max_tokens: int = _MAX_TOKENS, clock: Callable[[], float] = time.time
    ) -> None:
        """Remember up to `max_tokens`; `clock` tells seconds since the epoch."""
        self._max_tokens = max_tokens
        self._clock = clock
        self._valid: OrderedDict[tuple[str, str, str | None], Claims] = OrderedDict()

    def verify(self, token: str, secret: str, *, issuer: str | None) -> Claims:
        """Return what a token says; raise TokenError as `verify_token` does."""
        # Another secret or issuer is another question.
        at = (token, secret, issuer)
        now = self._clock()
        claims = self._valid.get(at)
        if claims is not None and claims.exp > now:
            self._valid.move_to_end(at)
            return claims
        self._valid.pop(at, None)
        claims = verify_token(token, secret, issuer=issuer, now=now)
        self._valid[at] = claims
        if len(self._valid) > self._max_tokens:
            self._valid.popitem(last=False)
        return claims
