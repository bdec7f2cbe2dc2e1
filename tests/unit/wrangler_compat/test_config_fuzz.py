"""Whatever a config says, reading it gives a config or a report with errors, and never raises."""

import datetime
import json
from pathlib import Path
from typing import Any

import pytest
import tomli_w
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from wrangler_compat import ConfigError, load_config, read_config
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


REAL = [
    (source.suffix, source.read_bytes())
    for source in sorted((Path(__file__).parent / "data" / "settings").iterdir())
    if not source.name.endswith(".expected.json")
]
ODD = [
    *(
        text.encode()
        for text in ("\r\n", "\r", "\ufeff", "\u2028", "\x85", "e\u0301", "\U0010ffff")
    ),
    *(text.encode() for text in "[ ] [[ ]] { } ' ''' , : = . # // /* */ \\ \\n \\u0000".split()),
    *(b'" """ 1e999 nan -inf 0x_ 9999999999999999999 null true {} []'.split()),
    *(b"1979-05-27T07:32:00Z 2025-01-01 07:32:00".split()),
    *(b"[env.x] [vars] name= \\ud800 \\udc00 .. \x00 \x1b \xff \xc3 \xed\xa0\x80 \xef\xbb".split()),
]


@st.composite
def mutated(draw: st.DrawFn) -> tuple[str, bytes]:
    """Return a real config with parts lost, repeated or replaced, and a suffix for it."""
    suffix, content = draw(st.sampled_from(REAL))
    for _ in range(draw(st.integers(1, 6))):
        places = st.integers(0, len(content))
        start, end = sorted((draw(places), draw(places)))
        end = draw(st.sampled_from([start, min(start + 3, end), end]))
        twice = content[start:end] * 2
        new = draw(st.sampled_from([*ODD, b"", twice]) | st.binary(max_size=3))
        content = content[:start] + new + content[end:]
    return draw(st.sampled_from([suffix, suffix, ".toml", ".jsonc"])), content


@given(mutated(), st.sampled_from([None, "staging", "x"]))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_mutation_of_a_real_config_is_read(
    folder: Path, source: tuple[str, bytes], env: str | None
) -> None:
    suffix, content = source
    path = folder / f"wrangler{suffix}"
    path.write_bytes(content)

    check(path, env)


@given(
    st.binary(max_size=40) | st.lists(st.sampled_from(ODD), max_size=12).map(b"".join),
    st.sampled_from(["wrangler.toml", "wrangler.json"]),
)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_bytes_are_read(folder: Path, content: bytes, name: str) -> None:
    path = folder / name
    path.write_bytes(content)

    check(path, None)


@pytest.mark.parametrize("name", ["wrangler.toml", "wrangler.json"])
@pytest.mark.parametrize(
    "content",
    [
        "[" * 100_000,
        "{" * 100_000,
        "a = " + "[" * 100_000,
        "a = " + "[" * 99 + "]" * 99,
        "a = " + "{b = " * 100_000,
        "a." * 100_000 + "b = 1",
        "[" + "a." * 100_000 + "b]",
        "a = {" + "'.'. " * 100_000 + "b = 1}",
        "a = " + "-" * 100_000,
        "a" * 100_000 + "." * 100_000,
        "[[a]]\n" * 10_000,
        "a = [" + "1," * 50_000 + "]",
        "a = " + "9" * 100_000,
        'a = "' + "x" * 1_000_000 + '"',
        "a = '''" + "'" * 100_000,
        "# " + "x" * 1_000_000,
        "\n" * 100_000,
        "".join(f"k{number} = {number}\n" for number in range(2_000)),
        '{"a":' * 100_000,
        '{"a":' * 99 + "1" + "}" * 99,
        "{" + "".join(f'"k{number}": {number},' for number in range(2_000)) + "}",
        "{" + '"a": 1,' * 5_000 + "}",
        "/*" * 100_000,
        "//" * 100_000,
        '{"a": "' + "\\\\" * 100_000,
    ],
    ids=lambda content: f"{content[:12]}…",
)
def test_huge_and_deep_configs_are_read(folder: Path, name: str, content: str) -> None:
    path = folder / name
    path.write_text(content)

    check(path, None)


DOTENV = st.lists(
    st.sampled_from([*ODD, b"export ", b"=", b": ", b"\n", b"`", b"$A", b"${B", b"${A:-", b"\\$"])
    | st.sampled_from([b"A", b"B", b"KV", b"_", b"1", b"A.B", "é".encode()])
    | st.binary(max_size=4),
    max_size=16,
).map(b"".join)


@given(DOTENV, st.sampled_from([".dev.vars", ".env", ".env.local", ".env.x"]), st.booleans())
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_bytes_of_secrets_are_read(
    folder: Path, content: bytes, name: str, declared: bool
) -> None:
    environment: dict[str, Any] = {"kv_namespaces": [{"binding": "KV", "id": "1"}]}
    if declared:
        environment["secrets"] = {"required": ["A"]}
    path = folder / "wrangler.json"
    path.write_text(json.dumps({"name": "w", "main": "entry.py", "env": {"x": environment}}))
    for file in (".dev.vars", ".env", ".env.local", ".env.x"):
        (folder / file).unlink(missing_ok=True)
    (folder / name).write_bytes(content)

    try:
        config, report = load_config(path, env="x", environ={"B": "b"})
    except ConfigError as error:
        assert error.diagnostics.has_errors
    else:
        assert not report.has_errors
        assert all(binding.name for binding in config.bindings)
