"""One-time codes: made, kept as a hash, and taken once.

A code that was never asked for, one that has expired and a wrong one look the same to whoever
tries: for an address without a code a decoy is kept, whose hash nothing matches, so that tries are
counted there too.
"""

import hashlib
import hmac
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from otp_auth_service.keys import CODE_TTL_S, TenantKeys
from otp_auth_service.store import Store

__all__ = ["CodeCheck", "CodeState", "Codes", "MAX_ATTEMPTS"]

MAX_ATTEMPTS: Final = 5
"""After so many wrong tries a code is of no use."""

_DIGITS: Final = 6
_NO_HASH: Final = "-"


@dataclass(frozen=True, slots=True)
class CodeState:
    """A code as it was stored, so that it can be given back."""

    code_hash: str
    expires_at: float
    attempts: int


@dataclass(frozen=True, slots=True)
class CodeCheck:
    """What a try has shown: `taken` is the code where it was right, else `remaining` tries."""

    taken: CodeState | None
    remaining: int


class Codes:
    """The codes of one tenant. Calls for one address must not overlap: hold a lock for it."""

    def __init__(
        self,
        store: Store,
        keys: TenantKeys,
        secret: str,
        *,
        clock: Callable[[], float],
        fixed_code: str | None = None,
    ) -> None:
        """Hash with `secret`; `fixed_code` is what every code is, in development and tests only."""
        self._store = store
        self._keys = keys
        self._secret = secret.encode()
        self._clock = clock
        self._fixed_code = fixed_code

    async def issue(self, email_hash: str) -> str:
        """Return a new code for an address, in the place of any other."""
        code = self._fixed_code or f"{secrets.randbelow(10**_DIGITS):0{_DIGITS}}"
        state = CodeState(self._hash(email_hash, code), self._clock() + CODE_TTL_S, 0)
        await self._put(email_hash, state)
        return code

    async def check(self, email_hash: str, code: str) -> CodeCheck:
        """Take the code if it is right; count the try if it is not."""
        state = await self._get(email_hash)
        is_right = hmac.compare_digest(self._hash(email_hash, code), state.code_hash)
        if state.attempts >= MAX_ATTEMPTS:
            return CodeCheck(None, 0)
        if is_right:
            await self._store.delete(self._keys.code(email_hash))
            return CodeCheck(state, 0)
        state = CodeState(state.code_hash, state.expires_at, state.attempts + 1)
        await self._put(email_hash, state)
        return CodeCheck(None, MAX_ATTEMPTS - state.attempts)

    async def is_usable(self, email_hash: str) -> bool:
        """Tell whether an address has a code that can still be tried."""
        state = await self._get(email_hash)
        return state.code_hash != _NO_HASH and state.attempts < MAX_ATTEMPTS

    async def give_back(self, email_hash: str, taken: CodeState) -> None:
        """Make a code usable again that was taken for nothing."""
        await self._put(email_hash, taken)

    async def discard(self, email_hash: str) -> None:
        """Remove a code that could not be sent."""
        await self._store.delete(self._keys.code(email_hash))

    def _hash(self, email_hash: str, code: str) -> str:
        return hmac.new(self._secret, f"{email_hash}:{code}".encode(), hashlib.sha256).hexdigest()

    async def _get(self, email_hash: str) -> CodeState:
        record = await self._store.get(self._keys.code(email_hash))
        state = _read(record)
        # KV keeps nothing shorter than a minute, so the record says itself when it ends.
        if state is None or state.expires_at <= self._clock():
            return CodeState(_NO_HASH, self._clock() + CODE_TTL_S, 0)
        return state

    async def _put(self, email_hash: str, state: CodeState) -> None:
        record = {
            "codeHash": state.code_hash,
            "expiresAt": round(state.expires_at * 1000),
            "attempts": state.attempts,
        }
        ttl_s = state.expires_at - self._clock()
        await self._store.put(self._keys.code(email_hash), record, ttl_s=ttl_s)


def _read(record: object) -> CodeState | None:
    match record:
        case {"codeHash": str(code_hash), "expiresAt": int(millis), "attempts": int(attempts)}:
            return CodeState(code_hash, millis / 1000, attempts)
    return None
