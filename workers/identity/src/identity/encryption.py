"""Encrypted responses: a body that only the token it was asked for with can open.

AES-256-GCM, without additional data and with the 16-byte tag behind the ciphertext, under
PBKDF2-HMAC-SHA256 of the token. The bytes are those of the original service's clients.
"""

import asyncio
import base64
import binascii
import json
import os
import sys
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final, TypeAlias

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.pbkdf2 import PBKDF2HMAC

from identity.errors import DecryptionError
from identity.times import iso_time
from identity.tokens import hash_token

__all__ = ["MIN_TOKEN_LENGTH", "ResponseCipher", "compact_json", "seal"]

MIN_TOKEN_LENGTH: Final = 10
"""The shortest token, in characters, that anything is encrypted with."""

_COMPACT: Final = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":"))
# None of its values has anything that JSON would escape.
_BODY: Final = (
    '{"version":3,"encrypted":true,"algorithm":"AES-GCM-256","iv":"%s","salt":"%s",'
    '"tokenHash":"%s","data":"%s","timestamp":"%s"}'
)
_ITERATIONS: Final = 100_000
_KEY_BYTES: Final = 32
_SALT_BYTES: Final = 16
_IV_BYTES: Final = 12
_MAX_KEYS: Final = 2048
# How long the key of a response from elsewhere is kept; its sender has a new salt once restarted.
_KEEP_S: Final = 3600.0
# Python in WebAssembly, as on Cloudflare, has none.
_HAS_THREADS: Final = sys.platform != "emscripten"

# A token's hash, and the salt where somebody else has chosen it.
_Place: TypeAlias = tuple[str, bytes | None]

_OTHER_TOKEN: Final = "Decryption failed - token does not match."
_NOT_TO_BE_OPENED: Final = "Decryption failed - incorrect token or corrupted data."


def compact_json(data: object) -> str:
    """Return JSON without a space in it, and with every character as it is.

    Raises ValueError for a number that JSON does not have, TypeError for an object of another kind.
    """
    return _COMPACT.encode(data)


def seal(
    plain_text: str, *, token_hash: str, salt: bytes, key: AESGCM, iv: bytes, now: datetime
) -> str:
    """Return the JSON of the body that carries `plain_text`, its members in their order."""
    data = key.encrypt(iv, plain_text.encode(), None)
    return _BODY % (_base64(iv), _base64(salt), token_hash, _base64(data), iso_time(now))


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode()


@dataclass(frozen=True, slots=True)
class _DerivedKey:
    salt: bytes
    key: AESGCM
    expires_at: float


class ResponseCipher:
    """Encrypts for a token and decrypts with it; the costly key is derived once a token.

    Derived keys are kept until their token expires, the least recently used ones going first. A
    fresh random IV each time is what makes using a key again sound.
    """

    def __init__(
        self,
        *,
        max_keys: int = _MAX_KEYS,
        has_threads: bool = _HAS_THREADS,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """Keep up to `max_keys` derived keys; `clock` tells seconds since the epoch.

        Where the platform `has_threads`, keys are derived in some of its own.
        """
        self._max_keys = max_keys
        self._clock = clock
        self._keys: OrderedDict[_Place, _DerivedKey] = OrderedDict()
        self._deriving: dict[_Place, asyncio.Task[_DerivedKey]] = {}
        # One core is left to the event loop.
        threads = max(1, (os.cpu_count() or 1) - 1)
        self._threads = ThreadPoolExecutor(threads, "derive-key") if has_threads else None

    async def encrypt(self, data: object, token: str, *, expires_at: float) -> str:
        """Return the JSON that carries `data` for the holder of `token`, valid till `expires_at`.

        Raises ValueError for a token that is too short to be a secret.
        """
        if len(token) < MIN_TOKEN_LENGTH:
            raise ValueError(f"a token to encrypt with has {MIN_TOKEN_LENGTH} characters at least")
        token_hash = hash_token(token)
        # Nearly always the key is at hand, and nothing has to be waited for.
        derived = self._kept((token_hash, None)) or await self._key(
            token, token_hash, None, expires_at
        )
        return seal(
            compact_json(data),
            token_hash=token_hash,
            salt=derived.salt,
            key=derived.key,
            iv=os.urandom(_IV_BYTES),
            now=datetime.fromtimestamp(self._clock(), UTC),
        )

    async def decrypt(self, body: Any, token: str) -> Any:
        """Return what `body` carries; one that is not encrypted is returned as it is.

        Raises DecryptionError where it is for another token, or damaged.
        """
        if not isinstance(body, Mapping) or not body.get("encrypted"):
            return body
        token_hash = hash_token(token)
        if body.get("tokenHash") != token_hash:
            raise DecryptionError(_OTHER_TOKEN)
        try:
            salt, iv, data = (
                base64.b64decode(body[name], validate=True) for name in ("salt", "iv", "data")
            )
            derived = await self._key(token, token_hash, salt, self._clock() + _KEEP_S)
            return json.loads(derived.key.decrypt(iv, data, None))
        except (KeyError, TypeError, ValueError, binascii.Error, InvalidTag):
            raise DecryptionError(_NOT_TO_BE_OPENED) from None

    def _kept(self, at: _Place) -> _DerivedKey | None:
        derived = self._keys.get(at)
        if derived is None or derived.expires_at <= self._clock():
            return None
        self._keys.move_to_end(at)
        return derived

    async def _key(
        self, token: str, token_hash: str, salt: bytes | None, expires_at: float
    ) -> _DerivedKey:
        at = (token_hash, salt)
        kept = self._kept(at)
        if kept is not None:
            return kept
        if self._threads is None:
            # At once: a request that waits for another one's work could end with it on Cloudflare.
            salt = os.urandom(_SALT_BYTES) if salt is None else salt
            return self._keep(at, _DerivedKey(salt, AESGCM(_derive_key(token, salt)), expires_at))
        task = self._deriving.get(at)
        if task is None:
            task = asyncio.create_task(self._derive(token, at, salt, expires_at))
            self._deriving[at] = task
        # One caller that goes away must not take the key from the others.
        return await asyncio.shield(task)

    async def _derive(
        self, token: str, at: _Place, salt: bytes | None, expires_at: float
    ) -> _DerivedKey:
        salt = os.urandom(_SALT_BYTES) if salt is None else salt
        loop = asyncio.get_running_loop()
        try:
            key = await loop.run_in_executor(self._threads, _derive_key, token, salt)
        finally:
            del self._deriving[at]
        return self._keep(at, _DerivedKey(salt, AESGCM(key), expires_at))

    def _keep(self, at: _Place, derived: _DerivedKey) -> _DerivedKey:
        self._keys[at] = derived
        self._keys.move_to_end(at)
        if len(self._keys) > self._max_keys:
            self._keys.popitem(last=False)
        return derived


def _derive_key(token: str, salt: bytes) -> bytes:
    # Not hashlib's: without OpenSSL, as in WebAssembly, Python has none.
    kdf = PBKDF2HMAC(SHA256(), length=_KEY_BYTES, salt=salt, iterations=_ITERATIONS)
    return kdf.derive(token.encode())
