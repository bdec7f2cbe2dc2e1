"""Bindings and triggers in Cloudflare's flat form `{name, type, …}`, from a config's sections."""

import datetime
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from wrangler_compat.config.environments import Environment
from wrangler_compat.config.fields import (
    check_type,
    is_of_type,
    json_text,
    place_label,
    warn_unknown_fields,
)
from wrangler_compat.config.keys import ValueType
from wrangler_compat.config.model import Binding, Trigger
from wrangler_compat.config.reader import ConfigDocument
from wrangler_compat.config.sections import BINDING_SECTIONS, TRIGGER_SECTIONS, BindingSection
from wrangler_compat.diagnostics import KeyPath

__all__ = ["read_bindings", "read_triggers"]

_TEXT_KIND = ("plain_text", "text")
"""The kind and the field of a variable that is a text; any other is JSON."""

_NOUNS: Mapping[ValueType, str] = {
    "string": "a string",
    "boolean": "a boolean",
    "number": "a number",
    "object": "an object",
    "strings": "a string array",
}


def read_bindings(
    document: ConfigDocument, environment: Environment, sections: Iterable[BindingSection]
) -> tuple[Binding, ...]:
    """Return the bindings of an environment; report what is wrong with them.

    `sections` are those of plugins. Two bindings of one name are an error that names both places;
    a declared secret counts as a binding there.
    """
    reader = _BindingReader(document, environment)
    for section in (*BINDING_SECTIONS, *sections):
        reader.read(section)
    reader.claim_secrets()
    return tuple(reader.bindings)


def read_triggers(document: ConfigDocument, environment: Environment) -> tuple[Trigger, ...]:
    """Return what runs the worker besides requests and crons: consumers of queues and tails."""
    return tuple(
        Trigger(type=section.kind, fields=item, position=document.position(path))
        for section in TRIGGER_SECTIONS
        for path, item in _items(environment, section.path)
    )


