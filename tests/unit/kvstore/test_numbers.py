import pytest
from hypothesis import given
from hypothesis import strategies as st

from kvstore._numbers import number_text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        # Each as printed by `String(value)` in a JavaScript engine.
        (0, "0"),
        (-7, "-7"),
        (True, "true"),
        (False, "false"),
        (0.0, "0"),
        (-0.0, "0"),
        (5.0, "5"),
        (5.5, "5.5"),
        (-5.25, "-5.25"),
        (100.0, "100"),
        (0.1, "0.1"),
        (0.1 + 0.2, "0.30000000000000004"),
        (1e16, "10000000000000000"),
        (123456789012345680000.0, "123456789012345680000"),
        (1e21, "1e+21"),
        (1.5e300, "1.5e+300"),
        (0.000001, "0.000001"),
        (0.0000015, "0.0000015"),
        (1e-7, "1e-7"),
        (-1.25e-9, "-1.25e-9"),
        (5e-324, "5e-324"),
        (float("nan"), "NaN"),
        (float("inf"), "Infinity"),
        (float("-inf"), "-Infinity"),
    ],
)
def test_numbers_are_written_as_in_javascript(value: float, text: str) -> None:
    assert number_text(value) == text


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_what_is_written_is_the_same_number(value: float) -> None:
    assert float(number_text(value)) == value
