"""Cursors: where a listing goes on, as a text that means nothing to its holder.

    base64url(checksum 8 bytes · last key)

The checksum is over namespace and key, so a cursor of another namespace, a cut one and one that
somebody wrote by hand are all told apart from ours. It is no secret: a cursor gives no access.
"""

import base64
import binascii
from hashlib import blake2b
from typing import Final

from kvstore.errors import KVError

__all__ = ["decode_cursor", "encode_cursor"]

_CHECKSUM_BYTES: Final = 8
_PURPOSE: Final = b"kv cursor 1"


def encode_cursor(namespace: str, last_key: bytes) -> str:
    """Return the cursor of a page that ends with `last_key`."""
    return base64.urlsafe_b64encode(_checksum(namespace, last_key) + last_key).decode().rstrip("=")


def decode_cursor(namespace: str, prefix: bytes, cursor: object) -> bytes | None:
    """Return the key that a listing goes on behind; None for the first page.

    Raises KVError 400 for whatever is not a cursor of this namespace, and for that of a key which
    does not start with `prefix`: a listing of others would begin anew, or end at once.
    """
    if cursor is None or cursor == "":
        return None
    if isinstance(cursor, str):
        try:
            data = base64.b64decode(
                cursor.encode() + b"=" * (-len(cursor) % 4), altchars=b"-_", validate=True
            )
        except (ValueError, binascii.Error):
            data = b""
        key = data[_CHECKSUM_BYTES:]
        if encode_cursor(namespace, key) == cursor and key.startswith(prefix):
            return key
    raise KVError("GET", 400, "Invalid cursor.")


def _checksum(namespace: str, key: bytes) -> bytes:
    digest = blake2b(key, digest_size=_CHECKSUM_BYTES, person=_PURPOSE)
    digest.update(b"\0" + namespace.encode())
    return digest.digest()
