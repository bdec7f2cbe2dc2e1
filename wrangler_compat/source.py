"""The text of a file, and places in it as line and column."""

from bisect import bisect_right
from pathlib import Path

from wrangler_compat.diagnostics import Diagnostics, KeyPath, Position

__all__ = ["MAX_DEPTH", "SourceText", "TextError", "display_path", "read_source"]

MAX_DEPTH = 100
"""How deep values may be nested in a config; wrangler's own keys need eight levels."""


class TextError(Exception):
    """A text breaks the rules of its format at `offset`; never leaves this package."""

    def __init__(self, text: str, offset: int) -> None:
        super().__init__(text)
        self.text = text
        self.offset = offset


class SourceText:
    """A file's text with `\\n` as its only line end, and the name by which messages call it."""

    __slots__ = ("_line_starts", "file", "text")

    def __init__(self, file: str, text: str) -> None:
        self.file = file
        self.text = text.replace("\r\n", "\n")
        self._line_starts = [0]
        start = self.text.find("\n")
        while start >= 0:
            self._line_starts.append(start + 1)
            start = self.text.find("\n", start + 1)

    def position(self, offset: int, key: KeyPath = ()) -> Position:
        """Return line and column of a character, and the key that is meant."""
        line = bisect_right(self._line_starts, offset)
        return Position(self.file, line, offset - self._line_starts[line - 1] + 1, key)


def display_path(path: Path) -> str:
    """Return a path as messages show it: relative where it lies below the current folder."""
    absolute = path.absolute()
    here = Path.cwd()
    return str(absolute.relative_to(here) if absolute.is_relative_to(here) else absolute)


def read_source(path: Path, report: Diagnostics) -> SourceText | None:
    """Read a UTF-8 text file, with or without a byte order mark; report why it cannot be."""
    file = display_path(path)
    try:
        content = path.read_bytes()
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else error
        report.add_error(f'"{file}" cannot be read: {reason}.')
        return None
    content = content.removeprefix(b"\xef\xbb\xbf")
    try:
        return SourceText(file, content.decode())
    except UnicodeDecodeError as error:
        before = SourceText(file, content[: error.start].decode())
        report.add_error(
            f'"{file}" is not UTF-8 text: there is a byte 0x{content[error.start]:02x}. '
            "Save the file as UTF-8.",
            before.position(len(before.text)),
        )
        return None
