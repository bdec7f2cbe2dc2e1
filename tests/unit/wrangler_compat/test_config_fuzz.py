"""Whatever a config says, reading it gives a config or a report with errors, and never raises."""

import datetime
import json
from pathlib import Path
from typing import Any

import pytest
import tomli_w
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from wrangler_compat import read_config
from wrangler_compat.config.keys import FIELDS, KEYS
from wrangler_compat.config.sections import BINDING_SECTIONS

WORDS = sorted(
    {name for fields in FIELDS.values() for name in fields}
    | {name for section in BINDING_SECTIONS for name in (*section.required, *section.optional)}
    | {"binding", "name", "id", "pattern", "zone_name", "custom_domain", "x"}
)
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=5) | st.sampled_from(
    ["x", "src/entry.py", "* * * * *", "example.com/*", "2025-01-01", "python_workers", "Text"]
)
SCALARS = st.booleans() | st.integers(-5, 70_000) | st.floats() | TEXTS
PLAIN = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(WORDS), inner, max_size=4)
    ),
    max_leaves=8,
)
TABLES = st.dictionaries(st.sampled_from(sorted(KEYS.keys() - {"env"})), PLAIN, max_size=6)
MORE = st.dictionaries(TEXTS, PLAIN, max_size=1)


@st.composite
def configs(draw: st.DrawFn) -> dict[str, Any]:
    """Return a config whose keys are mostly known and whose values are mostly wrong."""
    start = {"name": "w", "main": "entry.py"} if draw(st.booleans()) else {}
    environments = draw(
        st.just({})
        | st.fixed_dictionaries({"env": PLAIN})
        | st.fixed_dictionaries({"env": st.fixed_dictionaries({"x": TABLES | PLAIN})})
    )
    return {**start, **draw(TABLES), **draw(MORE), **environments}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "entry.py").touch()
    return tmp_path


def check(path: Path, env: str | None) -> None:
    config, report = read_config(path, env=env, today=datetime.date(2025, 6, 1))

    assert (config is None) == report.has_errors
    assert report.render() == str(report)
    for message in [*report.errors, *report.warnings]:
        assert message.position is None or message.position.file.endswith(path.name)
    if config is not None:
        json.dumps(config.settings)
        assert all(config.positions[path] for path in config.origins.values())


@given(configs(), st.sampled_from([None, "x", "y"]))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_json_is_read(folder: Path, config: dict[str, Any], env: str | None) -> None:
    path = folder / "wrangler.json"
    path.write_text(json.dumps(config).replace("NaN", "null").replace("Infinity", "1e999"))

    check(path, env)


@given(configs(), st.sampled_from([None, "x", "y"]))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_toml_is_read(folder: Path, config: dict[str, Any], env: str | None) -> None:
    path = folder / "wrangler.toml"
    path.write_text(tomli_w.dumps(config))

    check(path, env)


@given(st.binary(max_size=40), st.sampled_from(["wrangler.toml", "wrangler.json"]))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_bytes_are_read(folder: Path, content: bytes, name: str) -> None:
    path = folder / name
    path.write_bytes(content)

    check(path, None)
