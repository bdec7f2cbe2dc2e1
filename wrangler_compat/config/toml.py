"""TOML with the place of every key; the values always come from `tomllib`."""

import re
import tomllib
from typing import Any

from wrangler_compat.diagnostics import KeyPath
from wrangler_compat.source import MAX_DEPTH, SourceText, TextError

__all__ = ["parse_toml"]

_PLACE = re.compile(r" \(at (?:line (\d+), column (\d+)|end of document)\)\Z")
# What an inline table may not end with, or break its line behind, before version 1.1 of TOML.
_OPEN_TABLE = re.compile(r"[{,][ \t]*\Z")
_LONG_NUMBER = re.compile(r"[0-9][0-9_]{4000,}")
_STRING = (
    r'"""(?:\\.|[^\\])*?"{3,5}(?!")'
    r"|'''.*?'{3,5}(?!')"
    r'|"(?:\\.|[^"\\\n])*"'
    r"|'[^'\n]*'"
)
_STRING_TOKEN = re.compile(_STRING, re.DOTALL)
# tomllib's time and memory grow with the square of a dotted key's parts.
_KEY_PART = r"""(?:[\w-]++|"(?:\\.|[^"\\\n])*+"|'[^'\n]*+')[ \t]*+\.[ \t]*+"""
_DEEP_KEY = rf"(?P<deep>(?<![\w.-])(?:{_KEY_PART}){{{MAX_DEPTH}}})"
_BRACKET_TOKEN = re.compile(rf"#[^\n]*|{_DEEP_KEY}|{_STRING}|[\[\]{{}}]", re.DOTALL)
_SPACE = re.compile(r"[ \t]*")
_GAP = re.compile(r"(?:[ \t\n,]|#[^\n]*)*")
_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")
_SCALAR = re.compile(r"[^,\]}\n#]+")


def parse_toml(
    source: SourceText,
) -> tuple[dict[str, Any], dict[KeyPath, int], frozenset[KeyPath]]:
    """Return the values, the offset of every key, and the tables that have a header of their own.

    Raises TextError.
    """
    _check_depth(source.text)
    try:
        data = tomllib.loads(source.text)
    except ValueError as error:
        raise _located(error, source.text) from error
    finder = _KeyFinder(source.text)
    offsets = finder.find()
    return data, offsets, frozenset(finder.headers)


def _check_depth(text: str) -> None:
    depth = 0
    for token in _BRACKET_TOKEN.finditer(text):
        first = token[0]
        if token["deep"] is not None:
            raise _too_deep(token.end())
        if first in ("[", "{"):
            depth += 1
            if depth > MAX_DEPTH:
                raise _too_deep(token.start())
        elif first in ("]", "}"):
            depth -= 1


def _located(error: ValueError, text: str) -> TextError:
    """Take the place out of tomllib's message."""
    message = str(error)
    place = _PLACE.search(message)
    if place is None:
        # Its only error without a place is that of `int`, for thousands of digits.
        number = _LONG_NUMBER.search(text)
        return TextError("Invalid TOML: this number is too long.", number.start() if number else 0)
    words = f"Invalid TOML: {message[: place.start()]}."
    if place[1] is None:
        return TextError(words, len(text))
    line_start = 0
    for _ in range(int(place[1]) - 1):
        line_start = text.index("\n", line_start) + 1
    offset = line_start + int(place[2]) - 1
    if _OPEN_TABLE.search(text, line_start, offset) and text[offset : offset + 1] in (
        "}",
        "\n",
        "#",
    ):
        words += (
            "\nA table in braces stands on one line, without a comma at its end. "
            "Give it a [header] of its own where it is long."
        )
    return TextError(words, offset)


def _too_deep(offset: int) -> TextError:
    return TextError(f"Values are nested more than {MAX_DEPTH} levels deep.", offset)


class _KeyFinder:
    """Walks a text that is known to be valid TOML and notes where its keys stand."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self._offsets: dict[KeyPath, int] = {}
        self._last_index: dict[KeyPath, int] = {}
        self.headers: set[KeyPath] = set()

    def find(self) -> dict[KeyPath, int]:
        table: KeyPath = ()
        while self._skip(_GAP) < len(self._text):
            if self._text[self._at] == "[":
                table = self._header()
                self.headers.add(table)
            else:
                self._pair(table)
        return self._offsets

    def _header(self) -> KeyPath:
        brackets = 2 if self._text.startswith("[[", self._at) else 1
        self._at += brackets
        path: KeyPath = ()
        offset = self._at
        for name, offset in self._key():
            # `[a.b]` below `[[a]]` means the last of the tables in `a`.
            if path in self._last_index:
                path = (*path, self._last_index[path])
            path = self._note((*path, name), offset)
        if brackets == 2:
            self._last_index[path] = self._last_index.get(path, -1) + 1
            path = self._note((*path, self._last_index[path]), offset)
        self._at += brackets
        return path

    def _pair(self, path: KeyPath) -> None:
        for name, offset in self._key():
            path = self._note((*path, name), offset)
        self._at += 1
        self._skip(_SPACE)
        self._value(path)

    def _key(self) -> list[tuple[str, int]]:
        """Read a dotted key up to the `=` or `]` behind it."""
        parts: list[tuple[str, int]] = []
        while True:
            start = self._skip(_SPACE)
            if self._text[start] in "\"'":
                self._skip(_STRING_TOKEN)
                token = self._text[start : self._at]
                name = str(tomllib.loads(f"key = {token}")["key"])
            else:
                self._skip(_BARE_KEY)
                name = self._text[start : self._at]
            parts.append((name, start))
            if self._text[self._skip(_SPACE)] != ".":
                return parts
            self._at += 1

    def _value(self, path: KeyPath) -> None:
        first = self._text[self._at]
        if first == "[":
            self._array(path)
        elif first == "{":
            self._at += 1
            while self._text[self._skip(_GAP)] != "}":
                self._pair(path)
            self._at += 1
        else:
            self._skip(_STRING_TOKEN if first in "\"'" else _SCALAR)

    def _array(self, path: KeyPath) -> None:
        self._at += 1
        index = 0
        while self._text[self._skip(_GAP)] != "]":
            self._value(self._note((*path, index), self._at))
            index += 1
        self._at += 1

    def _note(self, path: KeyPath, offset: int) -> KeyPath:
        if len(path) > MAX_DEPTH:
            raise _too_deep(offset)
        self._offsets.setdefault(path, offset)
        return path

    def _skip(self, pattern: re.Pattern[str]) -> int:
        match = pattern.match(self._text, self._at)
        self._at = self._at if match is None else match.end()
        return self._at
