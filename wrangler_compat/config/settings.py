"""Every key of a config as wrangler's own reader normalises it."""

import copy
import datetime
import math
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from wrangler_compat.config.environments import Environment
from wrangler_compat.config.keys import FIELDS, KEYS
from wrangler_compat.config.reader import ConfigDocument

__all__ = ["PYTHON_SUFFIX", "absolute_path", "normalised_settings"]

PYTHON_SUFFIX = ".py"
"""The suffix by which a main file is known to be Python."""

_PYTHON_RULE = {"type": "PythonModule", "globs": ["**/*.py"]}
_FILE_MAPPINGS = ("wasm_modules", "text_blobs", "data_blobs")


def absolute_path(folder: Path, path: str) -> Path:
    """Return a path that a config gives relative to its folder."""
    return Path(os.path.abspath(folder / path))


def normalised_settings(document: ConfigDocument, environment: Environment) -> dict[str, Any]:
    """Return what `wrangler`'s reader returns for the same file and environment.

    Keys without a value are left out, as in its JSON. Files that its commands hand on stand
    relative to the current folder, the others are absolute.
    """
    folder = document.path.parent
    values = environment.values
    settings: dict[str, Any] = {
        key: copy.deepcopy(spec.default) for key, spec in KEYS.items() if spec.default is not None
    }
    settings |= _plain({k: v for k, v in values.items() if k not in ("$schema", "env")})
    settings["build"] = _build(folder, settings["build"])
    settings["dev"] = _dev(settings["dev"])
    settings["durable_objects"] = {"bindings": [], **settings["durable_objects"]}
    settings["configPath"] = settings["userConfigPath"] = str(document.path)
    settings["definedEnvironments"] = list(environment.defined)
    if environment.top_level_name is not None:
        settings["topLevelName"] = environment.top_level_name
    if environment.target is not None:
        settings["targetEnvironment"] = environment.target
    for key in ("main", "base_dir", "pages_build_output_dir"):
        if key in values:
            settings[key] = str(absolute_path(folder, values[key]))
    if "tsconfig" in values:
        settings["tsconfig"] = _relative_path(folder, values["tsconfig"])
    for key in _FILE_MAPPINGS:
        if key in values:
            settings[key] = {
                name: _relative_path(folder, str(path)) for name, path in values[key].items()
            }
    if str(values.get("main", "")).endswith(PYTHON_SUFFIX):
        _apply_python(settings)
    return settings


def _build(folder: Path, given: Mapping[str, Any]) -> dict[str, Any]:
    build = {**KEYS["build"].default, **_known("build", given)}
    if build.get("command"):
        watched = build["watch_dir"]
        build["watch_dir"] = (
            _relative_path(folder, watched)
            if isinstance(watched, str)
            else [_relative_path(folder, path) for path in watched]
        )
    return build


def _dev(given: Mapping[str, Any]) -> dict[str, Any]:
    dev = {**KEYS["dev"].default, **_known("dev", given)}
    dev["upstream_protocol"] = given.get("upstream_protocol", dev["local_protocol"])
    return dev


def _known(key: str, given: Mapping[str, Any]) -> dict[str, Any]:
    """Return a table without the fields that wrangler does not know and drops."""
    return {field: value for field, value in given.items() if field in FIELDS[key]}


def _apply_python(settings: dict[str, Any]) -> None:
    """wrangler bundles no Python, and takes every module below main's folder."""
    settings["no_bundle"] = True
    if not any(rule.get("type") == _PYTHON_RULE["type"] for rule in settings["rules"]):
        settings["rules"] = [*settings["rules"], copy.deepcopy(_PYTHON_RULE)]


def _relative_path(folder: Path, path: str) -> str:
    return os.path.relpath(absolute_path(folder, path))


def _plain(value: Any) -> Any:
    """Return a copy that JSON has: dates become texts, infinite numbers null as in JavaScript."""
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value.isoformat() if isinstance(value, datetime.date | datetime.time) else value
