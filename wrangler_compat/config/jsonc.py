"""JSON with comments and trailing commas, and the place of every key."""

import json
import re
from typing import Any

from wrangler_compat.diagnostics import Diagnostics, KeyPath
from wrangler_compat.source import MAX_DEPTH, SourceText, TextError

__all__ = ["parse_jsonc"]

_GAP = re.compile(r"(?:[ \t\r\n]+|//[^\n]*|/\*.*?\*/)*", re.DOTALL)
_STRING = re.compile(r'"(?:[^"\\\x00-\x1f]|\\[^\n])*"')
_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?")
_WORD = re.compile(r"[A-Za-z_$][A-Za-z0-9_$]*")
_WORDS = {"true": True, "false": False, "null": None}


def parse_jsonc(
    source: SourceText, report: Diagnostics
) -> tuple[dict[str, Any], dict[KeyPath, int]]:
    """Return the object in a text and the offset of every key; raises TextError.

    A key that stands twice in one object is reported; the later one wins, as everywhere.
    """
    reader = _Reader(source, report)
    data = reader.read()
    return data, reader.offsets


class _Reader:
    def __init__(self, source: SourceText, report: Diagnostics) -> None:
        self._source = source
        self._text = source.text
        self._report = report
        self._at = 0
        self.offsets: dict[KeyPath, int] = {}

    def read(self) -> dict[str, Any]:
        """Read the whole text, which is one object."""
        self._skip_gap()
        if self._peek() != "{":
            raise self._expected('"{"')
        data = self._object(())
        self._skip_gap()
        if self._at < len(self._text):
            raise self._expected("the end of the file")
        return data

    def _value(self, path: KeyPath) -> Any:
        if len(path) > MAX_DEPTH:
            raise TextError(f"Values are nested more than {MAX_DEPTH} levels deep.", self._at)
        first = self._peek()
        if first == "{":
            return self._object(path)
        if first == "[":
            return self._array(path)
        if first == '"':
            return self._string()
        if first and first in "-0123456789":
            return self._number()
        word = _WORD.match(self._text, self._at)
        if word is None or word[0] not in _WORDS:
            raise self._expected("a value")
        self._at = word.end()
        return _WORDS[word[0]]

    def _object(self, path: KeyPath) -> dict[str, Any]:
        self._at += 1
        data: dict[str, Any] = {}
        while self._next("}", bool(data)):
            start = self._at
            if self._peek() != '"':
                raise self._expected('a key in double quotes or "}"')
            key = self._string()
            key_path = (*path, key)
            if key in data:
                self._warn_repeated(key_path, start)
            self.offsets[key_path] = start
            self._skip_gap()
            if self._peek() != ":":
                raise self._expected('":"')
            self._at += 1
            self._skip_gap()
            data[key] = self._value(key_path)
        return data

    def _warn_repeated(self, path: KeyPath, offset: int) -> None:
        first = self._source.position(self.offsets[path])
        self._report.add_warning(
            f'"{path[-1]}" is set twice in one object; this one wins over the one at {first}.',
            self._source.position(offset, path),
        )

    def _array(self, path: KeyPath) -> list[Any]:
        self._at += 1
        items: list[Any] = []
        while self._next("]", bool(items)):
            item_path = (*path, len(items))
            self.offsets[item_path] = self._at
            items.append(self._value(item_path))
        return items

    def _next(self, closing: str, comma: bool) -> bool:
        """Go to the next item of a list or an object; False where it ends."""
        self._skip_gap()
        if comma and self._peek() == ",":
            self._at += 1
            self._skip_gap()
        elif comma and self._peek() != closing:
            raise self._expected(f'"," or "{closing}"')
        if self._peek() != closing:
            return True
        self._at += 1
        return False

    def _string(self) -> str:
        match = _STRING.match(self._text, self._at)
        if match is None:
            raise TextError("Invalid JSON: this text has no closing quote.", self._at)
        try:
            value = str(json.loads(match[0]))
            value.encode()
        except json.JSONDecodeError as error:
            raise TextError("Invalid JSON: unknown escape.", self._at + error.pos) from error
        except UnicodeEncodeError as error:
            raise TextError("Invalid JSON: half of a surrogate pair.", self._at) from error
        self._at = match.end()
        return value

    def _number(self) -> int | float:
        match = _NUMBER.match(self._text, self._at)
        if match is None:
            raise self._expected("a number")
        try:
            number = int(match[0]) if match[1] is match[2] is None else float(match[0])
        except ValueError as error:
            raise TextError("Invalid JSON: this number is too long.", self._at) from error
        self._at = match.end()
        return number

    def _skip_gap(self) -> None:
        match = _GAP.match(self._text, self._at)
        self._at = self._at if match is None else match.end()
        if self._text.startswith("/*", self._at):
            raise TextError("Invalid JSON: this comment is never closed.", self._at)

    def _peek(self) -> str:
        return self._text[self._at : self._at + 1]

    def _expected(self, what: str) -> TextError:
        found = self._peek()
        got = f"{found!r}" if found else "the end of the file"
        return TextError(f"Invalid JSON: expected {what} but found {got}.", self._at)
