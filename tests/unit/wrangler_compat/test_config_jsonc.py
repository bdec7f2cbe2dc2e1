import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wrangler_compat import Diagnostics
from wrangler_compat.config.jsonc import parse_jsonc
from wrangler_compat.source import MAX_DEPTH, SourceText, TextError

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | TEXTS
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4),
    max_leaves=20,
)
GAPS = st.sampled_from(["", " ", "\n", "\t", "// one\n", "/* two */", " /*\n*/ // [{\"'\n", "//\n"])


def parse(text: str, report: Diagnostics | None = None) -> dict[str, Any]:
    return parse_jsonc(SourceText("w.json", text), report or Diagnostics())[0]


def fault(text: str) -> tuple[str, int]:
    with pytest.raises(TextError) as caught:
        parse(text)
    return caught.value.text, caught.value.offset


def written(draw: st.DrawFn, value: object) -> str:
    """Write a value as JSON with gaps wherever one may stand, and with trailing commas."""

    def gap() -> str:
        return draw(GAPS)

    if isinstance(value, dict):
        items = [f"{json.dumps(k)}{gap()}:{written(draw, v)}" for k, v in value.items()]
        left, right = "{", "}"
    elif isinstance(value, list):
        items = [written(draw, item) for item in value]
        left, right = "[", "]"
    else:
        return gap() + json.dumps(value, ensure_ascii=draw(st.booleans())) + gap()
    comma = "," if items and draw(st.booleans()) else ""
    body = ",".join(gap() + item for item in items)
    return gap() + left + body + comma + gap() + right + gap()


@given(st.data(), st.dictionaries(TEXTS, VALUES, max_size=4))
def test_any_value_survives_comments_and_trailing_commas(
    data: st.DataObject, value: dict[str, Any]
) -> None:
    report = Diagnostics()

    result = parse(written(data.draw, value), report)

    assert result == value
    assert json.dumps(result) == json.dumps(value)  # 1 is not 1.0, and the order is kept
    assert str(report) == ""


@given(st.text())
def test_no_text_raises_anything_but_its_own_error(text: str) -> None:
    for whole in (text, "{" + text + "}", '{"a": ' + text):
        source = SourceText("w.json", whole)
        try:
            parse_jsonc(source, Diagnostics())
        except TextError as error:
            assert 0 <= error.offset <= len(source.text)


@pytest.mark.parametrize(
    ("text", "message", "offset"),
    [
        ("", 'Invalid JSON: expected "{" but found the end of the file.', 0),
        ("[]", "Invalid JSON: expected \"{\" but found '['.", 0),
        ("{", 'Invalid JSON: expected a key in double quotes or "}" but found the end of the file.',
         1),
        ("{} x", "Invalid JSON: expected the end of the file but found 'x'.", 3),
        ("{a: 1}", "Invalid JSON: expected a key in double quotes or \"}\" but found 'a'.", 1),
        ("{'a': 1}", 'Invalid JSON: expected a key in double quotes or "}" but found "\'".', 1),
        ('{"a" 1}', "Invalid JSON: expected \":\" but found '1'.", 5),
        ('{"a": }', "Invalid JSON: expected a value but found '}'.", 6),
        ('{"a": nul}', "Invalid JSON: expected a value but found 'n'.", 6),
        ('{"a": NaN}', "Invalid JSON: expected a value but found 'N'.", 6),
        ('{"a": -}', "Invalid JSON: expected a number but found '-'.", 6),
        ('{"a": 01}', "Invalid JSON: expected \",\" or \"}\" but found '1'.", 7),
        ('{"a": 1 "b": 2}', 'Invalid JSON: expected "," or "}" but found \'"\'.', 8),
        ('{"a": [1 2]}', "Invalid JSON: expected \",\" or \"]\" but found '2'.", 9),
        ('{"a": [,]}', "Invalid JSON: expected a value but found ','.", 7),
        ('{"a": 1,, }', "Invalid JSON: expected a key in double quotes or \"}\" but found ','.", 8),
        ('{"a": "x\n"}', "Invalid JSON: this text has no closing quote.", 6),
        ('{"a": "\\x"}', "Invalid JSON: unknown escape.", 7),
        ('{"a": "\\ud800"}', "Invalid JSON: half of a surrogate pair.", 6),
        ('{"a": 1} /* b', "Invalid JSON: this comment is never closed.", 9),
        ('{"a": ' + "1" * 5000 + "}", "Invalid JSON: this number is too long.", 6),
    ],
)  # fmt: skip
def test_syntax_error_says_what_is_expected_and_where(text: str, message: str, offset: int) -> None:
    assert fault(text) == (message, offset)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("true", True),
        ("-0", 0),
        ("1e3", 1000.0),
        ("-1.5E-2", -0.015),
        ('"\\u00e9\\n\\/\\""', 'é\n/"'),
        ('"\\ud83d\\ude00"', "😀"),
        ('"// no /* comment */"', "// no /* comment */"),
        ("[]", []),
        ("{ }", {}),
    ],
)
def test_value_is_that_of_json(text: str, value: object) -> None:
    assert parse('{"a": ' + text + "}") == {"a": value}


def test_deep_nesting_is_refused_where_it_is_too_deep() -> None:
    allowed = '{"a":' + "[" * (MAX_DEPTH - 1) + "]" * (MAX_DEPTH - 1) + "}"
    beyond = '{"a":' + "[" * 100_000

    parse(allowed)

    assert fault(beyond) == (
        f"Values are nested more than {MAX_DEPTH} levels deep.", 5 + MAX_DEPTH
    )  # fmt: skip


def test_key_set_twice_is_a_warning_that_names_both_places() -> None:
    report = Diagnostics()

    data = parse('{\n"a": 1,\n"b": {"a": 2},\n  "a": 3\n}', report)

    assert data == {"a": 3, "b": {"a": 2}}
    assert [str(message) for message in report.warnings] == [
        '"a" is set twice in one object; this one wins over the one at w.json:2:1. (w.json:4:3)'
    ]
