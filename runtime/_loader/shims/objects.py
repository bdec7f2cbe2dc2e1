"""`Object`, `JSON`, `Array` and `Uint8Array`: JavaScript's plain values are Python's here."""

import json
import math
import re
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, NoReturn

from runtime._loader.shims.dates import Date
from runtime._loader.shims.pyodide_ffi import JsValueError
from workers.rpc import JsDict

__all__ = ["JSON", "Array", "Object", "Uint8Array"]

_SURROGATE = re.compile("[\ud800-\udfff]")


class Object:
    """Functions over dicts; an object is a dict whose keys are attributes too."""

    __slots__ = ()

    @staticmethod
    def new() -> JsDict:
        """Return an empty object."""
        return JsDict()

    @staticmethod
    def fromEntries(entries: Iterable[Iterable[Any]] | Mapping[Any, Any]) -> JsDict:
        """Return an object of pairs, or of a mapping's items."""
        pairs = entries.items() if isinstance(entries, Mapping) else entries
        return JsDict((str(key), value) for key, value in pairs)

    @staticmethod
    def entries(value: Mapping[str, Any]) -> list[list[Any]]:
        """Return the names and values of an object as pairs."""
        return [[key, item] for key, item in value.items()]

    @staticmethod
    def keys(value: Mapping[str, Any]) -> list[str]:
        """Return the names of an object."""
        return list(value)

    @staticmethod
    def values(value: Mapping[str, Any]) -> list[Any]:
        """Return the values of an object."""
        return list(value.values())

    @staticmethod
    def assign(target: dict[str, Any], *sources: Mapping[str, Any] | None) -> dict[str, Any]:
        """Put the items of `sources` into `target` and return it."""
        for source in sources:
            target.update(source or {})
        return target


class JSON:
    """JSON as JavaScript reads and writes it."""

    __slots__ = ()

    @staticmethod
    def parse(text: str | bytes) -> Any:
        """Return the value in `text`, objects with attributes; raise JsException when malformed."""
        try:
            return json.loads(text, object_hook=JsDict, parse_constant=_refused)
        except ValueError as error:
            raise JsValueError("SyntaxError", f"Invalid JSON: {error}") from None

    @staticmethod
    def stringify(value: object, replacer: None = None, space: int | str | None = None) -> str:
        """Return `value` as JSON without spaces, or indented by `space`.

        A whole float is written as an integer, NaN and infinities as null, a date in ISO form, and
        what has a `toJSON()` as that. Raises TypeError for other objects, and for a replacer.
        """
        if replacer is not None:
            raise TypeError("JSON.stringify takes no replacer here; change the value before")
        separators = (",", ":") if not space else (",", ": ")
        text = json.dumps(
            _plain(value), ensure_ascii=False, separators=separators, indent=space or None
        )
        return _SURROGATE.sub(lambda match: f"\\u{ord(match[0]):x}", text)


class Array:
    """Lists under JavaScript's name."""

    __slots__ = ()

    @staticmethod
    def new(*items: Any) -> list[Any]:
        """Return a list of the items."""
        return list(items)

    of = new

    @staticmethod
    def from_(items: Iterable[Any]) -> list[Any]:
        """Return a list of what `items` yields."""
        return list(items)

    @staticmethod
    def isArray(value: object) -> bool:
        """Tell whether `value` is a list."""
        return isinstance(value, list)


class Uint8Array(bytearray):
    """Bytes that can be changed."""

    @classmethod
    def new(
        cls, source: "int | bytes | bytearray | memoryview | Iterable[int]" = 0
    ) -> "Uint8Array":
        """Return so many zero bytes, or a copy of bytes or numbers."""
        return cls(source)

    @property
    def length(self) -> int:
        """The number of bytes."""
        return len(self)

    byteLength = length

    def to_bytes(self) -> bytes:
        """Return a copy as bytes."""
        return bytes(self)

    def to_py(self) -> memoryview:
        """Return a view of the bytes."""
        return memoryview(self)


def _refused(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is no JSON value")


def _plain(value: object) -> object:
    if value is None or isinstance(value, str | bool | int):
        return value
    if isinstance(value, float):
        if not math.isfinite(value):
            return None
        return int(value) if value.is_integer() and abs(value) < 1e21 else value
    if isinstance(value, Mapping):
        return {_name(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, datetime):
        return Date(value).toISOString()
    to_json = getattr(value, "toJSON", None)
    if to_json is not None:
        return _plain(to_json())
    raise TypeError(f"Object of type {type(value).__name__} is not JSON serializable")


def _name(key: object) -> str:
    plain = _plain(key)
    return plain if isinstance(plain, str) else json.dumps(plain)
