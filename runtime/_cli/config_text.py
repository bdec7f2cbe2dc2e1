"""A worker's config as text: what it says, and where it says so."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from wrangler_compat import (
    Binding,
    ExplainedValue,
    SecretValue,
    WorkerConfig,
    explain_secrets,
    explain_settings,
)
from wrangler_compat.config.fields import json_text, place_label
from wrangler_compat.config.secrecy import looks_like_secret
from wrangler_compat.config.sections import BINDING_SECTIONS, TRIGGER_SECTIONS
from wrangler_compat.config.values import leaves
from wrangler_compat.source import display_path

__all__ = ["explained_text", "normalised_text"]

_HIDDEN = "(hidden: it looks like a secret)"
# A longer cell does not push the next column away in all other rows.
_WIDEST = 40
# Sections that are shown as what they become, instead of as they stand.
_SHOWN_OTHERWISE = {
    "route",
    "routes",
    "secrets",
    "triggers",
    *(section.path[0] for section in BINDING_SECTIONS if section.shape != "single"),
    *(section.path[0] for section in TRIGGER_SECTIONS),
}

_Row = Sequence[str]


def normalised_text(config: WorkerConfig) -> str:
    """Return what a config says, in sections; what has its default is left out."""
    explained = explain_settings(config)
    worker, tables = _settings(explained)
    environments = ", ".join(map(_shown, config.defined_environments)) or "none"
    sections: dict[str, list[_Row]] = {
        "Worker": [
            ("config", display_path(config.config_path)),
            (
                "environment",
                f"{config.target_environment or 'top level'} (defined: {environments})",
            ),
            *worker,
        ],
        "Routes": list(_routes(config)),
        "Triggers": [(_shown(one.type), _fields(one.fields)) for one in config.triggers],
        "Bindings": [
            (_shown(one.name), _shown(one.type), _binding(one, explained))
            for one in config.bindings
        ],
        "Secrets that are missing": [
            (_shown(one.name),) for one in explain_secrets(config) if one.source is None
        ],
        **tables,
    }
    return _rendered(sections)


def explained_text(config: WorkerConfig) -> str:
    """Return every value of a config with where it comes from."""
    explained = explain_settings(config)
    sections: dict[str, list[_Row]] = {
        "Set in a file": [
            (_label(one), _value(one), _source(one, config)) for one in _set_in_a_file(explained)
        ],
        "Derived": [
            (_label(one), _value(one), _source(one, config))
            for one in explained
            if one.origin == "derived"
        ],
        "Default": [(_label(one), _value(one)) for one in explained if one.origin == "default"],
        "Secrets": [
            (_shown(one.name), one.source or "missing: nothing defines it")
            for one in explain_secrets(config)
        ],
    }
    return _rendered(sections)


def _set_in_a_file(explained: Iterable[ExplainedValue]) -> list[ExplainedValue]:
    """Return the values that stand in a file, in its order."""
    return sorted(
        (one for one in explained if one.origin not in ("default", "derived")),
        key=lambda one: (one.position.line, one.position.column) if one.position else (0, 0),
    )


def _settings(
    explained: Iterable[ExplainedValue],
) -> tuple[list[_Row], dict[str, list[_Row]]]:
    """Return the keys with one value or a list of them, and those with a table; as far as set."""
    worker: dict[str, list[str]] = {}
    tables: dict[str, list[_Row]] = {}
    for one in _set_in_a_file(explained):
        key = str(one.path[0])
        if key in _SHOWN_OTHERWISE:
            continue
        if len(one.path) == 1 or (len(one.path) == 2 and isinstance(one.path[1], int)):
            worker.setdefault(key, []).append(_value(one))
        else:
            tables.setdefault(key, []).append((_shown(place_label(one.path[1:])), _value(one)))
    return [(key, ", ".join(values)) for key, values in worker.items()], tables


def _routes(config: WorkerConfig) -> Iterator[_Row]:
    for route in config.routes:
        zone = route.zone_name or route.zone_id
        yield (
            _shown(route.pattern.text),
            "custom domain" if route.custom_domain else f"zone {_shown(zone)}" if zone else "",
        )


def _binding(binding: Binding, explained: Iterable[ExplainedValue]) -> str:
    source = "" if binding.source is None else f"from {_shown(binding.source)}"
    if any(isinstance(value, SecretValue) for value in binding.fields.values()):
        return source
    hidden = any(one.hidden for one in explained if one.path[:2] == ("vars", binding.name))
    # Whatever its name, for the fields of other kinds have names of their own.
    if hidden or any(looks_like_secret("", value) for _, value in leaves(dict(binding.fields))):
        return _HIDDEN
    return " ".join(filter(None, (_fields(binding.fields), source)))


def _fields(fields: Mapping[str, Any]) -> str:
    if len(fields) == 1:
        return _shown(*fields.values())
    return ", ".join(f"{_shown(name)} {_shown(value)}" for name, value in fields.items())


def _label(one: ExplainedValue) -> str:
    return _shown(place_label(one.path))


def _value(one: ExplainedValue) -> str:
    if one.replaced_by is not None:
        return "(replaced)"
    return _HIDDEN if one.hidden else _shown(one.value)


def _source(one: ExplainedValue, config: WorkerConfig) -> str:
    """Return in words where a value comes from."""
    words = {
        "environment": f'in "env.{config.target_environment}"',
        "inherited": "inherited from the top level",
    }
    parts = [words.get(one.origin), one.reason]
    if one.position is not None:
        parts.insert(0, str(one.position))
    if one.replaced_by is not None:
        parts.append(f"replaced by {one.replaced_by}")
    return ", ".join(filter(None, parts))


def _shown(value: object) -> str:
    return value if isinstance(value, str) and value.isprintable() and value else json_text(value)


def _rendered(sections: Mapping[str, Sequence[_Row]]) -> str:
    return "\n\n".join(
        f"{title}\n" + "\n".join(_aligned(rows)) for title, rows in sections.items() if rows
    )


def _aligned(rows: Sequence[_Row]) -> Iterator[str]:
    columns = max(map(len, rows))
    widths = [
        max((len(row[column]) for row in rows if len(row[column]) <= _WIDEST), default=0)
        for column in range(columns)
    ]
    for row in rows:
        cells = (f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True))
        yield f"  {'  '.join(cells)}".rstrip()
