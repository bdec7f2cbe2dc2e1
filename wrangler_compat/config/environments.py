"""What one environment of a config says: inheritance, and a check of every key's type."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from wrangler_compat.config.fields import (
    check_fields,
    check_type,
    json_text,
    place_label,
    warn_unknown_fields,
)
from wrangler_compat.config.keys import KEYS, KeySpec
from wrangler_compat.config.misplaced import warn_misplaced
from wrangler_compat.config.reader import ConfigDocument
from wrangler_compat.config.sections import BINDING_SECTIONS, BindingSection
from wrangler_compat.diagnostics import Diagnostics, KeyPath

__all__ = ["Environment", "plugin_sections", "resolve_environment"]

_ABSENT_IF_NULL = (
    "build",
    "dev",
    "limits",
    "migrations",
    "rules",
    "streaming_tail_consumers",
    "tail_consumers",
    "triggers",
)
"""Keys for which wrangler takes a `null` of JSON; for all others it is a value of a wrong type."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Environment:
    """The keys that count in one environment, inherited ones included.

    `values` holds what is set and has the right type; `paths` says where each of it stands, and
    `prefix` where the environment itself does. `report` is the section for what is found later.
    `top` is the top level, where this is another environment.
    """

    target: str | None
    defined: tuple[str, ...]
    top_level_name: str | None
    values: Mapping[str, Any]
    paths: Mapping[str, KeyPath]
    prefix: KeyPath
    report: Diagnostics
    top: "Environment | None" = None

    def path(self, key: str) -> KeyPath:
        """Return where a key stands, or would stand in this environment."""
        return self.paths.get(key, (*self.prefix, key))


def plugin_sections(plugin_keys: Mapping[str, str]) -> tuple[BindingSection, ...]:
    """Return the sections that plugins add: lists of tables with `binding`, key → kind."""
    return tuple(
        BindingSection(path=(key,), kind=kind, open=True)
        for key, kind in plugin_keys.items()
        if key not in KEYS
    )


def resolve_environment(
    document: ConfigDocument,
    env: str | None,
    sections: Iterable[BindingSection],
    report: Diagnostics,
) -> Environment:
    """Work out what counts in environment `env`; None means the top level.

    Where `env` is not defined that is reported, and the top level counts, its name suffixed, as in
    wrangler. `sections` are those of plugins: their keys are known, too, and not inherited.
    """
    keys = {section.path[0]: KeySpec(type="array", scope="own", default=[]) for section in sections}
    keys |= KEYS
    top = _checked(document, document.data, (), keys, report)
    defined = tuple(top.get("env", {}))
    whole = Environment(
        target=env,
        defined=defined,
        top_level_name=top.get("name"),
        values=top,
        paths={key: (key,) for key in top},
        prefix=(),
        report=report,
    )
    if env is None:
        return whole
    if env not in defined:
        # wrangler suffixes the name all the same.
        _warn_undefined(document, env, defined, report)
        return replace(whole, values=_suffixed(top, env))
    prefix: KeyPath = ("env", env)
    section = report.child(f'"env.{env}" environment configuration')
    table = document.data["env"][env]
    if not check_type(section, f"env.{env}", table, "object", document.position(prefix)):
        table = {}
    own = _checked(
        document, _allowed(document, table, prefix, keys, section), prefix, keys, section
    )
    _warn_not_inherited(document, prefix, top, own, table, keys, section)
    inherited = {key: value for key, value in top.items() if keys[key].scope != "own"}
    values = {**_suffixed(inherited, env), **own}
    return replace(
        whole,
        values=values,
        paths={key: (*prefix, key) if key in own else (key,) for key in values},
        prefix=prefix,
        report=section,
        top=whole,
    )


def _suffixed(values: Mapping[str, Any], env: str) -> Mapping[str, Any]:
    """Return the values with the environment's name at the end of the worker's."""
    return {**values, "name": f"{values['name']}-{env}"} if values.get("name") else values


