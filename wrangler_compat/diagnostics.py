"""A tree of warnings and errors, each with the place in a file that it is about."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal

__all__ = ["Diagnostics", "KeyPath", "Message", "Position"]

KeyPath = tuple[str | int, ...]
"""The way to a value: keys of tables and indexes of lists, from the outermost."""

_Level = Literal["error", "warning"]

# What a file holds must not steer the terminal that shows a message about it.
_ESCAPES = {
    code: f"\\x{code:02x}" for code in (*range(0x20), *range(0x7F, 0xA0)) if chr(code) not in "\n\t"
}


@dataclass(frozen=True, slots=True)
class Position:
    """A place in a file; line and column count from 1, the column in characters.

    `key` is the key that stands there, or that is missed there; empty where it is about none.
    """

    file: str
    line: int
    column: int
    key: KeyPath = field(default=(), compare=False, repr=False)

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
        self._add("warning", text, position)

    def add_error(self, text: str, position: Position | None = None) -> None:
        """Report something that cannot be used as it is."""
        self._add("error", text, position)

    def child(self, title: str) -> "Diagnostics":
        """Open a section; it is not rendered as long as nothing is reported in it."""
        section = Diagnostics(title)
        self._children.append(section)
        return section

    def include(self, other: "Diagnostics") -> None:
        """Take over what another report says and this one does not, sections by their titles."""
        self._include(other, set(self._entries()))

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

    def _include(self, other: "Diagnostics", known: set[tuple[_Level, Message]]) -> None:
        self._messages += (entry for entry in other._messages if entry not in known)
        known.update(other._messages)
        sections = {section.title: section for section in self._children}
        for section in other._children:
            own = sections.get(section.title) or self.child(section.title)
            own._include(section, known)

    def _entries(self) -> Iterator[tuple[_Level, Message]]:
        yield from self._messages
        for section in self._children:
            yield from section._entries()

    def _add(self, level: _Level, text: str, position: Position | None) -> None:
        self._messages.append((level, Message(text.translate(_ESCAPES), position)))

    def _walk(self, level: _Level) -> Iterator[Message]:
        return (message for own, message in self._entries() if own == level)

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
