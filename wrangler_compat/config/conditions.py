"""Rules about the keys of one environment that types alone do not say."""

import datetime
import re
from collections.abc import Mapping
from typing import Any

from wrangler_compat.config.environments import Environment
from wrangler_compat.config.fields import check_type, json_text, place_label
from wrangler_compat.config.reader import ConfigDocument
from wrangler_compat.config.settings import PYTHON_SUFFIX

__all__ = ["check_conditions"]

_DATE = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_PYTHON_FLAG = "python_workers"
_TARGETS = ("region", "host", "hostname")
_PLACING = ("mode", "hint", *_TARGETS)
_OBSERVERS = ("logs", "traces", "issues")


def check_conditions(
    document: ConfigDocument, environment: Environment, today: datetime.date
) -> None:
    """Report values that have the right type and still cannot be meant."""
    _check_date(document, environment, today)
    _check_python_flag(document, environment)
    _check_legacy_env(document, environment)
    _check_define(document, environment)
    _check_placement(document, environment)
    _check_observability(document, environment)


def _check_date(document: ConfigDocument, environment: Environment, today: datetime.date) -> None:
    text = environment.values.get("compatibility_date")
    if text is None:
        return
    position = document.position(environment.path("compatibility_date"))
    day = _day(text)
    if day is None:
        environment.report.add_error(
            '"compatibility_date" field should be a valid ISO-8601 date (YYYY-MM-DD), '
            f"but got {json_text(text)}.",
            position,
        )
    elif day > today:
        environment.report.add_warning(
            f'The compatibility_date "{text}" lies in the future: today is {today}.', position
        )


def _day(text: str) -> datetime.date | None:
    if _DATE.fullmatch(text) is None:
        return None
    try:
        return datetime.date.fromisoformat(text)
    except ValueError:
        return None


def _check_python_flag(document: ConfigDocument, environment: Environment) -> None:
    is_python = str(environment.values.get("main", "")).endswith(PYTHON_SUFFIX)
    if is_python and _PYTHON_FLAG not in environment.values.get("compatibility_flags", ()):
        # An environment that inherits main misses what the top level misses.
        beside_main = (*environment.path("main")[:-1], "compatibility_flags")
        environment.report.add_warning(
            f"The `{_PYTHON_FLAG}` compatibility flag is required to use Python: without it a "
            "deploy by wrangler fails. Add it to compatibility_flags.",
            document.position(environment.paths.get("compatibility_flags", beside_main)),
        )


def _check_legacy_env(document: ConfigDocument, environment: Environment) -> None:
    if environment.values.get("legacy_env") is False:
        environment.report.add_warning(
            'Service environments ("legacy_env = false") are no more: each environment is a worker '
            'of its own, called by name and environment. Remove "legacy_env".',
            document.position(environment.path("legacy_env")),
        )


def _check_define(document: ConfigDocument, environment: Environment) -> None:
    for name, value in environment.values.get("define", {}).items():
        path = (*environment.path("define"), name)
        check_type(environment.report, place_label(path), value, "string", document.position(path))


def _check_placement(document: ConfigDocument, environment: Environment) -> None:
    placement = environment.values.get("placement")
    if placement is None:
        return
    path = environment.path("placement")
    if any((*path, field) in document.offsets and field not in placement for field in _PLACING):
        return  # One of a wrong type is reported already.
    fault = _placement_fault(place_label(path), placement)
    if fault is not None:
        environment.report.add_error(fault, document.position(path))


def _placement_fault(label: str, placement: Mapping[str, Any]) -> str | None:
    """Return what does not go together: a mode with a hint, or one target, alone or "targeted"."""
    mode = placement.get("mode")
    targets = [field for field in _TARGETS if field in placement]
    if "hint" in placement and targets:
        return (
            f'"{label}" cannot have both "hint" (smart format) and "region"/"host"/"hostname" '
            "(targeted format) fields."
        )
    if len(targets) > 1:
        names = ", ".join(json_text(field) for field in targets)
        return f'"{label}" fields {names} are mutually exclusive. Only one can be specified.'
    if targets:
        if not placement[targets[0]]:
            return f'"{label}.{targets[0]}" must be a non-empty string.'
        if mode not in (None, "targeted"):
            allowed = json_text(["targeted"])
            return f'Expected "{label}.mode" field to be one of {allowed} but got "{mode}".'
    elif mode is None:
        return f'"{label}.mode" is a required field.'
    elif mode == "targeted":
        names = " or ".join(json_text(f"{label}.{field}") for field in _TARGETS)
        return f"{names} is required."
    elif placement.get("hint") and mode != "smart":
        return f'"{label}.hint" can only be set when "{label}.mode" is "smart".'
    return None


def _check_observability(document: ConfigDocument, environment: Environment) -> None:
    given = environment.values.get("observability")
    if given is None:
        return
    path = environment.path("observability")
    tables = {path: given} | {(*path, part): given.get(part, {}) for part in _OBSERVERS}
    # One that is there, but of a wrong type, is reported already.
    if not any((*place, "enabled") in document.offsets for place in tables):
        names = [json_text(f"{place_label(place)}.enabled") for place in tables]
        environment.report.add_error(f"{' or '.join(names)} is required.", document.position(path))
    for place, table in tables.items():
        if not 0 <= table.get("head_sampling_rate", 1) <= 1:
            rate = (*place, "head_sampling_rate")
            environment.report.add_error(
                f'"{place_label(rate)}" must be a value between 0 and 1.', document.position(rate)
            )
