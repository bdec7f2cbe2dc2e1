"""The shape of cron expressions; when they are due is for whoever runs them."""

import re

__all__ = ["cron_fault"]

_MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
_DAYS = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")
_FIELDS: tuple[tuple[str, int, int, tuple[str, ...]], ...] = (
    ("minute", 0, 59, ()),
    ("hour", 0, 23, ()),
    ("day of month", 1, 31, ()),
    ("month", 1, 12, _MONTHS),
    ("day of week", 0, 7, _DAYS),
)
_VALUE = r"(?:[0-9]+|[A-Z]{3})"
# Lists of these; L, W and # (last, nearest weekday, n-th of a month) as Cloudflare has them.
_PART = re.compile(
    rf"(?:(?P<range>\*|\?|{_VALUE}(?:-{_VALUE})?)(?:/(?P<step>[0-9]+))?"
    rf"|(?P<single>{_VALUE})(?:L|W|\#[1-5])|L|LW)",
)
_WORD = re.compile(_VALUE)


def cron_fault(cron: str) -> str | None:
    """Return what is wrong with a cron expression, or None; five fields, names are allowed."""
    fields = cron.split()
    if len(fields) != len(_FIELDS):
        return f"it has {len(fields)} field{'s' if len(fields) != 1 else ''} instead of five"
    for text, (name, lowest, highest, names) in zip(fields, _FIELDS, strict=True):
        for part in text.upper().split(","):
            match = _PART.fullmatch(part)
            if match is None or match["step"] == "0":
                return f'"{text}" is no {name}'
            for word in _WORD.findall(match["range"] or match["single"] or ""):
                if word not in names and not (word.isdigit() and lowest <= int(word) <= highest):
                    return f'"{text}" is no {name}, which goes from {lowest} to {highest}'
    return None
