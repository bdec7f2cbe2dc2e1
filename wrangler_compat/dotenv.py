"""The syntax of `.dev.vars` and `.env` files, read as the npm package `dotenv` reads it.

That package, in version 16, defines the format for wrangler's users, and python-dotenv reads much
of it otherwise. In `.env` files, though not in `.dev.vars`, wrangler has the npm package
`dotenv-expand` replace references such as `${NAME}`.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

__all__ = ["DotenvEntry", "DotenvProblem", "expand_references", "parse_dotenv"]

# What JavaScript takes for white space; Python's own idea of it differs in a few characters.
_SPACES = (
    "\t\n\v\f\r \u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a"
    "\u2028\u2029\u202f\u205f\u3000\ufeff"
)
_SPACE = f"[{_SPACES}]"
_BLANK = re.compile(rf"(?:(?!\n){_SPACE})*(?:#[^\n]*)?(?:\n|\Z)")
_KEY = re.compile(
    rf"{_SPACE}*(?:export{_SPACE}+)?([A-Za-z0-9_.-]+)(?:{_SPACE}*=|:{_SPACE})",
)
_QUOTE = re.compile(rf"{_SPACE}*(?=['\"`])")
_QUOTES = ("'", '"', "`")
_REFERENCE = re.compile(r"(?<!\\)\$(?:\{([^{}]+)\}|([A-Za-z_][A-Za-z0-9_]*))")
_OPERATOR = re.compile(r":?[+-]")
_MOST_REFERENCES = 100
"""How many references one value may need; more is two variables that name each other."""


@dataclass(frozen=True, slots=True)
class DotenvEntry:
    """One assignment and the line that it begins on."""

    name: str
    value: str
    line: int


@dataclass(frozen=True, slots=True)
class DotenvProblem:
    """A line that does not say what its author meant; the words never repeat what stands there."""

    text: str
    line: int


def parse_dotenv(text: str) -> tuple[list[DotenvEntry], list[DotenvProblem]]:
    """Read assignments, in order; a later one of the same name is meant to win."""
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    entries: list[DotenvEntry] = []
    problems: list[DotenvProblem] = []
    position, line = 0, 1
    while position < len(text):
        start = position
        if (blank := _BLANK.match(text, position)) is not None:
            position = blank.end()
        elif (key := _KEY.match(text, position)) is None:
            problems.append(DotenvProblem("is not of the form NAME=value and is ignored", line))
            position = _end_of_line(text, position)
        else:
            value, position = _value(text, key.end())
            entries.append(DotenvEntry(key[1], value, line))
            if value.startswith(_QUOTES) and value[0] not in value[1:]:
                problem = f"opens a quote for {key[1]} that is never closed"
                problems.append(DotenvProblem(problem, line))
            elif value and key[0].endswith("\n"):
                problem = f"gives {key[1]} the text of the next line"
                problems.append(DotenvProblem(problem, line))
        line += text.count("\n", start, position)
    return entries, problems


def expand_references(values: Mapping[str, str], environ: Mapping[str, str]) -> dict[str, str]:
    """Replace `$NAME`, `${NAME}`, `${NAME:-default}` and `${NAME:+other}` in values.

    A reference sees `environ`, then the values before its own; what is not there is empty. `\\$` is
    a dollar sign. A name that `environ` has keeps the value from there.
    """
    expanded: dict[str, str] = {}
    for name, value in values.items():
        text = environ.get(name) or _expand(value, environ, expanded)
        expanded[name] = text.replace(r"\$", "$")
    return expanded


def _expand(value: str, environ: Mapping[str, str], expanded: Mapping[str, str]) -> str:
    seen: set[str] = set()
    for _ in range(_MOST_REFERENCES):
        reference = _REFERENCE.search(value)
        if reference is None:
            break
        seen.add(value)
        name, operator, fallback = _taken_apart(reference[1] or reference[2])
        found = environ.get(name, expanded.get(name, ""))
        if operator.endswith("+"):
            new = fallback if found else ""
        else:
            new = fallback if not found or found in seen else found
        value = value[: reference.start()] + new + value[reference.end() :]
        if value == expanded.get(name):
            # It has been expanded already, and may have a dollar sign that is none of a reference.
            break
    return value


def _taken_apart(expression: str) -> tuple[str, str, str]:
    """Return name, operator and the text behind it, of `NAME:-text`; empty what is not there."""
    operator = _OPERATOR.search(expression)
    if operator is None:
        return expression, "", ""
    return expression[: operator.start()], operator[0], expression[operator.end() :]


def _value(text: str, start: int) -> tuple[str, int]:
    """Return the value that begins at `start`, and where the next line begins."""
    if (quote := _QUOTE.match(text, start)) is not None:
        for closing in _closing_quotes(text, quote.end()):
            if (rest := _BLANK.match(text, closing + 1)) is not None:
                return _unquote(text[quote.end() : closing + 1]), rest.end()
    end = _end_of_line(text, start)
    return _unquote(text[start:end].partition("#")[0].strip(_SPACES)), end


def _closing_quotes(text: str, start: int) -> list[int]:
    """Return where the quote that opens at `start` may close, the likeliest first.

    That is the first quote without a backslash before it; else one with a backslash, as in a
    Windows path (`'C:\\temp\\'`).
    """
    hidden: list[int] = []
    end = text.find(text[start], start + 1)
    while end > 0 and text[end - 1] == "\\":
        hidden.append(end)
        end = text.find(text[start], end + 1)
    return [end, *reversed(hidden)] if end > 0 else hidden[::-1]


def _unquote(raw: str) -> str:
    quote = raw[:1]
    value = raw[1:-1] if len(raw) > 1 and quote in _QUOTES and raw.endswith(quote) else raw
    if quote == '"':
        value = value.replace("\\n", "\n").replace("\\r", "\r")
    return value


def _end_of_line(text: str, start: int) -> int:
    end = text.find("\n", start)
    return len(text) if end < 0 else end + 1
