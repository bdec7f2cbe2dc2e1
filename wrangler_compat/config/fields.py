"""Checks of single values and of tables with known fields, in the words that wrangler uses."""

import json
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from wrangler_compat.config.keys import FIELDS, FieldSpec, ValueType
from wrangler_compat.config.reader import ConfigDocument
from wrangler_compat.diagnostics import Diagnostics, Position
from wrangler_compat.source import KeyPath

__all__ = [
    "check_fields",
    "check_type",
    "is_of_type",
    "json_text",
    "nearest_name",
    "place_label",
    "warn_unknown_fields",
]

_LONGEST_SHOWN = 200


def _is_strings(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(item, str) for item in value)


_CHECKS: Mapping[ValueType, Callable[[Any], bool]] = {
    "string": lambda value: isinstance(value, str),
    "boolean": lambda value: isinstance(value, bool),
    "number": lambda value: isinstance(value, int | float) and not isinstance(value, bool),
    "object": lambda value: isinstance(value, dict),
    "array": lambda value: isinstance(value, list),
    "strings": _is_strings,
    "string or strings": lambda value: isinstance(value, str) or _is_strings(value),
    "boolean or strings": lambda value: isinstance(value, bool) or _is_strings(value),
    "any": lambda value: True,
}

_MESSAGES: Mapping[ValueType, str] = {
    "array": 'The field "{label}" should be an array but got {value}.',
    "object": 'The field "{label}" should be an object but got {value}.',
    "strings": 'Expected "{label}" to be of type string array but got {value}.',
    "string or strings": 'Expected "{label}" to be a string or an array of strings '
    "but got {value}.",
    "boolean or strings": 'The field "{label}" should be an array of strings or a boolean, '
    "but got {value}.",
}
_MESSAGE = 'Expected "{label}" to be of type {type} but got {value}.'


def check_type(
    report: Diagnostics, label: str, value: object, type_: ValueType, position: Position
) -> bool:
    """Report a value of another type than `type_`; return whether it is of that type."""
    if is_of_type(value, type_):
        return True
    message = _MESSAGES.get(type_, _MESSAGE)
    report.add_error(message.format(label=label, type=type_, value=json_text(value)), position)
    return False


def is_of_type(value: object, type_: ValueType) -> bool:
    """Return whether a value is of a type."""
    return _CHECKS[type_](value)


def check_fields(
    document: ConfigDocument, key: str, value: Any, path: KeyPath, report: Diagnostics
) -> Any:
    """Return a value without the fields that are wrong, in tables at any depth; report those.

    `key` is the value's name in the table of known fields, `path` where it stands in the file. An
    empty table stands for one that is no table.
    """
    fields = FIELDS.get(key)
    if fields is None:
        return _check_inner(document, key, value, path, report)
    label = place_label(path)
    if not check_type(report, label, value, "object", document.position(path)):
        return {}
    warn_unknown_fields(report, label, value, fields, lambda name: document.position((*path, name)))
    for name, spec in fields.items():
        if spec.required and name not in value:
            report.add_error(f'"{label}.{name}" is a required field.', document.position(path))
    right = {
        name: item
        for name, item in value.items()
        if name not in fields or _check_field(document, fields[name], item, (*path, name), report)
    }
    return _check_inner(document, key, right, path, report)


def _check_inner(
    document: ConfigDocument, key: str, value: Any, path: KeyPath, report: Diagnostics
) -> Any:
    if isinstance(value, list):
        return [
            check_fields(document, f"{key}[]", item, (*path, index), report)
            for index, item in enumerate(value)
        ]
    if isinstance(value, dict):
        return {
            name: check_fields(document, f"{key}.{name}", item, (*path, name), report)
            for name, item in value.items()
        }
    return value


def _check_field(
    document: ConfigDocument, spec: FieldSpec, value: Any, path: KeyPath, report: Diagnostics
) -> bool:
    label, position = place_label(path), document.position(path)
    if not check_type(report, label, value, spec.type, position):
        return False
    if not spec.choices or value in spec.choices:
        return True
    report.add_error(
        f'Expected "{label}" field to be one of {json_text(spec.choices)} '
        f"but got {json_text(value)}.",
        position,
    )
    return False


def warn_unknown_fields(
    report: Diagnostics,
    label: str,
    fields: Iterable[str],
    known: Iterable[str],
    position_of: Callable[[str], Position],
) -> None:
    """Report each field that is not known, with the known name that it is nearest to."""
    known = set(known)
    for name in fields:
        if name not in known:
            near = nearest_name(name, known)
            hint = "" if near is None else f'\nDid you mean "{near}"?'
            report.add_warning(
                f'Unexpected fields found in {label} field: "{name}"{hint}', position_of(name)
            )


def nearest_name(name: str, known: Iterable[str]) -> str | None:
    """Return the known name that a misspelt one was probably meant to be."""
    from difflib import get_close_matches  # only a misspelt config pays for this import

    lowered = {candidate.lower(): candidate for candidate in sorted(known)}
    close = get_close_matches(name.lower(), lowered, n=1, cutoff=0.7)
    return lowered[close[0]] if close else None


def place_label(path: KeyPath) -> str:
    """Return how messages call a place: `env.production.kv_namespaces[0]`."""
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f".{part}"
    return text[1:]


def json_text(value: object) -> str:
    """Return a value as JSON on one line, cut where it is very long."""
    text = json.dumps(value, default=str, ensure_ascii=False, separators=(",", ":"))
    return text if len(text) <= _LONGEST_SHOWN else text[:_LONGEST_SHOWN] + "…"
