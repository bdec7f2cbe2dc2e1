"""Where each value of a worker's configuration comes from."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from wrangler_compat.config.model import Binding, WorkerConfig
from wrangler_compat.config.secrecy import looks_like_secret
from wrangler_compat.config.settings import PYTHON_SUFFIX
from wrangler_compat.config.values import leaves
from wrangler_compat.diagnostics import KeyPath, Position

__all__ = ["ExplainedSecret", "ExplainedValue", "Origin", "explain_secrets", "explain_settings"]

Origin = Literal["top level", "environment", "inherited", "default", "derived"]
"""Who says a value.

`top level` and `environment` are the tables that were asked for, `inherited` is the top level in
their place; nobody says a `default`, and a `derived` value is made of others.
"""

# Keys that no file sets: what each is, and the key that it is made of.
_DERIVED: Mapping[str, tuple[str, str]] = {
    "configPath": ("the file that was read", ""),
    "userConfigPath": ("the file that was read", ""),
    "definedEnvironments": ("the environments in the file", "env"),
    "targetEnvironment": ("the environment that was asked for", ""),
    "topLevelName": ("the name without an environment", "name"),
}
_OF_PYTHON = "because main is Python"


@dataclass(frozen=True, slots=True, kw_only=True)
class ExplainedValue:
    """One value of `settings`, and where it comes from.

    `position` is None for what stands in no file; `reason` says in words why a value is not what
    stands there, or where it is from. `value` is None where it is `hidden`: it looks like a secret,
    or a local one stands in its place, which `replaced_by` names.
    """

    path: KeyPath
    value: Any
    origin: Origin
    position: Position | None = None
    reason: str | None = None
    hidden: bool = False
    replaced_by: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ExplainedSecret:
    """One variable that stands in no config, and its source; None where it is missing."""

    name: str
    source: str | None
    position: Position | None = None


def explain_settings(config: WorkerConfig) -> list[ExplainedValue]:
    """Return every value of `config.settings`, those within tables and lists too, in its order."""
    replaced = {binding.name: binding.source for binding in _local_bindings(config)}
    explained = []
    for path, value in leaves(config.settings):
        origin, position, reason = _origin(config, path)
        variable = path[:1] == ("vars",) and len(path) > 1
        replaced_by = replaced.get(str(path[1])) if variable else None
        hidden = replaced_by is not None or looks_like_secret(str(path[-1]), value)
        explained.append(
            ExplainedValue(
                path=path,
                value=None if hidden else value,
                origin=origin,
                position=position,
                reason=reason,
                hidden=hidden,
                replaced_by=replaced_by,
            )
        )
    return explained


def explain_secrets(config: WorkerConfig) -> list[ExplainedSecret]:
    """Return the local secrets that were read, then the declared ones that nothing defines."""
    found = [
        ExplainedSecret(name=binding.name, source=binding.source, position=binding.position)
        for binding in _local_bindings(config)
    ]
    known = {secret.name for secret in found}
    missing = [name for name in config.required_secrets or () if name not in known]
    return found + [ExplainedSecret(name=name, source=None) for name in dict.fromkeys(missing)]


def _local_bindings(config: WorkerConfig) -> Iterator[Binding]:
    return (binding for binding in config.bindings if binding.source is not None)


def _origin(config: WorkerConfig, path: KeyPath) -> tuple[Origin, Position | None, str | None]:
    key = str(path[0])
    if key in _DERIVED:
        reason, source = _DERIVED[key]
        return "derived", config.positions.get((source,)), reason
    is_python = config.main.suffix == PYTHON_SUFFIX
    if key == "no_bundle" and is_python:
        return "derived", None, _OF_PYTHON
    place = (*config.origins.get(key, ()), *path[1:])
    position = config.positions.get(place)
    if key not in config.origins or position is None:
        if key == "rules" and is_python:
            return "derived", None, _OF_PYTHON
        return "default", None, None
    if place[0] == "env":
        return "environment", position, None
    is_suffixed = key == "name" and config.name != config.top_level_name
    inherited = config.target_environment in config.defined_environments
    return (
        "inherited" if inherited else "top level",
        position,
        "with the environment's name added" if is_suffixed else None,
    )
