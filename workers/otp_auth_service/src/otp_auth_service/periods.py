"""Periods of days that an administrator asks for."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

from otp_auth_service.refusals import Refusal

__all__ = ["LONGEST_PERIOD_DAYS", "Period", "read_period"]

LONGEST_PERIOD_DAYS: Final = 93
"""For so many days can be asked at once: a quarter of a year, whichever."""

_USUAL_DAYS: Final = 30
_DATE: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Period:
    """Days in UTC, both ends included."""

    start: date
    end: date

    def as_json(self) -> dict[str, str]:
        """Return it as answers have it."""
        return {"start": self.start.isoformat(), "end": self.end.isoformat()}


def read_period(query: Mapping[str, str], today: date) -> Period:
    """Return the period from `startDate` to `endDate`: by default 30 days up to today.

    Raises Refusal 400 for what is no date, or no period, or too long a one.
    """
    end = _date(query, "endDate") or today
    start = _date(query, "startDate") or _before(end, _USUAL_DAYS - 1)
    if start > end:
        raise Refusal(400, f"startDate {start} is after endDate {end}")
    days = (end - start).days + 1
    if days > LONGEST_PERIOD_DAYS:
        raise Refusal(400, f"A period has up to {LONGEST_PERIOD_DAYS} days, not {days}")
    return Period(start=start, end=end)


def _date(query: Mapping[str, str], name: str) -> date | None:
    text = query.get(name)
    if not text:
        return None
    try:
        # The pattern, since Python takes other forms of ISO 8601 too.
        if _DATE.fullmatch(text):
            return date.fromisoformat(text)
    except ValueError:
        pass
    raise Refusal(400, f"{name} must be a date such as 2026-01-31")


def _before(day: date, days: int) -> date:
    return day - min(timedelta(days=days), day - date.min)
