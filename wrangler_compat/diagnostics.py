"""A tree of warnings and errors, each with the place in a file that it is about."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

__all__ = ["Diagnostics", "Message", "Position"]

_Level = Literal["error", "warning"]


@dataclass(frozen=True, slots=True)
class Position:
    """A place in a file; line and column count from 1, the column in characters."""

    file: str
    line: int
    column: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}"


@dataclass(frozen=True, slots=True)
class Message:
    """One warning or error: what is wrong, and where."""

    text: str
    position: Position | None = None

    def __str__(self) -> str:
        return self.text if self.position is None else f"{self.text} ({self.position})"


class Diagnostics:
    """Collects what is wrong with something; a section of it is a child with its own title.

    Nothing is printed and nothing raises: whoever asked for the report renders it. Warnings and
    errors are rendered apart, each under the titles of the sections that they belong to.

        >>> report = Diagnostics("Processing wrangler.toml configuration:")
        >>> report.add_error("Something is wrong.", Position("wrangler.toml", 3, 1))
        >>> print(report)
        Processing wrangler.toml configuration:
          - Something is wrong. (wrangler.toml:3:1)
    """

    __slots__ = ("_children", "_messages", "title")

    def __init__(self, title: str = "") -> None:
        self.title = title
        self._messages: list[tuple[_Level, Message]] = []
        self._children: list[Diagnostics] = []

    def add_warning(self, text: str, position: Position | None = None) -> None:
        """Report something that works, though perhaps not as meant."""
        self._messages.append(("warning", Message(text, position)))

    def add_error(self, text: str, position: Position | None = None) -> None:
        """Report something that cannot be used as it is."""
        self._messages.append(("error", Message(text, position)))

    def child(self, title: str) -> "Diagnostics":
        """Open a section; it is not rendered as long as nothing is reported in it."""
        section = Diagnostics(title)
        self._children.append(section)
        return section

    @property
    def has_errors(self) -> bool:
        """Whether there is an error here or in any section."""
        return next(self._walk("error"), None) is not None

    @property
    def has_warnings(self) -> bool:
        """Whether there is a warning here or in any section."""
        return next(self._walk("warning"), None) is not None

    @property
    def errors(self) -> list[Message]:
        """The errors of the whole tree, in the order in which they are rendered."""
        return list(self._walk("error"))

    @property
    def warnings(self) -> list[Message]:
        """The warnings of the whole tree, in the order in which they are rendered."""
        return list(self._walk("warning"))

    def render_errors(self) -> str:
        """Return the errors as an indented tree; an empty text where there are none."""
        return "\n".join(self._lines("error"))

    def render_warnings(self) -> str:
        """Return the warnings as an indented tree; an empty text where there are none."""
        return "\n".join(self._lines("warning"))

    def render(self) -> str:
        """Return the tree of the warnings, then, after an empty line, that of the errors."""
        return "\n\n".join(filter(None, (self.render_warnings(), self.render_errors())))

    def __str__(self) -> str:
        return self.render()

    def _walk(self, level: _Level) -> Iterator[Message]:
        yield from (message for own, message in self._messages if own == level)
        for section in self._children:
            yield from section._walk(level)

    def _lines(self, level: _Level) -> list[str]:
        items = [str(message).split("\n") for own, message in self._messages if own == level]
        items += filter(None, (section._lines(level) for section in self._children))
        if not items:
            return []
        if not self.title:
            return [line for item in items for line in item]
        lines = [self.title]
        for first, *rest in items:
            lines.append(f"  - {first}")
            lines += [f"    {line}".rstrip() for line in rest]
        return lines
