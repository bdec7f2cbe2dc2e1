"""Headers: case-insensitive, multi-valued, read as an `email.message.Message` is."""

import re
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from typing import Any, Final, TypeAlias, TypeVar, overload

from workers._text import is_token, to_text

__all__ = ["HeaderValue", "Headers", "HeadersInit"]

HeaderValue: TypeAlias = str | int | float

_T = TypeVar("_T")

_COOKIE: Final = "set-cookie"
# RFC 9110, 5.5. Above ASCII a value travels as UTF-8, so a lone surrogate cannot.
_FORBIDDEN_IN_VALUE = re.compile("[\x00\r\n\ud800-\udfff]")
_BLANK = " \t"


class Headers:
    """The headers of a request or a response.

    Names compare without case and are lower-case when iterated over, as on Cloudflare. Headers of
    one name read as one value joined by `", "`, at the place of the first; each Set-Cookie stays
    by itself. Iteration, `len` and `items()` count every Set-Cookie.

    A name that is not a token and a value with CR, LF or NUL raise ValueError; a value that is
    neither a str nor a number raises TypeError. Space around a value is removed. Characters
    outside ASCII are sent as UTF-8.
    """

    __slots__ = ("_values",)

    # Lower-case name to value; under `set-cookie` alone a list.
    _values: dict[str, str | list[str]]

    def __init__(self, init: "HeadersInit" = None) -> None:
        """Take over names and values from a mapping, from pairs or from other headers."""
        if isinstance(init, Headers):
            self._values = init._copied()
            return
        self._values = {}
        if init is not None:
            self._append_all(init)

    @classmethod
    def from_raw(cls, pairs: Iterable[tuple[str, str]]) -> "Headers":
        """Make headers of pairs that a server has parsed already; nothing is checked."""
        headers = cls.__new__(cls)
        headers._values = values = {}
        for name, value in pairs:
            key = name.lower()
            if key in values or key == _COOKIE:
                headers._add(key, value)
            else:
                values[key] = value
        return headers

    def __getitem__(self, name: str) -> str | None:
        value = self._values.get(name.lower())
        return value[0] if isinstance(value, list) else value

    def __setitem__(self, name: str, value: HeaderValue) -> None:
        key = _checked_name(name)
        text = _checked_value(name, value)
        self._values[key] = [text] if key == _COOKIE else text

    def __delitem__(self, name: str) -> None:
        self._values.pop(name.lower(), None)

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and name.lower() in self._values

    def __iter__(self) -> Iterator[str]:
        for name, _ in self.items():
            yield name

    def __len__(self) -> int:
        cookies = self._values.get(_COOKIE)
        return len(self._values) + (len(cookies) - 1 if isinstance(cookies, list) else 0)

    def __eq__(self, other: object) -> bool:
        if isinstance(other, Headers):
            return self._values == other._values
        return NotImplemented

    @overload
    def get(self, name: str) -> str | None: ...
    @overload
    def get(self, name: str, default: _T) -> str | _T: ...
    def get(self, name: str, default: object = None) -> object:
        """Return the value of `name`, the first one for Set-Cookie, or `default`."""
        value = self[name]
        return default if value is None else value

    @overload
    def get_all(self, name: str) -> list[str] | None: ...
    @overload
    def get_all(self, name: str, default: _T) -> list[str] | _T: ...
    def get_all(self, name: str, default: object = None) -> object:
        """Return the values of `name` as a list (one, but for Set-Cookie), or `default`."""
        value = self._values.get(name.lower())
        if value is None:
            return default
        return [value] if isinstance(value, str) else list(value)

    def keys(self) -> Iterator[str]:
        """Iterate over the names, in lower case."""
        return iter(self)

    def values(self) -> Iterator[str]:
        """Iterate over the values."""
        for _, value in self.items():
            yield value

    def items(self) -> Iterator[tuple[str, str]]:
        """Iterate over names and values; `set-cookie` comes once for each cookie."""
        for name, value in self._values.items():
            if isinstance(value, str):
                yield name, value
            else:
                for cookie in value:
                    yield name, cookie

    entries = items
    raw_items = items

    def set(self, name: str, value: HeaderValue) -> None:
        """Give `name` this one value, as `headers[name] = value` does."""
        self[name] = value

    def setdefault(self, name: str, value: HeaderValue) -> str:
        """Return the value of `name`, after setting it to `value` when there is none."""
        present = self[name]
        if present is not None:
            return present
        self[name] = value
        return self.get(name, "")

    def append(self, name: str, value: HeaderValue) -> None:
        """Add a value to those that `name` has."""
        self._add(_checked_name(name), _checked_value(name, value))

    def delete(self, name: str) -> None:
        """Remove every value of `name`, if there are any."""
        del self[name]

    def has(self, name: str) -> bool:
        """Tell whether `name` has a value."""
        return name in self

    def getAll(self, name: str) -> list[str]:
        """Return the values of `name`, an empty list when there are none."""
        return self.get_all(name, [])

    def getSetCookie(self) -> list[str]:
        """Return the value of each Set-Cookie."""
        return self.get_all(_COOKIE, [])

    def update(self, other: "HeadersInit") -> None:
        """Replace the values of every name in `other` by those that it has there."""
        for key, value in Headers(other)._values.items():
            self._values[key] = value

    def copy(self) -> "Headers":
        """Return independent headers of the same content."""
        return Headers(self)

    def __repr__(self) -> str:
        # Values may be secrets (Authorization, Cookie) and do not belong into a log.
        return f"<Headers {', '.join(self._values)}>"

    def _append_all(self, init: object) -> None:
        pairs: Iterable[Any]
        # The common case first: asking for an abstract class takes as long as a header.
        if type(init) is dict or isinstance(init, Mapping):
            pairs = init.items()
        elif isinstance(init, Iterable) and not isinstance(init, str | bytes):
            pairs = init
        else:
            raise _not_headers(init)
        values = self._values
        for pair in pairs:
            if type(pair) is not tuple or len(pair) != 2:
                pair = _as_pair(pair)
            name, value = pair
            key, text = _checked_name(name), _checked_value(name, value)
            if key in values or key == _COOKIE:
                self._add(key, text)
            else:
                values[key] = text

    def _add(self, key: str, text: str) -> None:
        values = self._values
        present = values.get(key)
        if present is None:
            values[key] = [text] if key == _COOKIE else text
        elif isinstance(present, str):
            values[key] = f"{present}, {text}"
        else:
            present.append(text)

    def _copied(self) -> dict[str, str | list[str]]:
        values = self._values.copy()
        cookies = values.get(_COOKIE)
        if cookies is not None:
            values[_COOKIE] = list(cookies)
        return values


