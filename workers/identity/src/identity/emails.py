"""E-mail addresses: what counts as one, and the hash that stands for it in keys and logs."""

import hashlib
import re
from typing import Final

__all__ = ["MAX_EMAIL_LENGTH", "hash_email", "is_email", "normalise_email"]

MAX_EMAIL_LENGTH: Final = 254
"""The longest address in characters (RFC 5321, 4.5.3.1.3)."""

_ADDRESS: Final = re.compile(r"[^\s@]+@[^\s@]+\.[^\s@]+")


def normalise_email(text: str) -> str:
    """Return the address in the form in which it is compared and stored."""
    return text.strip().lower()


def is_email(text: str) -> bool:
    """Tell whether a normalised address looks like one; only a mail can prove it."""
    return len(text) <= MAX_EMAIL_LENGTH and _ADDRESS.fullmatch(text) is not None


def hash_email(email: str) -> str:
    """Return the SHA-256 of the address in hex, whatever its case and the space around it."""
    return hashlib.sha256(normalise_email(email).encode()).hexdigest()
