"""Keeping secrets out of whatever this process shows."""

import io
import re
import sys
import threading
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, TextIO

from runtime._dev.secret_forms import SecretForms

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

__all__ = ["Redactor", "redact_output"]

_REDACTED = "[secret]"
# Where a text was cut in its middle, as `reprlib` and pydantic do.
_CUT = re.compile(r"\.{3,}|…")
_SHORTEST_END = 4
# How much of a line may be kept back while it has no end.
_MOST_PENDING = 1 << 16


class Redactor:
    """Takes secrets out of a text, whole or cut short, in every form that escaping gives them."""

    def __init__(self, sensitive: Callable[[], frozenset[str]]) -> None:
        """Take what names the secrets of the moment; they change with every reload."""
        self._sensitive = sensitive
        self._known: frozenset[str] = frozenset()
        self._forms = SecretForms(self._known)

    def __call__(self, text: str) -> str:
        """Return `text` without its secrets."""
        sensitive = self._sensitive()
        if sensitive is not self._known:
            self._forms = SecretForms(sensitive)
            self._known = sensitive
        text = self._forms.replace(text, _REDACTED)
        return self._without_ends(text) if _CUT.search(text) else text

    def _without_ends(self, text: str) -> str:
        """Take out what stands of a secret before and after an ellipsis."""
        pieces = self._forms.pieces
        # A piece begins where it ends when it is read backwards.
        backwards = [piece[::-1] for piece in pieces]
        most = 2 * max(map(len, pieces), default=0)
        shown: list[str] = []
        position = 0
        for cut in _CUT.finditer(text):
            before = text[position : cut.start()]
            begun = _longest_end(before[: -most - 1 : -1], backwards)
            ended = _longest_end(text[cut.end() : cut.end() + most], pieces)
            shown += (before[: len(before) - begun], _REDACTED if begun else "", cut[0])
            shown.append(_REDACTED if ended else "")
            position = cut.end() + ended
        return "".join((*shown, text[position:]))


def redact_output(redact: Callable[[str], str]) -> None:
    """Let nothing through standard output and standard error that `redact` has not seen.

    So it does not matter whether a log line, a traceback or a worker's own `print` has it. It holds
    for the rest of the process: what is printed while the interpreter ends is seen too.
    """
    for name in ("stdout", "stderr"):
        stream = _RedactedText(getattr(sys, name), redact)
        setattr(sys, name, stream)
        # Where the interpreter itself turns to when it ends.
        setattr(sys, f"__{name}__", stream)


class _RedactedText(io.TextIOBase):
    """A stream of text; a line goes on when it is whole, so that a secret in it is whole too."""

    def __init__(self, stream: TextIO, redact: Callable[[str], str]) -> None:
        self._stream = stream
        self._redact = redact
        self._pending = ""
        # One that the same thread may take again: a finaliser can print within a print.
        self._lock = threading.RLock()

    @property
    def encoding(self) -> str:  # type: ignore[override]  # typeshed has a variable here
        return self._stream.encoding

    @property
    def errors(self) -> str | None:  # type: ignore[override]  # typeshed has a variable here
        return self._stream.errors

    @property
    def buffer(self) -> "_RedactedBytes":
        """Takes bytes for this stream."""
        return _RedactedBytes(self)

    def write(self, text: str) -> int:
        with self._lock:
            lines, newline, self._pending = (self._pending + text).rpartition("\n")
            if newline:
                self._stream.write(self._redact(lines + newline))
            if len(self._pending) > _MOST_PENDING:
                self._write_pending()
        return len(text)

    def flush(self) -> None:
        with self._lock:
            self._write_pending()
        self._stream.flush()

    def isatty(self) -> bool:
        return self._stream.isatty()

    def fileno(self) -> int:
        return self._stream.fileno()

    def writable(self) -> bool:
        return True

    def _write_pending(self) -> None:
        text, self._pending = self._pending, ""
        if text:
            self._stream.write(self._redact(text))


class _RedactedBytes(io.BufferedIOBase):
    """The way for bytes into a stream of text; those that are no text are shown as escapes."""

    def __init__(self, text: _RedactedText) -> None:
        self._text = text

    def write(self, data: "ReadableBuffer") -> int:
        shown = bytes(data)
        self._text.write(shown.decode(self._text.encoding, "backslashreplace"))
        return len(shown)

    def flush(self) -> None:
        self._text.flush()

    def writable(self) -> bool:
        return True


def _longest_end(text: str, pieces: Iterable[str]) -> int:
    """Return how many characters at the start of `text` end one of `pieces`; none if they are few.

    Backslashes count for nothing: the text may have been escaped before it was cut, or after.
    """
    bare_text = text.replace("\\", "")
    count = 0
    for piece in pieces:
        bare = piece.replace("\\", "")
        lengths = range(min(len(bare) - 1, len(bare_text)), max(count, _SHORTEST_END - 1), -1)
        count = next((one for one in lengths if bare_text.startswith(bare[-one:])), count)
    position = 0
    while count:
        count -= text[position] != "\\"
        position += 1
    return position
