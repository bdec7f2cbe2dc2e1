"""`URL` and `URLSearchParams`, as the WHATWG URL standard has them."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from typing import Final
from urllib.parse import quote

from runtime._loader.shims.pyodide_ffi import JsValueError
from workers.url import normalise_url, stripped_url
from workers.urlencoded import encode_urlencoded, parse_urlencoded

__all__ = ["URL", "URLSearchParams"]

_PARTS: Final = re.compile(
    r"(?P<protocol>[a-z][a-z0-9+.-]*:)"
    r"(?P<slashes>//(?:(?P<username>[^/?#@:]*)(?::(?P<password>[^/?#@]*))?@)?"
    r"(?P<hostname>\[[^\]]*\]|[^/?#:]*)(?::(?P<port>\d+))?)?"
    r"(?P<pathname>[^?#]*)(?P<search>\?[^#]*)?(?P<hash>#.*)?",
    re.DOTALL,
)
_REFERENCE: Final = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*:)?([^?#]*)(.*)", re.DOTALL)
_HOST: Final = re.compile(r"(\[[^\]]*\]|[^/\\?#:]+)(?::(\d+))?")
_USERINFO: Final = "!$%&'()*+,"
_TUPLE_ORIGINS: Final = frozenset({"ftp:", "http:", "https:", "ws:", "wss:"})
_SPECIAL: Final = _TUPLE_ORIGINS | {"file:"}
_FORM_TYPE: Final = "application/x-www-form-urlencoded;charset=UTF-8"


class URLSearchParams:
    """The pairs of a query; one that belongs to a URL changes it."""

    __slots__ = ("_changed", "_pairs")

    def __init__(
        self,
        init: "str | Mapping[str, object] | Iterable[Iterable[object]] | URLSearchParams" = "",
        *,
        changed: Callable[[str], None] | None = None,
    ) -> None:
        """Take a query (with or without `?`), a mapping or pairs; `changed` hears of changes."""
        self._changed = changed
        if isinstance(init, str):
            self._pairs = _parsed(init)
            return
        pairs = init.items() if isinstance(init, Mapping) else init
        self._pairs = [(str(name), str(value)) for name, value in pairs]

    @classmethod
    def new(
        cls, init: "str | Mapping[str, object] | Iterable[Iterable[object]] | URLSearchParams" = ""
    ) -> "URLSearchParams":
        """Make one of a query, a mapping or pairs."""
        return cls(init)

    @property
    def size(self) -> int:
        """The number of pairs."""
        return len(self._pairs)

    def __len__(self) -> int:
        return len(self._pairs)

    def __getitem__(self, name: str) -> str:
        value = self.get(name)
        if value is None:
            raise KeyError(name)
        return value

    def __contains__(self, name: object) -> bool:
        return any(key == name for key, _ in self._pairs)

    def get(self, name: str) -> str | None:
        """Return the first value of `name`, None when there is none."""
        return next((value for key, value in self._pairs if key == name), None)

    def getAll(self, name: str) -> list[str]:
        """Return every value of `name`."""
        return [value for key, value in self._pairs if key == name]

    def has(self, name: str, value: object = None) -> bool:
        """Tell whether `name` is there, with that very value if one is given."""
        return any(_matches(pair, name, value) for pair in self._pairs)

    def set(self, name: str, value: object) -> None:
        """Put one value in the place of the first that `name` has, and remove its others."""
        kept: list[tuple[str, str]] = []
        placed = False
        for pair in self._pairs:
            if pair[0] != name:
                kept.append(pair)
            elif not placed:
                kept.append((name, str(value)))
                placed = True
        if not placed:
            kept.append((name, str(value)))
        self._replace(kept)

    def append(self, name: str, value: object) -> None:
        """Add a pair at the end."""
        self._replace([*self._pairs, (name, str(value))])

    def delete(self, name: str, value: object = None) -> None:
        """Remove every pair of `name`, or those of that very value."""
        self._replace([pair for pair in self._pairs if not _matches(pair, name, value)])

    def sort(self) -> None:
        """Sort the pairs by name (UTF-16 code units); pairs of one name keep their order."""
        self._replace(sorted(self._pairs, key=lambda pair: pair[0].encode("utf-16-be")))

    def toString(self) -> str:
        """Return the query without `?`."""
        return encode_urlencoded(self._pairs)

    def keys(self) -> Iterator[str]:
        """Iterate over the names."""
        return iter([name for name, _ in self._pairs])

    def values(self) -> Iterator[str]:
        """Iterate over the values."""
        return iter([value for _, value in self._pairs])

    def entries(self) -> Iterator[tuple[str, str]]:
        """Iterate over the pairs."""
        return iter(self._pairs)

    __iter__ = entries

    def forEach(self, function: Callable[[str, str, "URLSearchParams"], object]) -> None:
        """Call `function(value, name, self)` for each pair."""
        for name, value in self._pairs:
            function(value, name, self)

    def body_and_type(self) -> tuple[bytes, str]:
        """Return what a request or a response sends of this."""
        return self.toString().encode(), _FORM_TYPE

    __str__ = toString

    def __repr__(self) -> str:
        return f"URLSearchParams({self.toString()!r})"

    def _replace(self, pairs: list[tuple[str, str]]) -> None:
        self._pairs = pairs
        if self._changed is not None:
            self._changed(self.toString())


class URL:
    """An absolute URL and its parts; a part that is set to nonsense stays as it was."""

    __slots__ = ("_href", "_search_params")

    def __init__(self, url: object, base: object = None) -> None:
        """Parse `url`, against `base` if it is relative; raise JsException when it is no URL."""
        self._search_params: URLSearchParams | None = None
        self._href = _normalised(str(url) if base is None else _resolved(str(url), str(base)))

    @classmethod
    def new(cls, url: object, base: object = None) -> "URL":
        """Parse `url`, against `base` if it is relative; raise JsException when it is no URL."""
        return cls(url, base)

    @classmethod
    def parse(cls, url: object, base: object = None) -> "URL | None":
        """Parse as `new` does, but return None when it is no URL."""
        try:
            return cls(url, base)
        except JsValueError:
            return None

    @classmethod
    def canParse(cls, url: object, base: object = None) -> bool:
        """Tell whether `new` would succeed."""
        return cls.parse(url, base) is not None

    @property
    def href(self) -> str:
        """The whole URL."""
        return self._href

    @href.setter
    def href(self, value: object) -> None:
        self._assign(_normalised(str(value)))

    @property
    def origin(self) -> str:
        """Scheme, host and port; `null` for a scheme that has no hosts."""
        return f"{self.protocol}//{self.host}" if self.protocol in _TUPLE_ORIGINS else "null"

    @property
    def protocol(self) -> str:
        """The scheme with its colon."""
        return self._part("protocol")

    @protocol.setter
    def protocol(self, value: str) -> None:
        self._set("protocol", value.partition(":")[0] + ":")

    @property
    def username(self) -> str:
        """The user name, percent-encoded."""
        return self._part("username")

    @username.setter
    def username(self, value: str) -> None:
        self._set("username", quote(value, safe=_USERINFO))

    @property
    def password(self) -> str:
        """The password, percent-encoded."""
        return self._part("password")

    @password.setter
    def password(self, value: str) -> None:
        self._set("password", quote(value, safe=_USERINFO))

    @property
    def host(self) -> str:
        """The host name, and the port unless it is the scheme's own."""
        return f"{self.hostname}:{self.port}" if self.port else self.hostname

    @host.setter
    def host(self, value: str) -> None:
        if match := _HOST.match(value):
            self._set("hostname", match[1])
            if match[2]:
                self.port = match[2]

    @property
    def hostname(self) -> str:
        """The host name."""
        return self._part("hostname")

    @hostname.setter
    def hostname(self, value: str) -> None:
        if match := _HOST.match(value):
            self._set("hostname", match[1])

    @property
    def port(self) -> str:
        """The port as text, empty when it is the scheme's own."""
        return self._part("port")

    @port.setter
    def port(self, value: object) -> None:
        self._set("port", str(value))

    @property
    def pathname(self) -> str:
        """The path, percent-encoded."""
        return self._part("pathname")

    @pathname.setter
    def pathname(self, value: str) -> None:
        path = value.replace("?", "%3F").replace("#", "%23")
        self._set("pathname", path if path.startswith("/") else f"/{path}")

    @property
    def search(self) -> str:
        """The query with its `?`, empty when there is none."""
        search = self._part("search")
        return "" if search == "?" else search

    @search.setter
    def search(self, value: str) -> None:
        query = value.removeprefix("?").replace("#", "%23")
        self._set("search", f"?{query}" if query else "")

    @property
    def hash(self) -> str:
        """The fragment with its `#`, empty when there is none."""
        fragment = self._part("hash")
        return "" if fragment == "#" else fragment

    @hash.setter
    def hash(self, value: str) -> None:
        fragment = value.removeprefix("#")
        self._set("hash", f"#{fragment}" if fragment else "")

    @property
    def searchParams(self) -> URLSearchParams:
        """The pairs of the query; changing them changes this URL."""
        if self._search_params is None:
            self._search_params = URLSearchParams(self.search, changed=self._set_query)
        return self._search_params

    def toString(self) -> str:
        """Return the whole URL."""
        return self._href

    toJSON = toString
    __str__ = toString

    def __repr__(self) -> str:
        return f"URL({self._href!r})"

    def _part(self, name: str) -> str:
        return self._parts()[name] or ""

    def _parts(self) -> dict[str, str | None]:
        match = _PARTS.fullmatch(self._href)
        assert match is not None  # a normal URL has these parts
        return match.groupdict()

    def _set(self, name: str, value: str) -> None:
        parts = self._parts() | {name: value}
        # Neither may a host become empty, nor a scheme with hosts one without, or the reverse.
        if (parts["protocol"] in _SPECIAL) != (self.protocol in _SPECIAL):
            return
        if parts["protocol"] in _TUPLE_ORIGINS and not parts["hostname"]:
            return
        with suppress(JsValueError):
            self._assign(_normalised(_joined(parts)))

    def _set_query(self, query: str) -> None:
        self._href = _normalised(_joined(self._parts() | {"search": f"?{query}" if query else ""}))

    def _assign(self, href: str) -> None:
        self._href = href
        if self._search_params is not None:
            self._search_params._pairs = _parsed(self.search)


