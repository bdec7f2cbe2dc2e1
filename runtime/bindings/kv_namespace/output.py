"""What commands print: bytes and JSON to standard output, as they come; and how far they are."""

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

__all__ = ["JsonWriter", "ask", "json_text", "progress", "quoted", "say", "tell", "write"]


def write(data: bytes) -> None:
    """Write bytes to standard output, untouched."""
    sys.stdout.buffer.write(data)


def say(text: str) -> None:
    """Write a line to standard output."""
    write(f"{text}\n".encode("utf-8", "backslashreplace"))
    sys.stdout.flush()


def tell(text: str) -> None:
    """Say something beside the output."""
    sys.stderr.write(f"{text}\n")


def quoted(text: str) -> str:
    """Return a text as JSON has it: no character of it drives the terminal, and its ends show."""
    return json.dumps(text, ensure_ascii=not text.isprintable())


def json_text(value: object) -> str:
    """Return JSON as wrangler lays it out."""
    return json.dumps(value, indent=2, ensure_ascii=False)


class JsonWriter:
    """Writes an array or an object item by item, as `json_text` would lay out the whole."""

    def __init__(self, brackets: str) -> None:
        """Begin with the first of two brackets, and end with the other one."""
        self._open, self._close = brackets[0], brackets[1]
        self._is_empty = True

    def add(self, item: str) -> None:
        """Write one more item, which is JSON, or a quoted name with JSON."""
        before = f"{self._open}\n" if self._is_empty else ",\n"
        self._is_empty = False
        indented = item.replace("\n", "\n  ")
        self._write(f"{before}  {indented}")

    def end(self) -> None:
        """Write the end."""
        self._write(f"{self._open}{self._close}\n" if self._is_empty else f"\n{self._close}\n")

    def _write(self, text: str) -> None:
        # A lone surrogate cannot be UTF-8; written as `\\ud800` it is JSON.
        write(text.encode("utf-8", "backslashreplace"))


def ask(question: str, *, force: bool) -> bool:
    """Ask whether to go on; where nobody can answer it is yes, as with wrangler, and told."""
    if force:
        return True
    if not sys.stdin.isatty() or not sys.stderr.isatty():
        tell(f"{question}\nNobody can answer here, so: yes")
        return True
    while True:
        sys.stderr.write(f"{question} (Y/n) ")
        sys.stderr.flush()
        answer = sys.stdin.readline()
        if not answer or answer.strip().lower() in ("n", "no"):
            return False
        if answer.strip().lower() in ("", "y", "yes"):
            return True


@contextmanager
def progress(
    label: str, total: int | None = None, *, is_shown: bool = True
) -> Iterator[Callable[[int], None]]:
    """Yield what is to be told how much is done; a terminal shows it on standard error."""
    if not is_shown or not sys.stderr.isatty():
        yield lambda count: None
        return
    # It is slow to import, and most commands need none of it.
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    console = Console(stderr=True)
    with Progress(*columns, TimeElapsedColumn(), console=console, transient=True) as bar:
        task = bar.add_task(label, total=total)
        yield lambda count: bar.update(task, completed=count)
