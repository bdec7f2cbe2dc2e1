"""Route patterns, and which of many patterns is the most specific for a host and a path."""

from bisect import bisect_right
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Generic, TypeVar

from wrangler_compat.errors import RoutePatternError

__all__ = ["RoutePattern", "RouteTable", "parse_route_pattern"]

T = TypeVar("T")

_SCHEMES = ("http://", "https://")
_HOST_CHARACTERS = frozenset("abcdefghijklmnopqrstuvwxyz0123456789-_.")


@dataclass(frozen=True, slots=True, kw_only=True)
class RoutePattern:
    """A pattern taken apart: `*.example.com/api/*` and its kind.

    `host` and `path` are what stands beside the wildcards, the host in lower case: `example.com`,
    `/api/`. `host_wildcard` is `*.` (a subdomain must be there), `*` (anything may stand before)
    or empty; `path_wildcard` says that the path is a prefix. A custom domain takes its whole host.
    """

    text: str
    host: str
    path: str
    host_wildcard: str = ""
    path_wildcard: bool = False
    custom_domain: bool = False


def parse_route_pattern(text: str, *, custom_domain: bool = False) -> RoutePattern:
    """Take a pattern apart.

    `*` may stand at the start of the host and at the end of the path; a scheme may stand before.
    A custom domain is a host and nothing else. Raises RoutePatternError, naming the rule broken.
    """
    rest = text.strip()
    scheme = next((known for known in _SCHEMES if rest.lower().startswith(known)), "")
    rest = rest[len(scheme) :]
    host, slash, path = rest.partition("/")
    if host.endswith(":") and path.startswith("/"):
        raise _error(text, "only http:// and https:// may stand before the host")
    if custom_domain:
        if slash or "*" in host:
            raise _error(text, "a custom domain is a host without a path and without *")
        return RoutePattern(
            text=text,
            host=_checked_host(host, text),
            path="",
            path_wildcard=True,
            custom_domain=True,
        )
    wildcard = "*." if host.startswith("*.") else "*" if host.startswith("*") else ""
    path = slash + path
    for unwanted in "?#":
        if unwanted in path:
            raise _error(text, f"a pattern has no {unwanted}: query strings are not matched")
    path_wildcard = path.endswith("*")
    bare_path = path.removesuffix("*")
    if "*" in bare_path:
        raise _error(text, "in the path, * may stand at the end only")
    return RoutePattern(
        text=text,
        host="" if host == "*" else _checked_host(host[len(wildcard) :], text),
        path=bare_path or "/",
        host_wildcard=wildcard,
        path_wildcard=path_wildcard,
    )


class RouteTable(Generic[T]):
    """Many patterns, each with what it leads to; asked once a request.

    The most specific pattern that fits wins: the longer host, then the longer path, then the one
    without a wildcard (in the path, then in the host), then the one that was given first. The cost
    of a match hardly grows with the number of patterns.
    """

    __slots__ = ("_exact", "_wildcards")

    def __init__(self, routes: Iterable[tuple[RoutePattern, T]]) -> None:
        exact: dict[str, list[tuple[RoutePattern, T]]] = {}
        suffixes: dict[str, list[tuple[RoutePattern, T]]] = {}
        for pattern, target in routes:
            if pattern.host_wildcard:
                suffix = pattern.host if pattern.host_wildcard == "*" else "." + pattern.host
                suffixes.setdefault(suffix, []).append((pattern, target))
            else:
                exact.setdefault(pattern.host, []).append((pattern, target))
        # For the host `example.com`, `*example.com` is as long as `example.com`: there the longer
        # path decides between the two.
        self._exact: dict[str, _Paths[T]] = {
            host: _Paths([*patterns, *suffixes.get(host, ())]) for host, patterns in exact.items()
        }
        self._wildcards = _Prefixes(
            {suffix[::-1]: _Paths(patterns) for suffix, patterns in suffixes.items()}
        )

    def match(self, host: str, path: str) -> T | None:
        """Return what the most specific pattern leads to, or None where none fits.

        `host` may carry a port, `path` a query; both are ignored.
        """
        if ":" in host:
            host = _without_port(host)
        host = host.lower()
        if "?" in path:
            path = path.partition("?")[0]
        paths = self._exact.get(host)
        if paths is not None and (found := paths.match(path)) is not None:
            return found[0]
        reversed_host = host[::-1]
        index = self._wildcards.longest(reversed_host)
        while index >= 0:
            found = self._wildcards.values[index].match(path)
            if found is not None:
                return found[0]
            index = self._wildcards.shorter[index]
        return None


class _Prefixes(Generic[T]):
    """Finds those of many texts that another text begins with, by index into `values`.

    In sorted order, all that stands between a prefix and the text begins with that prefix, too. So
    the longest one is the text's left neighbour, or the longest that this begins with, and so on.
    """

    __slots__ = ("_keys", "shorter", "values")

    def __init__(self, items: Mapping[str, T]) -> None:
        self._keys = sorted(items)
        self.values = [items[key] for key in self._keys]
        self.shorter: list[int] = []
        for index, key in enumerate(self._keys):
            shorter = index - 1
            while shorter >= 0 and not key.startswith(self._keys[shorter]):
                shorter = self.shorter[shorter]
            self.shorter.append(shorter)

    def longest(self, text: str) -> int:
        """Return the longest prefix of `text`, or -1; `shorter[index]` is the next one, or -1."""
        keys = self._keys
        index = bisect_right(keys, text) - 1
        while index >= 0 and not text.startswith(keys[index]):
            index = self.shorter[index]
        return index


class _Paths(Generic[T]):
    """The paths of one host; where two patterns are the same, the first counts."""

    __slots__ = ("_exact", "_prefixes")

    def __init__(self, patterns: Iterable[tuple[RoutePattern, T]]) -> None:
        self._exact: dict[str, tuple[T]] = {}
        prefixes: dict[str, tuple[T]] = {}
        for pattern, target in patterns:
            paths = prefixes if pattern.path_wildcard else self._exact
            paths.setdefault(pattern.path, (target,))
        self._prefixes = _Prefixes(prefixes)

    def match(self, path: str) -> tuple[T] | None:
        found = self._exact.get(path)
        if found is None and (index := self._prefixes.longest(path)) >= 0:
            found = self._prefixes.values[index]
        return found


def _without_port(host: str) -> str:
    head, colon, port = host.rpartition(":")
    return head if colon and port.isdigit() and (":" not in head or head.endswith("]")) else host


def _checked_host(host: str, text: str) -> str:
    lowered = _without_port(host).lower()
    if not lowered or lowered.startswith("."):
        raise _error(text, "it has no host")
    if "*" in lowered:
        raise _error(text, "in the host, * may stand at the start only")
    if not lowered.isascii():
        lowered = _punycode(lowered, text)
    strange = next((char for char in lowered if char not in _HOST_CHARACTERS), None)
    if strange is not None:
        raise _error(text, f"{strange!r} cannot stand in a host")
    return lowered


def _punycode(host: str, text: str) -> str:
    try:
        return host.encode("idna").decode("ascii")
    except UnicodeError as error:
        raise _error(text, "its host cannot be written in ASCII") from error


def _error(text: str, rule: str) -> RoutePatternError:
    return RoutePatternError(
        f'"{text}" is not a route pattern: {rule}. Write host/path*, for example '
        '"example.com/api/*" or "*.example.com/*".'
    )
