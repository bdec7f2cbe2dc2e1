"""Keeping e-mail addresses out of problems and logs."""

import re
from typing import Final
from urllib.parse import unquote, urlsplit

__all__ = ["public_path", "without_emails"]

# As long as an address can be, so that a long text takes no longer than it must.
_PART: Final = r"[^\s@'\"<>()\[\]{},;:/=]{1,254}"
_EMAIL: Final = re.compile(rf"{_PART}(?:@|%40){_PART}")
_ROUNDS: Final = 8
_BY_EMAIL: Final = ["", "customer", "by-email"]


def public_path(url: str) -> str:
    """Return the path of a URL up to the first segment that has, or could have, an address."""
    segments = urlsplit(url).path.split("/")
    if [_decoded(segment) for segment in segments[:3]] == _BY_EMAIL:
        return "/".join(segments[:3])
    for index, segment in enumerate(segments):
        if "@" in _decoded(segment):
            return "/".join(segments[:index]) or "/"
    return "/".join(segments)


def without_emails(text: str) -> str:
    """Return a text with every e-mail address in it struck out."""
    return _EMAIL.sub("[e-mail]", text)


def _decoded(segment: str) -> str:
    # An address that somebody has encoded twice is still one.
    for _ in range(_ROUNDS):
        decoded = unquote(segment)
        if decoded == segment:
            return segment
        segment = decoded
    # Who encodes more often hides something: no address, perhaps, but nothing to show either.
    return f"{segment}@"
