"""`Date`: a point in time in whole milliseconds; local time is UTC, as on Cloudflare."""

import time
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime, parsedate_to_datetime
from typing import Final

from runtime._loader.shims.pyodide_ffi import JsValueError

__all__ = ["Date"]

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND: Final = timedelta(milliseconds=1)


class Date:
    """A point in time, with JavaScript's methods; months count from 0, Sunday is day 0."""

    __slots__ = ("_time",)

    def __init__(self, *parts: object) -> None:
        """Take nothing (now), milliseconds, text, a datetime, a Date, or year, month and so on."""
        try:
            if not parts:
                self._time = _EPOCH + Date.now() * _MILLISECOND
            elif len(parts) == 1:
                self._time = _from_value(parts[0])
            else:
                self._time = _from_parts(*[_number(part) for part in parts])
        except (OverflowError, ValueError):
            # Not a number, infinite, or beyond the years that Python counts.
            raise JsValueError("RangeError", f"Invalid Date: {parts}") from None

    @classmethod
    def new(cls, *parts: object) -> "Date":
        """Make a date of nothing (now), milliseconds, text, a datetime, or year, month, …

        Raises JsException for what is no date.
        """
        return cls(*parts)

    @staticmethod
    def now() -> int:
        """Return the milliseconds since the epoch."""
        return time.time_ns() // 1_000_000

    @staticmethod
    def parse(text: str) -> int:
        """Return the milliseconds since the epoch of a date as text."""
        return Date(text).getTime()

    @staticmethod
    def UTC(*parts: int) -> int:
        """Return the milliseconds since the epoch of year, month and so on."""
        return Date(*(*parts, 0)[: max(2, len(parts))]).getTime()

    def getTime(self) -> int:
        """Return the milliseconds since the epoch."""
        return (self._time - _EPOCH) // _MILLISECOND

    valueOf = getTime
    __int__ = getTime

    def toISOString(self) -> str:
        """Return the date as `2026-01-31T12:00:00.000Z`."""
        return self._time.replace(tzinfo=None).isoformat(timespec="milliseconds") + "Z"

    toJSON = toISOString

    def toUTCString(self) -> str:
        """Return the date as `Sat, 31 Jan 2026 12:00:00 GMT`."""
        return format_datetime(self._time, usegmt=True)

    toString = toUTCString
    __str__ = toUTCString

    def to_py(self) -> datetime:
        """Return the date as an aware datetime."""
        return self._time

    def getFullYear(self) -> int:
        """Return the year."""
        return self._time.year

    def getMonth(self) -> int:
        """Return the month, January as 0."""
        return self._time.month - 1

    def getDate(self) -> int:
        """Return the day of the month."""
        return self._time.day

    def getDay(self) -> int:
        """Return the day of the week, Sunday as 0."""
        return self._time.isoweekday() % 7

    def getHours(self) -> int:
        """Return the hour."""
        return self._time.hour

    def getMinutes(self) -> int:
        """Return the minute."""
        return self._time.minute

    def getSeconds(self) -> int:
        """Return the second."""
        return self._time.second

    def getMilliseconds(self) -> int:
        """Return the millisecond."""
        return self._time.microsecond // 1000

    def getTimezoneOffset(self) -> int:
        """Return 0: local time is UTC."""
        return 0

    getUTCFullYear = getFullYear
    getUTCMonth = getMonth
    getUTCDate = getDate
    getUTCDay = getDay
    getUTCHours = getHours
    getUTCMinutes = getMinutes
    getUTCSeconds = getSeconds
    getUTCMilliseconds = getMilliseconds

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Date) and self._time == other._time

    def __hash__(self) -> int:
        return hash(self._time)

    def __lt__(self, other: "Date") -> bool:
        return self._time < other._time

    def __sub__(self, other: "Date") -> int:
        return self.getTime() - other.getTime()

    def __repr__(self) -> str:
        return f"Date({self.toISOString()!r})"


def _from_value(value: object) -> datetime:
    if isinstance(value, Date):
        return value._time
    if isinstance(value, str):
        return _whole(_from_text(value))
    if isinstance(value, datetime):
        return _whole(value)
    return _EPOCH + _number(value) * _MILLISECOND


def _whole(value: datetime) -> datetime:
    aware = value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)
    return aware.replace(microsecond=aware.microsecond // 1000 * 1000)


def _from_text(text: str) -> datetime:
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return parsedate_to_datetime(text)


def _from_parts(year: int, month: int, day: int = 1, *clock: int) -> datetime:
    hours, minutes, seconds, milliseconds = (*clock, 0, 0, 0, 0)[:4]
    # Overflow carries, as in JavaScript: month 12 is next year's January.
    first = datetime(year + month // 12, month % 12 + 1, 1, tzinfo=UTC)
    return first + timedelta(
        days=day - 1, hours=hours, minutes=minutes, seconds=seconds, milliseconds=milliseconds
    )


def _number(value: object) -> int:
    if isinstance(value, int | float):
        return int(value)
    raise ValueError(value)
