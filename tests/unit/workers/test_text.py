from enum import IntEnum, StrEnum
from http import HTTPMethod

import pytest

from workers._text import decode_text, encode_text, to_text


class Word(StrEnum):
    RED = "red"


class Size(IntEnum):
    BIG = 3


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("a", "a"),
        (HTTPMethod.GET, "GET"),
        (Word.RED, "red"),
        (True, "true"),
        (False, "false"),
        (5, "5"),
        (-(2**60), "-1152921504606846976"),
        (Size.BIG, "3"),
        (5.0, "5"),
        (-0.0, "0"),
        (5.5, "5.5"),
        (1e16, "10000000000000000"),
        (1.5e20, "150000000000000000000"),
        (1e21, "1e+21"),
        (-1.5e300, "-1.5e+300"),
        (0.0001, "0.0001"),
        (0.00001, "0.00001"),
        (-1.5e-6, "-0.0000015"),
        (1.5e-7, "1.5e-7"),
        (float("nan"), "NaN"),
        (float("inf"), "Infinity"),
        (float("-inf"), "-Infinity"),
    ],
)
def test_numbers_are_written_as_javascript_prints_them(value: object, text: str) -> None:
    assert to_text(value) == text
    assert type(to_text(value)) is str


@pytest.mark.parametrize("value", [None, b"x", [], 1j])
def test_other_values_have_no_text(value: object) -> None:
    assert to_text(value) is None


def test_text_is_utf8_and_never_an_error() -> None:
    assert encode_text("é") == b"\xc3\xa9"
    assert encode_text("a\ud83d") == b"a\xef\xbf\xbd"
    assert encode_text("\ud83d\ude00") == "\U0001f600".encode()
    assert decode_text(b"\xef\xbb\xbfa\xff") == "a\ufffd"
