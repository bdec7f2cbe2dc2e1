"""Paths as routes write them, and as requests bring them: lists of decoded segments."""

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from keyword import iskeyword
from typing import Final
from urllib.parse import quote, unquote_to_bytes

from workerkit.errors import RouteLoadError

__all__ = [
    "CONTEXT_NAMES",
    "Pattern",
    "decode_segments",
    "parse_pattern",
    "raw_path",
    "with_other_slash",
]

CONTEXT_NAMES: Final = ("request", "env", "ctx")
"""What handlers are given beside the parameters of a path, which can have none of these names."""

_MALFORMED = re.compile("%(?![0-9A-Fa-f]{2})")
# RFC 3986: what a path and a query may hold beside letters, digits and what quote() never escapes.
_URL_CHARACTERS: Final = "!$%&'()*+,/:;=?@[]"


@dataclass(frozen=True, kw_only=True, slots=True)
class Pattern:
    """A parsed route path.

    `segments` are decoded; None stands for a parameter, the last one is empty when the path ends
    in a slash. `params` are the names, in order, the last one being the rest of the path when
    `has_rest`. `places` are those that are one segment, each with its index.
    """

    path: str
    segments: tuple[str | None, ...]
    params: tuple[str, ...]
    places: tuple[tuple[str, int], ...]
    has_rest: bool

    def values(self, segments: Sequence[str]) -> dict[str, str]:
        """Return the parameters by name, of the segments of a path that this pattern fits."""
        values = {}
        for name, index in self.places:
            values[name] = segments[index]
        if self.has_rest:
            values[self.params[-1]] = "/".join(segments[len(self.segments) :])
        return values

    def differs_in_slash(self, segments: Sequence[str]) -> bool:
        """Tell whether a path that fits ends in a slash and this one does not, or reversed."""
        if self.has_rest:
            return len(segments) == len(self.segments)
        return (segments[-1] == "") != (self.segments[-1] == "")


def parse_pattern(path: object, owner: str, reserved: Collection[str] = CONTEXT_NAMES) -> Pattern:
    """Parse a route's path, whose parameters have none of the `reserved` names.

    Raises RouteLoadError naming `owner` for one that cannot be a path.
    """
    if not isinstance(path, str) or not path.startswith("/"):
        raise RouteLoadError(f"{owner}: a path is a str that starts with a slash, not {path!r}")
    if "?" in path or "#" in path:
        raise RouteLoadError(f"{owner}: the path {path!r} has a query or a fragment; leave it out")
    *heads, last = path.split("/")[1:]
    if "" in heads:
        raise RouteLoadError(f"{owner}: the path {path!r} has an empty segment; leave it out")
    has_rest = last.startswith("*")
    segments: list[str | None] = []
    places: list[tuple[str, int]] = []
    for index, segment in enumerate(heads if has_rest else (*heads, last)):
        if segment.startswith(":"):
            places.append((segment[1:], index))
            segments.append(None)
        elif segment.startswith("*"):
            raise RouteLoadError(f"{owner}: {segment!r} in {path!r} can stand only at the end")
        else:
            segments.append(_decoded_literal(segment, path, owner))
    params = [name for name, _ in places]
    if has_rest:
        params.append(last[1:])
    _check_params(params, path, owner, reserved)
    return Pattern(
        path=path,
        segments=tuple(segments),
        params=tuple(params),
        places=tuple(places),
        has_rest=has_rest,
    )


def raw_path(url: str) -> str:
    """Return the path of an absolute URL, still encoded."""
    start = url.find("/", url.find("://") + 3)
    if start < 0:
        return "/"
    return url[start:].partition("?")[0].partition("#")[0]


def with_other_slash(url: str) -> str:
    """Return path and query of an absolute URL, the slash at the path's end taken away or added.

    The result is fit for a Location header: what cannot stand in a URL is escaped.
    """
    path = raw_path(url)
    _, mark, query = url.partition("#")[0].partition("?")
    path = path[:-1] if path.endswith("/") else f"{path}/"
    # Browsers take a backslash for a slash: "/\host" would lead them to another site.
    # What a server could not decode arrives as surrogates, and leaves as the bytes that it was.
    return quote(f"{path}{mark}{query}", safe=_URL_CHARACTERS, errors="surrogateescape")


def decode_segments(path: str) -> list[str]:
    """Return the segments of an encoded path, each decoded once.

    Raises ValueError for an escape that is malformed, and for bytes that are not UTF-8.
    """
    segments = path.split("/")[1:]
    if "%" not in path and path.isascii():
        return segments
    return [_decoded(segment) for segment in segments]


def _decoded(segment: str) -> str:
    if _MALFORMED.search(segment):
        raise ValueError(f"malformed escape in {segment!r}")
    return unquote_to_bytes(segment).decode()


def _decoded_literal(segment: str, path: str, owner: str) -> str:
    try:
        literal = _decoded(segment)
    except ValueError:
        raise RouteLoadError(
            f"{owner}: the path {path!r} has a malformed escape; write a percent sign as %25"
        ) from None
    if literal in (".", ".."):
        raise RouteLoadError(
            f"{owner}: {segment!r} in {path!r} is resolved before a request arrives; leave it out"
        )
    return literal


def _check_params(params: list[str], path: str, owner: str, reserved: Collection[str]) -> None:
    for name in params:
        if not name.isidentifier() or iskeyword(name) or name in reserved:
            raise RouteLoadError(
                f"{owner}: {name!r} in {path!r} cannot be a parameter; it must be a Python name "
                f"other than {', '.join(reserved)}"
            )
        if params.count(name) > 1:
            raise RouteLoadError(f"{owner}: the parameter {name!r} is twice in {path!r}")
