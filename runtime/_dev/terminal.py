"""What `runtime serve` prints: log lines, the request log, the list of workers."""

import asyncio
import logging
from collections.abc import Sequence
from typing import TextIO

from runtime._http.front import RequestRecord

__all__ = ["RequestLog", "open_logging", "printable", "worker_table"]

# By the first digit of a status; by the level of a log line.
_STATUS_COLOURS = {2: "32", 3: "36", 4: "33", 5: "31"}
_LEVEL_COLOURS = {logging.WARNING: "33", logging.ERROR: "31", logging.CRITICAL: "31"}


class _Formatter(logging.Formatter):
    def __init__(self, coloured: bool) -> None:
        super().__init__()
        self._coloured = coloured

    def format(self, record: logging.LogRecord) -> str:
        text = super().format(record)
        colour = _LEVEL_COLOURS.get(record.levelno)
        if colour is None:
            return text
        return f"{_paint(record.levelname.lower(), colour, self._coloured)}: {text}"


def open_logging(level: str, stream: TextIO) -> None:
    """Send every log line of this process to `stream`."""
    handler = logging.StreamHandler(stream)
    handler.setFormatter(_Formatter(stream.isatty()))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    # What libraries say below a warning is no news for the author of a worker.
    for chatty in ("asyncio", "watchfiles", "aiohttp"):
        logging.getLogger(chatty).setLevel(max(logging.WARNING, root.level))


class RequestLog:
    """Prints a line a request: method, path, status, time, worker.

    The lines of one turn of the event loop leave together: a write for each would cost more than
    answering a request.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._coloured = stream.isatty()
        self._records: list[RequestRecord] = []

    def __call__(self, record: RequestRecord) -> None:
        """Print one answered request, at the end of this turn of the loop."""
        self._records.append(record)
        if len(self._records) == 1:
            asyncio.get_running_loop().call_soon(self.flush)

    def flush(self) -> None:
        """Print what is still to be printed."""
        records, self._records = self._records, []
        try:
            self._stream.write("".join(map(self._line, records)))
            self._stream.flush()
        except OSError:
            # The terminal, or who read the pipe, has gone: nobody misses a line.
            return

    def _line(self, record: RequestRecord) -> str:
        status = str(record.status)
        if self._coloured:
            status = _paint(status, _STATUS_COLOURS.get(record.status // 100, "0"), True)
        milliseconds = record.seconds * 1000
        return (
            f"{record.method} {printable(record.path)} {status} {milliseconds:.1f} ms "
            f"{record.worker}\n"
        )


def worker_table(rows: Sequence[tuple[str, str]]) -> str:
    """Return the workers as lines of name and URL."""
    width = max((len(name) for name, _ in rows), default=0)
    return "\n".join(f"  {name:<{width}}  {url}" for name, url in rows)


def printable(text: str) -> str:
    """Escape control characters: what a client sends must not drive the terminal."""
    return text if text.isprintable() else text.encode("unicode_escape").decode("ascii")


def _paint(text: str, colour: str, coloured: bool) -> str:
    return f"\x1b[{colour}m{text}\x1b[0m" if coloured else text
