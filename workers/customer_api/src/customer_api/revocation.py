"""Asking the service that issues tokens whether one has been revoked."""

import asyncio
import json
import logging
from collections import OrderedDict
from collections.abc import Callable
from typing import Final
from urllib.parse import urlencode

from identity import hash_token
from workerkit import Service

__all__ = ["Revocation", "UncheckedError"]

_URL: Final = "https://otp-auth-service/auth/introspect"
_KEEP_S: Final = 30.0
# An issuer that is down is not asked for every request.
_RETRY_S: Final = 5.0
_TIMEOUT_S: Final = 5.0
_MAX_ANSWERS: Final = 4096

logger = logging.getLogger(__name__)


class UncheckedError(Exception):
    """The issuer gives no answer."""


class Revocation:
    """Knows of each token whether it is active, and asks again after 30 s.

    Where the issuer gave no answer, it is asked again after 5 s.
    """

    __slots__ = ("_answers", "_clock", "_max_answers")

    def __init__(self, *, clock: Callable[[], float], max_answers: int = _MAX_ANSWERS) -> None:
        """Remember up to `max_answers`, the latest; `clock` tells seconds."""
        self._clock = clock
        self._max_answers = max_answers
        # By the token's hash: whether it is active (None: no answer), and until when to believe it.
        self._answers: OrderedDict[str, tuple[bool | None, float]] = OrderedDict()

    async def is_active(self, token: str, issuer: Service, service_key: str) -> bool:
        """Tell whether `issuer` stands by a token; raise UncheckedError where it does not say."""
        token_hash = hash_token(token)
        asked_at = self._clock()
        is_active, until = self._answers.get(token_hash, (None, 0.0))
        if until <= asked_at:
            is_active = await _ask(token, issuer, service_key)
            keep_s = _RETRY_S if is_active is None else _KEEP_S
            self._answers[token_hash] = (is_active, asked_at + keep_s)
            self._answers.move_to_end(token_hash)
            if len(self._answers) > self._max_answers:
                self._answers.popitem(last=False)
        if is_active is None:
            raise UncheckedError
        return is_active


async def _ask(token: str, issuer: Service, service_key: str) -> bool | None:
    """Return the issuer's answer, None where it gives none."""
    headers = {
        "Content-Type": "application/x-www-form-urlencoded",
        "X-Service-Key": service_key,
    }
    body = urlencode({"token": token})
    try:
        async with asyncio.timeout(_TIMEOUT_S):
            response = await issuer.fetch(_URL, method="POST", headers=headers, body=body)
            answer = json.loads(await response.text())
    except Exception as error:
        # Only what it is: the text might repeat what was sent.
        logger.warning("a token could not be introspected: %s", type(error).__name__)
        return None
    is_active = answer.get("active") if isinstance(answer, dict) else None
    if response.status != 200 or not isinstance(is_active, bool):
        logger.warning("a token could not be introspected: the answer is %d", response.status)
        return None
    return is_active
