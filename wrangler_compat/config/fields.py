"""Checks of single values and of tables with known fields, in the words that wrangler uses."""

import datetime
import json
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from wrangler_compat.config.keys import FIELDS, KEYS, FieldSpec, ValueType
from wrangler_compat.config.nearest import nearest_name, unique_fields
from wrangler_compat.config.reader import ConfigDocument
from wrangler_compat.config.secrecy import looks_like_secret
from wrangler_compat.diagnostics import Diagnostics, KeyPath, Position

__all__ = [
    "check_fields",
    "check_type",
    "is_of_type",
    "json_text",
    "misplaced_hint",
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
    text = _MESSAGES.get(type_, _MESSAGE).format(label=label, type=type_, value=json_text(value))
    if isinstance(value, datetime.date | datetime.time):
        text += f"\nWithout quotes this is a date of TOML. Write {json_text(value)}, a string."
    report.add_error(text, position)
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
    warn_unknown_fields(document, path, value, fields, report)
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
    document: ConfigDocument,
    table: KeyPath,
    fields: Mapping[str, Any],
    known: Iterable[str],
    report: Diagnostics,
) -> None:
    """Report each field of a table that is not known, and what it was probably meant to be."""
    known = set(known)
    has_keys = not table or table[:-1] == ("env",)
    for name, value in fields.items():
        if name not in known:
            path = (*table, name)
            hint = misplaced_hint(document, path, value)
            # One of an inner table may stand beside it: `crons` without `[triggers]` above.
            inner = unique_fields() if has_keys else None
            if hint is None and (near := nearest_name(name, known, inner)) is not None:
                hint = f'Did you mean "{near}"?'
            label = place_label(table) or "top-level"
            text = f"Unexpected fields found in {label} field: {json_text(name)}"
            report.add_warning("\n".join(filter(None, (text, hint))), document.position(path))


def misplaced_hint(document: ConfigDocument, path: KeyPath, value: object) -> str | None:
    """Return where a key of the top level belongs that a file has in some table.

    None where it can hardly be one: its value has another type, or the key stands where it belongs
    as well.
    """
    *table, name = path
    spec = KEYS.get(str(name))
    env = path[1] if path[0] == "env" else None
    homes = [document.data] if env is None else [document.data, document.data["env"][env]]
    if spec is None or not is_of_type(value, spec.type) or any(name in home for home in homes):
        return None
    if tuple(table) in document.headers:
        place = "above the first [header]" if env is None else f"right below [env.{env}]"
        return f"In TOML a key belongs to the table header above it: move it {place}."
    home = "the top level" if env is None else f'"env.{env}"'
    return f'"{name}" is a key of {home}.'


def place_label(path: KeyPath) -> str:
    """Return how messages call a place: `env.production.kv_namespaces[0]`."""
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f".{part}"
    return text.removeprefix(".")


def json_text(value: object) -> str:
    """Return a value as JSON on one line, cut where it is very long, and without secrets in it."""
    shown = _without_secrets("", value)
    text = json.dumps(shown, default=str, ensure_ascii=False, separators=(",", ":"))
    return text if len(text) <= _LONGEST_SHOWN else text[:_LONGEST_SHOWN] + "…"


def _without_secrets(name: str, value: object) -> object:
    """Return a value in which what looks like a secret is hidden; `name` is that of its field."""
    if isinstance(value, dict):
        return {key: _without_secrets(key, item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_without_secrets(name, item) for item in value]
    return "(hidden)" if looks_like_secret(name, value) else value
