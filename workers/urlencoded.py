"""application/x-www-form-urlencoded, as the WHATWG URL standard writes and reads it.

For the SDK and the runtime, not for workers.
"""

from collections.abc import Iterable
from urllib.parse import parse_qsl, quote_plus

from workers._text import decode_text, encode_text

__all__ = ["encode_urlencoded", "parse_urlencoded"]


def parse_urlencoded(data: bytes | str) -> list[tuple[str, str]]:
    """Return the pairs of a form body or a query, in their order; nothing in it is an error."""
    text = decode_text(data) if isinstance(data, bytes) else data
    return parse_qsl(text, keep_blank_values=True, errors="replace")


def encode_urlencoded(pairs: Iterable[tuple[str, str]]) -> str:
    """Return `pairs` as a form body or a query."""
    return "&".join(f"{_quoted(name)}={_quoted(value)}" for name, value in pairs)


def _quoted(text: str) -> str:
    # The standard leaves `*` alone and escapes `~`; Python's quoting does the contrary.
    return quote_plus(encode_text(text), safe="*").replace("~", "%7E")
