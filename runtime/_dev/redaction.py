"""Keeping secrets out of whatever this process shows."""

import io
import re
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import TextIO

__all__ = ["Redactor", "redacted_output"]

# A shorter text would blank out ordinary words and numbers.
_SHORTEST = 4
_REDACTED = "[secret]"


class Redactor:
    """Takes the secrets out of a text: as they are, line by line, and as `repr` writes them."""

    def __init__(self, sensitive: Callable[[], frozenset[str]]) -> None:
        """Take what names the secrets of the moment; they change with every reload."""
        self._sensitive = sensitive
        self._known: frozenset[str] = frozenset()
        self._pattern: re.Pattern[str] | None = None

    def __call__(self, text: str) -> str:
        """Return `text` without its secrets."""
        sensitive = self._sensitive()
        if sensitive != self._known:
            self._known, self._pattern = sensitive, _pattern_of(sensitive)
        return text if self._pattern is None else self._pattern.sub(_REDACTED, text)


@contextmanager
def redacted_output(redact: Callable[[str], str]) -> Iterator[None]:
    """Let nothing through standard output and standard error that `redact` has not seen.

    So it does not matter whether a log line, a traceback or a worker's own `print` has it.
    """
    before = sys.stdout, sys.stderr
    sys.stdout = _RedactedText(before[0], redact)
    sys.stderr = _RedactedText(before[1], redact)
    try:
        yield
    finally:
        sys.stdout, sys.stderr = before


class _RedactedText(io.TextIOBase):
    def __init__(self, stream: TextIO, redact: Callable[[str], str]) -> None:
        self._stream = stream
        self._redact = redact

    @property
    def encoding(self) -> str:  # type: ignore[override]  # typeshed has a variable here
        return self._stream.encoding

    def write(self, text: str) -> int:
        self._stream.write(self._redact(text))
        return len(text)

    def flush(self) -> None:
        self._stream.flush()

    def isatty(self) -> bool:
        return self._stream.isatty()

    def fileno(self) -> int:
        return self._stream.fileno()

    def writable(self) -> bool:
        return True


def _pattern_of(secrets: Iterable[str]) -> re.Pattern[str] | None:
    forms = {
        form
        for secret in secrets
        for form in (secret, repr(secret)[1:-1], *secret.splitlines())
        if len(form) >= _SHORTEST
    }
    if not forms:
        return None
    return re.compile("|".join(map(re.escape, sorted(forms, key=len, reverse=True))))
