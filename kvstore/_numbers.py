"""Numbers as JavaScript writes them (ECMAScript, Number::toString)."""

import math
from decimal import Decimal

__all__ = ["number_text"]

_MOST_DIGITS = 21
_LEAST_EXPONENT = -6


def number_text(value: float) -> str:
    """Return a number or a bool as JavaScript prints it: `5`, `5.5`, `1e+21`, `true`."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(int(value))
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "Infinity" if value > 0 else "-Infinity"
    if value == 0:
        return "0"
    # The shortest digits that give this number again, which is what both languages print.
    sign, digits, exponent = Decimal(repr(float(value))).normalize().as_tuple()
    text = "".join(map(str, digits))
    # Where the point stands, counted from the first digit.
    point = len(text) + int(exponent)
    if _LEAST_EXPONENT < point <= _MOST_DIGITS:
        shown = _plain(text, point)
    else:
        fraction = f".{text[1:]}" if len(text) > 1 else ""
        shown = f"{text[0]}{fraction}e{point - 1:+d}"
    return f"-{shown}" if sign else shown


def _plain(digits: str, point: int) -> str:
    if point <= 0:
        return f"0.{'0' * -point}{digits}"
    if point >= len(digits):
        return digits + "0" * (point - len(digits))
    return f"{digits[:point]}.{digits[point:]}"
