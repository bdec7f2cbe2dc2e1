import tomllib
from typing import Any

import pytest
import tomli_w
from hypothesis import given
from hypothesis import strategies as st

from wrangler_compat.config.toml import parse_toml
from wrangler_compat.diagnostics import KeyPath
from wrangler_compat.source import MAX_DEPTH, SourceText, TextError

TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\r"), max_size=12)
SCALARS = (
    st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False)
    | st.datetimes()
    | st.dates()
    | TEXTS
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4),
    max_leaves=20,
)
SEVERAL_LINES = '''\
a . "b.c" = 1 # a = [
'd' = """
[not.a.table]
quoted \\""" and ""\\"
"""
e = \'\'\'
f = 1
""\'\'\'
list = [ # [
  1, "]", # ]
  { x = 1, y.z = [[2], []] },
]

[t] # }
u = { }
[t."v]"]
[[t.w]]
x = 1979-05-27 07:32:00
[[t.w]]
[t.w.y]
[[t.w.z]]
k = inf
'''


def parse(text: str) -> tuple[dict[str, Any], dict[KeyPath, int]]:
    return parse_toml(SourceText("w.toml", text))[:2]


def fault(text: str) -> tuple[str, int]:
    with pytest.raises(TextError) as caught:
        parse(text)
    return caught.value.text, caught.value.offset


def key_paths(value: object, path: KeyPath = ()) -> set[KeyPath]:
    """Return the way to every key and every item of a list."""
    items: list[tuple[str | int, object]] = []
    if isinstance(value, dict):
        items = list(value.items())
    elif isinstance(value, list):
        items = list(enumerate(value))
    paths = {(*path, key) for key, _ in items}
    return paths.union(*(key_paths(item, (*path, key)) for key, item in items))


@given(st.dictionaries(TEXTS, VALUES, max_size=5), st.booleans())
def test_any_value_survives_and_each_of_its_keys_has_a_place(
    value: dict[str, Any], multiline: bool
) -> None:
    text = tomli_w.dumps(value, multiline_strings=multiline)

    data, offsets = parse(text)

    assert data == value == tomllib.loads(text)
    assert set(offsets) == key_paths(value)


@given(st.text())
def test_no_text_raises_anything_but_its_own_error(text: str) -> None:
    for whole in (text, f"a = {text}", f"[{text}]\nb = [{text}]"):
        source = SourceText("w.toml", whole)
        try:
            parse_toml(source)
        except TextError as error:
            assert 0 <= error.offset <= len(source.text)


def test_place_of_a_key_is_where_it_is_written() -> None:
    data, offsets = parse(SEVERAL_LINES)

    assert set(offsets) == key_paths(data)
    starts = {path: SEVERAL_LINES[offset : offset + 5] for path, offset in offsets.items()}
    assert starts[("a",)] == 'a . "'
    assert starts[("a", "b.c")] == '"b.c"'
    assert starts[("d",)] == "'d' ="
    assert starts[("e",)] == "e = '"
    assert starts[("list", 1)] == '"]", '
    assert starts[("list", 2, "y", "z")] == "z = ["
    assert starts[("list", 2, "y", "z", 0, 0)] == "2], ["
    assert starts[("t", "v]")] == '"v]"]'
    assert starts[("t", "w", 0, "x")] == "x = 1"
    assert starts[("t", "w", 1)] == "w]]\n["
    assert starts[("t", "w", 1, "z", 0, "k")] == "k = i"


@pytest.mark.parametrize(
    ("text", "offset"),
    [
        ("a = ", 4),
        ("a = 1\nb = [1,\n", 14),
        ("a = 1\r\nb = 2 x", 12),
        ("a = 1\na = 2", 11),
        ("a = {b = 1\n", 10),
        ("[a]\n[a]\n", 6),
        ("a = 1999-02-29", 4),
        ('ä = "é"', 0),
    ],
)
def test_syntax_error_is_that_of_tomllib_with_its_place(text: str, offset: int) -> None:
    with pytest.raises(tomllib.TOMLDecodeError) as caught:
        tomllib.loads(text)
    expected = str(caught.value).partition(" (at ")[0]

    assert fault(text) == (f"Invalid TOML: {expected}.", offset)


def test_number_that_is_too_long_is_refused() -> None:
    assert fault("a = 1\nb = " + "1" * 5000) == ("Invalid TOML: this number is too long.", 10)


@pytest.mark.parametrize(
    ("text", "offset"),
    [
        ("a = " + "[" * 100_000, 4 + MAX_DEPTH),
        ("a = " + "{b=" * 100_000, 4 + 3 * MAX_DEPTH),
        (".".join("a" * 1_000) + " = 1", 2 * MAX_DEPTH),
        ("[" + ".".join("a" * 1_000) + "]", 1 + 2 * MAX_DEPTH),
        ("'a' . " + '"a" . ' * 1_000 + "a = 1", 6 * MAX_DEPTH),
        (
            "[" + ".".join("a" * 60) + "]\n" + ".".join("a" * 60) + " = 1",
            122 + 2 * (MAX_DEPTH - 60),
        ),
    ],
    ids=["lists", "tables", "dotted key", "header", "quoted keys", "header and key"],
)
def test_deep_nesting_is_refused_where_it_is_too_deep(text: str, offset: int) -> None:
    assert fault(text) == (f"Values are nested more than {MAX_DEPTH} levels deep.", offset)


def test_brackets_beside_and_in_texts_and_comments_nest_nothing() -> None:
    line = 'a{0} = ["[[[{{{{{{", \'[[\', {{ b = """[[""" }}] # [[[[{{{{{{{{\n'

    data, _ = parse("".join(line.format(number) for number in range(2 * MAX_DEPTH)))

    assert len(data) == 2 * MAX_DEPTH