class _BindingReader:
    def __init__(self, document: ConfigDocument, environment: Environment) -> None:
        self._document = document
        self._report = environment.report
        self._environment = environment
        self._places: dict[str, str] = {}
        self._owners: dict[tuple[KeyPath, str], KeyPath] = {}
        self.bindings: list[Binding] = []

    def read(self, section: BindingSection) -> None:
        if section.shape == "mapping":
            self._read_mapping(section)
            return
        for path, item in _items(self._environment, section.path):
            # Assets without a binding are served, though not to be reached from the worker.
            if section.shape == "single" and section.open and section.name_field not in item:
                continue
            self._read_table(section, path, item)

    def claim_secrets(self) -> None:
        """Take the names of the declared secrets."""
        for path, name in _items(self._environment, ("secrets", "required")):
            self._claim(name, path)

    def _read_mapping(self, section: BindingSection) -> None:
        key = section.path[0]
        for name, value in self._environment.values.get(key, {}).items():
            path = (*self._environment.path(key), name)
            kind, field = section.kind, section.value_field
            if isinstance(value, str) and kind == "json":
                kind, field = _TEXT_KIND
            if self._has_valid_value(kind, name, value, path):
                self._add(name, kind, {field: value}, path)

    def _has_valid_value(self, kind: str, name: str, value: object, path: KeyPath) -> bool:
        label, position = place_label(path), self._document.position(path)
        if kind not in ("json", "plain_text"):
            return check_type(self._report, label, value, "string", position)
        if _holds_date(value):
            self._report.add_error(
                f'The field "{label}" is a TOML date, which is not supported. '
                f'Please use a string instead, e.g. {name} = "2025-12-19".',
                position,
            )
            return False
        return True

    def _read_table(self, section: BindingSection, path: KeyPath, item: Any) -> None:
        position = self._document.position(path)
        if not check_type(self._report, place_label(path), item, "object", position):
            return
        if not self._has_valid_fields(section, path, item) or self._repeats(section, path, item):
            return
        name = item[section.name_field]
        fields = {field: value for field, value in item.items() if field != section.name_field}
        if section.provisioned is not None and section.provisioned not in fields:
            # No worker's name holds a dot, so that this is nobody else's.
            fields[section.provisioned] = f"{self._environment.values.get('name')}.{name}"
        flat = {section.renames.get(field, field): value for field, value in fields.items()}
        kind = section.kind or str(flat.pop("type"))
        self._add(name, kind, flat, (*path, section.name_field))

    def _has_valid_fields(
        self, section: BindingSection, path: KeyPath, item: Mapping[str, Any]
    ) -> bool:
        needed: dict[str, ValueType] = {section.name_field: "string", **section.required}
        known: dict[str, ValueType] = {**needed, **section.optional}
        if section.provisioned is not None:
            known[section.provisioned] = "string"
            if section.provisioned in item:
                needed[section.provisioned] = "string"
        wrong = {
            field: "should"
            for field, type_ in needed.items()
            if not is_of_type(item.get(field), type_) or item[field] == ""
        }
        wrong |= {
            field: "should, optionally,"
            for field, type_ in section.optional.items()
            if field in item and not is_of_type(item[field], type_)
        }
        label = place_label(path)
        # As it stands in the file, since `item` lacks what is wrong in its inner tables.
        given: Any = self._document.data
        for part in path:
            given = given[part]
        for field, should in wrong.items():
            self._report.add_error(
                f'"{label}" bindings {should} have {_NOUNS[known[field]]} "{field}" field '
                f"but got {json_text(given)}.",
                self._document.position((*path, field)),
            )
        if not section.open:
            warn_unknown_fields(self._document, path, item, known, self._report)
        return not wrong and self._has_valid_values(section, path, item)

    def _has_valid_values(
        self, section: BindingSection, path: KeyPath, item: Mapping[str, Any]
    ) -> bool:
        """Report what is wrong with fields of the right types; return whether nothing is."""
        label = place_label(path)
        faults = {
            field: f'Expected "{label}.{field}" to be {format_.words}, '
            f"but got {json_text(item[field])}."
            for field, format_ in section.formats.items()
            if field in item and format_.pattern.fullmatch(item[field]) is None
        }
        rivals = [field for field in section.exclusive if field in item]
        if len(rivals) > 1:
            names = " or ".join(json_text(field) for field in rivals)
            faults[rivals[-1]] = (
                f'"{label}" bindings should have either a {names} field, but not both.'
            )
        for field, needed in section.needs.items():
            if field in item and needed not in item:
                faults[field] = (
                    f'"{label}" bindings should have a "{needed}" field if "{field}" is present.'
                )
        for field, text in faults.items():
            self._report.add_error(text, self._document.position((*path, field)))
        return not faults

    def _repeats(self, section: BindingSection, path: KeyPath, item: Mapping[str, Any]) -> bool:
        """Whether a binding before it has what each of the section has alone; report that."""
        field = section.unique
        if field is None:
            return False
        here = (*path, field)
        first = self._owners.setdefault((section.path, item[field]), here)
        if first == here:
            return False
        self._report.add_error(
            f'"{place_label(path[:-1])}" bindings must have unique "{field}" values; '
            f"duplicate(s) found: {json_text(item[field])}\n"
            f"The first is {place_label(first)} ({self._document.position(first)}).",
            self._document.position(here),
        )
        return True

    def _add(self, name: str, kind: str, fields: Mapping[str, Any], path: KeyPath) -> None:
        if self._claim(name, path):
            position = self._document.position(path)
            self.bindings.append(Binding(name=name, type=kind, fields=fields, position=position))

    def _claim(self, name: str, path: KeyPath) -> bool:
        """Take a name; False, and a report of both places, where it is taken already."""
        position = self._document.position(path)
        if name not in self._places:
            self._places[name] = f"{place_label(path)} ({position})"
            return True
        self._report.add_error(
            f'"{name}" is the name of two bindings: {self._places[name]} and {place_label(path)}.\n'
            "Bindings must have unique names, so that they can all be referenced in the "
            "worker. Rename one of them.",
            position,
        )
        return False


def _items(
    environment: Environment, section_path: tuple[str, ...]
) -> Iterator[tuple[KeyPath, Any]]:
    """Return path and value of each item of a section; of a section that is no list, itself."""
    path = environment.path(section_path[0])
    value = environment.values.get(section_path[0])
    for key in section_path[1:]:
        value = None if value is None else value.get(key)
        path = (*path, key)
    if isinstance(value, list):
        for index, item in enumerate(value):
            yield (*path, index), item
    elif value is not None:
        yield path, value


def _holds_date(value: object) -> bool:
    if isinstance(value, dict):
        return any(map(_holds_date, value.values()))
    if isinstance(value, list):
        return any(map(_holds_date, value))
    return isinstance(value, datetime.date | datetime.time)
