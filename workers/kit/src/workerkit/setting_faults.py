"""What is wrong with a worker's settings, said without any of their values."""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from types import NoneType, UnionType
from typing import TYPE_CHECKING, Annotated, Any, Literal, NamedTuple, Union, get_args, get_origin

from pydantic import BaseModel, Secret, SecretBytes, SecretStr
from pydantic.fields import FieldInfo

from workerkit.bindings import Binding

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

__all__ = ["Setting", "binding_of", "describe_faults"]

_SECRETS = (Secret, SecretBytes, SecretStr)
_LIST = "a list (separated by commas, or JSON)"
_EXPECTED: dict[object, str] = {
    bool: "true or false",
    dict: "a JSON object",
    float: "a number",
    frozenset: _LIST,
    int: "a whole number",
    list: _LIST,
    set: _LIST,
    str: "a text",
    tuple: _LIST,
}
# So many characters of a secret in a row are not told.
_SHARED = 4


class Setting(NamedTuple):
    """A field of settings, its name on `env`, and what was found there, if anything was."""

    name: str
    field: FieldInfo
    value: object = None


def binding_of(field: FieldInfo) -> Binding | None:
    """Return what marks a field as one for a binding."""
    return next((part for part in _parts(field) if isinstance(part, Binding)), None)


def describe_faults(faults: Iterable["ErrorDetails"], settings: Mapping[str, Setting]) -> list[str]:
    """Return a line for each fault; none repeats what was found on `env`.

    `settings` has each setting under the key by which pydantic knows it.
    """
    lines = []
    for fault in faults:
        where, *steps = fault["loc"] or [""]
        setting = settings.get(str(where))
        if setting is None:
            reason = _reason(fault, settings.values())
            lines.append(reason or "They are refused by a validator of the class.")
            continue
        place = setting.name + "".join(map(_step, steps))
        what = "missing" if fault["type"] == "missing" else "wrong"
        expected = "" if steps else f": expected {_expected(setting.field)}"
        reason = "" if what == "missing" else _reason(fault, [setting])
        lines.append(
            " ".join(filter(None, (f"{place} is {what}{expected}.", reason, _remedy(setting))))
        )
    return list(dict.fromkeys(lines))


def _step(step: int | str) -> str:
    return f"[{step}]" if isinstance(step, int) else f".{step}"


def _remedy(setting: Setting) -> str:
    name = setting.name
    binding = binding_of(setting.field)
    if binding is not None:
        return f'Declare it in the config file: [[{binding.section}]] with binding = "{name}".'
    if _is_secret(setting.field):
        return f"Set it in .dev.vars by a line {name}=…, deployed by: wrangler secret put {name}"
    return f"Set {name} under [vars] in the config file."


def _reason(fault: "ErrorDetails", settings: Iterable[Setting]) -> str:
    """Return the words of a fault, or nothing where they repeat some of what was found."""
    error = fault.get("ctx", {}).get("error", "")
    if fault["type"] in ("assertion_error", "value_error"):
        # The words of a validator that the author of the class wrote.
        text = str(error)
    else:
        # What follows tells of the text that was found: a character in it, or how long it is.
        text = fault["msg"].removesuffix(str(error)).partition(", not ")[0].rstrip(" ,:")
    if not text or any(_repeats(text, setting) for setting in settings):
        return ""
    return f"{text[0].upper()}{text[1:].removesuffix('.')}."


def _repeats(text: str, setting: Setting) -> bool:
    """Tell whether a text has a part of a secret in it, or all of another value as a word."""
    text = text.lower()
    is_secret = _is_secret(setting.field)
    for found in map(str.lower, _texts(setting.value)):
        if re.search(rf"(?<!\w){re.escape(found)}(?!\w)", text):
            return True
        starts = range(len(found) - _SHARED + 1 if is_secret else 0)
        if any(found[start : start + _SHARED] in text for start in starts):
            return True
    return False


def _texts(value: object) -> Iterator[str]:
    """Yield a value's parts as texts: itself, the items of a list, what stands in a JSON text."""
    if isinstance(value, Mapping):
        for item in value.values():
            yield from _texts(item)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _texts(item)
    elif isinstance(value, str):
        yield from filter(None, (value.strip(), *map(str.strip, value.split(","))))
        with suppress(ValueError):
            decoded = json.loads(value)
            if isinstance(decoded, dict | list):
                yield from _texts(decoded)
    elif isinstance(value, int | float):
        yield str(value)


def _expected(field: FieldInfo) -> str:
    return "a binding" if binding_of(field) else _described(field.annotation)


def _described(annotation: Any) -> str:
    """Return what a type is for people who write config files."""
    origin = get_origin(annotation) or annotation
    arguments = get_args(annotation)
    if origin is Annotated:
        return _described(arguments[0])
    if origin in (Union, UnionType):
        return " or ".join(_described(one) for one in arguments if one is not NoneType)
    if origin is Literal:
        return f"one of {', '.join(map(repr, arguments))}"
    if origin in _SECRETS:
        return "a secret"
    if isinstance(origin, type) and issubclass(origin, BaseModel):
        return _EXPECTED[dict]
    return _EXPECTED.get(origin, "") or str(getattr(origin, "__name__", origin))


def _is_secret(field: FieldInfo) -> bool:
    return any(part in _SECRETS for part in _parts(field) if isinstance(part, type))


def _parts(field: FieldInfo) -> Iterator[object]:
    """Yield the types and the marks of a field's annotation, those of nested models included."""
    pending: list[Any] = [field.annotation, *field.metadata]
    models: set[type[BaseModel]] = set()
    while pending:
        part = pending.pop()
        yield get_origin(part) or part
        pending += get_args(part)
        if isinstance(part, type) and issubclass(part, BaseModel) and part not in models:
            models.add(part)
            pending += (inner.annotation for inner in part.model_fields.values())
