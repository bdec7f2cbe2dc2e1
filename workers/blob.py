"""Blob and File: immutable bytes with a content type."""

import builtins
import re
import time
from collections.abc import Iterable
from enum import StrEnum
from typing import TypeAlias

from workers._text import decode_text, encode_text

__all__ = ["Blob", "BlobEnding", "BlobValue", "File"]

_PRINTABLE = re.compile(r"[\x20-\x7e]*")
_LINE_ENDING = re.compile(r"\r\n?|\n")


class BlobEnding(StrEnum):
    """What becomes of line endings in the text parts of a blob."""

    TRANSPARENT = "transparent"
    NATIVE = "native"


class Blob:
    """Immutable bytes with a content type.

    Made of one part or of several: str (as UTF-8), bytes-like, Blob. A single part that is a Blob
    hands on its type; parts in a list do not. With `endings` "native" every line ending in a str
    becomes LF.
    """

    __slots__ = ("_data", "_type")

    def __init__(
        self,
        blob_parts: "Iterable[BlobValue] | BlobValue" = (),
        content_type: str | None = None,
        endings: BlobEnding | str | None = None,
    ) -> None:
        if isinstance(blob_parts, Blob) and not content_type:
            content_type = blob_parts.content_type
        self._data = _joined(blob_parts, BlobEnding(endings or BlobEnding.TRANSPARENT))
        valid = content_type is not None and _PRINTABLE.fullmatch(content_type)
        self._type = content_type.lower() if content_type is not None and valid else ""

    @property
    def size(self) -> int:
        """The number of bytes."""
        return len(self._data)

    @property
    def content_type(self) -> str:
        """The type in lower case, empty when there is none."""
        return self._type

    # The name that JavaScript has for the same.
    type = content_type

    @property
    def js_object(self) -> "Blob":
        """The object itself, for source that asks for the JavaScript one."""
        return self

    async def text(self) -> str:
        """Return the content read as UTF-8."""
        return decode_text(self._data)

    async def bytes(self) -> builtins.bytes:
        """Return the content; nothing is copied."""
        return self._data

    def slice(
        self, start: int | None = None, end: int | None = None, content_type: str | None = None
    ) -> "Blob":
        """Return the bytes from `start` to before `end`, which count from the end when negative."""
        return Blob(self._data[start:end], content_type)

    def body_and_type(self) -> tuple[builtins.bytes, str]:
        """Return what a request or a response sends of this."""
        return self._data, self._type

    def __repr__(self) -> str:
        return f"{type(self).__name__}(size={self.size}, content_type={self._type!r})"


class File(Blob):
    """A blob with a name, as a form's file field carries it.

    `last_modified` is in milliseconds since the epoch, by default now. A single part that is a
    File hands on its own, not its name.
    """

    __slots__ = ("_last_modified", "_name")

    def __init__(
        self,
        blob_parts: "Iterable[BlobValue] | BlobValue",
        filename: str,
        content_type: str | None = None,
        endings: BlobEnding | str | None = None,
        last_modified: int | None = None,
    ) -> None:
        super().__init__(blob_parts, content_type, endings)
        if last_modified is None and isinstance(blob_parts, File):
            last_modified = blob_parts.last_modified
        self._name = filename
        self._last_modified = int(time.time() * 1000) if last_modified is None else last_modified

    @property
    def name(self) -> str:
        """The file's name, without a path as a rule, but that is up to the sender."""
        return self._name

    @property
    def last_modified(self) -> int:
        """Milliseconds since the epoch."""
        return self._last_modified

    def __repr__(self) -> str:
        return f"File(name={self._name!r}, size={self.size}, content_type={self._type!r})"


BlobValue: TypeAlias = str | bytes | bytearray | memoryview | Blob | File
"""What a blob can be made of."""


def _joined(parts: Iterable[BlobValue] | BlobValue, endings: BlobEnding) -> bytes:
    if isinstance(parts, str | bytes | bytearray | memoryview | Blob):
        return _part_bytes(parts, endings)
    if not isinstance(parts, Iterable):
        raise _unsupported(parts)
    return b"".join([_part_bytes(part, endings) for part in parts])


def _part_bytes(part: BlobValue, endings: BlobEnding) -> bytes:
    if isinstance(part, str):
        return encode_text(_LINE_ENDING.sub("\n", part) if endings == BlobEnding.NATIVE else part)
    if isinstance(part, Blob):
        return part._data
    if isinstance(part, bytes | bytearray | memoryview):
        return bytes(part)
    raise _unsupported(part)


def _unsupported(part: object) -> TypeError:
    return TypeError(
        f"A Blob is made of str, bytes, memoryview and Blob parts, not {type(part).__name__}"
    )