def _allowed(
    document: ConfigDocument,
    table: Mapping[str, Any],
    prefix: KeyPath,
    keys: Mapping[str, KeySpec],
    report: Diagnostics,
) -> dict[str, Any]:
    """Return an environment's table without keys of the top level; report those."""
    allowed: dict[str, Any] = {}
    for key, value in table.items():
        if key in keys and keys[key].scope == "top_level":
            report.add_warning(
                f'Unexpected fields found in {place_label(prefix)} field: "{key}"\n'
                f'"{key}" can stand at the top level only; here it is ignored.',
                document.position((*prefix, key)),
            )
        else:
            allowed[key] = value
    return allowed


def _checked(
    document: ConfigDocument,
    table: Mapping[str, Any],
    prefix: KeyPath,
    keys: Mapping[str, KeySpec],
    report: Diagnostics,
) -> dict[str, Any]:
    """Return the known keys of a table whose values have the right type; report the others."""
    warn_unknown_fields(document, prefix, table, keys, report)
    checked: dict[str, Any] = {}
    for key, value in table.items():
        path = (*prefix, key)
        if key not in keys or (value is None and key in _ABSENT_IF_NULL):
            continue
        if key in ("account_id", "route") and value == "":
            report.add_warning(
                f'The "{key}" field in your configuration is an empty string and will be ignored.\n'
                f'Please remove the "{key}" field from your configuration.',
                document.position(path),
            )
        elif check_type(report, place_label(path), value, keys[key].type, document.position(path)):
            checked[key] = check_fields(document, key, value, path, report)
    warn_misplaced(document, prefix, report)
    return checked


def _warn_undefined(
    document: ConfigDocument, env: str, defined: tuple[str, ...], report: Diagnostics
) -> None:
    names = (
        f"The available configured environment names are: {json_text(list(defined))}"
        if defined
        else "No environment is configured."
    )
    report.add_warning(
        f'No environment found in configuration with name "{env}".\n'
        f"{names}\n"
        f'The top level is used. To define it, add an "env.{env}" section.',
        document.position(("env",)),
    )


def _warn_not_inherited(
    document: ConfigDocument,
    prefix: KeyPath,
    top: Mapping[str, Any],
    own: Mapping[str, Any],
    table: Mapping[str, Any],
    keys: Mapping[str, KeySpec],
    report: Diagnostics,
) -> None:
    """Report what an environment lacks of the top level's keys that it does not inherit."""
    env = place_label(prefix)
    not_inherited = [key for key in top if keys[key].scope == "own"]
    for key in not_inherited:
        if key not in table:
            report.add_warning(_missing_key_text(key, env), document.position((key,)))
    for section in BINDING_SECTIONS:
        key = section.path[0]
        if key in not_inherited and key in own:
            here = _names(section, own)
            missing = [name for name in _names(section, top) if name not in here]
            if missing:
                place = document.position((*prefix, key))
                report.add_warning(_missing_names_text(key, env, missing), place)


def _missing_key_text(key: str, env: str) -> str:
    return (
        f'"{key}" exists at the top level, but not on "{env}".\n'
        f'This is not what you probably want, since "{key}" is not inherited by environments.\n'
        f'Please add "{key}" to "{env}".'
    )


def _missing_names_text(key: str, env: str, names: Iterable[str]) -> str:
    label = "vars" if key == "vars" else f"{key} bindings"
    return (
        f'The following {label} exist at the top level, but not on "{env}.{key}".\n'
        f'This is probably not what you want, since "{key}" configuration is not inherited by '
        "environments.\n"
        f'Please add them to "{env}.{key}": {", ".join(names)}.'
    )


def _names(section: BindingSection, values: Mapping[str, Any]) -> list[str]:
    """Return the names of a section's bindings, as far as it is well-formed."""
    found: Any = values
    for key in section.path:
        found = found.get(key) if isinstance(found, dict) else None
    if section.shape == "mapping":
        return list(found or ())
    tables = found if isinstance(found, list) else [found]
    names = (table.get(section.name_field) for table in tables if isinstance(table, dict))
    return [name for name in names if isinstance(name, str)]