def _normalised(url: str) -> str:
    try:
        return normalise_url(url)
    except ValueError as error:
        raise JsValueError("TypeError", str(error)) from None


def _resolved(url: str, base: str) -> str:
    """Return the normal form of `url`, read as relative to `base` where it has no scheme."""
    absolute = _normalised(base)
    match = _REFERENCE.fullmatch(stripped_url(url))
    assert match is not None  # the pattern has a place for every character
    scheme, path, tail = match.groups("")
    parts = URL(absolute)
    if scheme and (scheme.lower() != parts.protocol or re.match(r"[/\\]{2}", path)):
        return _normalised(url)
    if parts.protocol not in _SPECIAL:
        raise JsValueError("TypeError", f"Invalid URL: {url}")
    path = path.replace("\\", "/")
    root = absolute.removesuffix(f"{parts.pathname}{parts._part('search')}{parts._part('hash')}")
    if path.startswith("//"):
        root = parts.protocol
    elif not path:
        path = parts.pathname if tail.startswith("?") else f"{parts.pathname}{parts.search}"
    elif not path.startswith("/"):
        # Dot segments are the normaliser's to resolve.
        path = f"{parts.pathname.rpartition('/')[0]}/{path}"
    return _normalised(f"{root}{path}{tail}")


def _joined(parts: Mapping[str, str | None]) -> str:
    def part(name: str) -> str:
        return parts[name] or ""

    authority = ""
    if parts["slashes"] is not None:
        password = f":{part('password')}" if part("password") else ""
        userinfo = f"{part('username')}{password}@" if part("username") or password else ""
        port = f":{part('port')}" if part("port") else ""
        authority = f"//{userinfo}{part('hostname')}{port}"
    return f"{part('protocol')}{authority}{part('pathname')}{part('search')}{part('hash')}"


def _parsed(query: str) -> list[tuple[str, str]]:
    return parse_urlencoded(query.removeprefix("?"))


def _matches(pair: tuple[str, str], name: str, value: object) -> bool:
    return pair[0] == name and (value is None or pair[1] == str(value))
