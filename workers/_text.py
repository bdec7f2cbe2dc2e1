"""Text as fetch sees it: always UTF-8, never an error over a character."""

import math
import re
from decimal import Decimal

__all__ = ["decode_text", "encode_text", "is_token", "to_text"]

_BOM = b"\xef\xbb\xbf"
_TOKEN = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")


def encode_text(text: str) -> bytes:
    """Return `text` in UTF-8; a lone surrogate becomes U+FFFD, as in a JavaScript USVString."""
    try:
        return text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace").encode()


def decode_text(data: bytes) -> str:
    """Return `data` read as UTF-8: a byte order mark is dropped, what is invalid replaced."""
    if data.startswith(_BOM):
        data = data[3:]
    return data.decode("utf-8", "replace")


def is_token(text: str) -> bool:
    """Tell whether `text` can be a method or a header's name (RFC 9110, 5.6.2)."""
    return _TOKEN.fullmatch(text) is not None


def to_text(value: object) -> str | None:
    """Return a str, or a number or bool as JavaScript prints it, else None."""
    if isinstance(value, str):
        # A str subclass (an HTTPMethod, a StrEnum) is stored as the plain text it stands for.
        return value if type(value) is str else str.__str__(value)
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(int(value))
    return _float_text(value) if isinstance(value, float) else None


def _float_text(value: float) -> str:
    if not math.isfinite(value):
        return "NaN" if math.isnan(value) else f"{'-' if value < 0 else ''}Infinity"
    if value.is_integer() and abs(value) < 1e21:
        return str(int(value))
    digits = float.__repr__(value)
    mantissa, _, exponent = digits.partition("e")
    if not exponent:
        return digits
    # Python goes over to exponents sooner than JavaScript, and pads them.
    if 1e-6 <= abs(value) < 1:
        return f"{Decimal(digits):f}"
    return f"{mantissa}e{int(exponent):+d}"
