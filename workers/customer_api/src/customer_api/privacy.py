"""Keeping e-mail addresses out of problems and logs."""

import re
from typing import Final
from urllib.parse import unquote, urlsplit

__all__ = ["public_path", "without_emails"]

_EMAIL: Final = re.compile(r"[^\s@'\"<>()\[\]{},;:/=]+(?:@|%40)[^\s@'\"<>()\[\]{},;:/=]+", re.I)
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
    while (decoded := unquote(segment)) != segment:
        segment = decoded
    return segment