HeadersInit: TypeAlias = (
    Headers | Mapping[str, HeaderValue] | Iterable[tuple[str, HeaderValue]] | None
)
"""What headers can be made of."""

# Code that takes any mapping of headers asks by isinstance; `headers[name]` is None for an absent
# name, which the typed base class does not allow.
Mapping.register(Headers)


def _not_headers(value: object) -> TypeError:
    return TypeError(
        f"headers must be a mapping or pairs of name and value, got {type(value).__name__}"
    )


def _as_pair(pair: object) -> tuple[str, HeaderValue]:
    if isinstance(pair, Iterable) and not isinstance(pair, str | bytes):
        fields = tuple(pair)
        if len(fields) == 2:
            return fields[0], fields[1]
    raise _not_headers(pair)


@lru_cache(maxsize=1024)
def _checked_name(name: str) -> str:
    if not isinstance(name, str):
        raise TypeError(f"A header name must be a str, got {type(name).__name__}")
    if not is_token(name):
        raise ValueError(f"Invalid header name: {name!r}")
    return name.lower()


def _checked_value(name: str, value: HeaderValue) -> str:
    text = value if type(value) is str else to_text(value)
    if text is None:
        raise TypeError(
            f"The value of header {name!r} must be a str or a number, got {type(value).__name__}"
        )
    text = text.strip(_BLANK)
    # What is printable needs no closer look; that is nearly every value.
    if not text.isprintable() and _FORBIDDEN_IN_VALUE.search(text):
        raise ValueError(
            f"Invalid value of header {name!r}: it contains CR, LF, NUL or a lone surrogate"
        )
    return text
