"""Times as the service's clients read them."""

from datetime import UTC, date, datetime

import identity

__all__ = ["day_of", "iso_time"]


def iso_time(seconds: float) -> str:
    """Return a time, in seconds since the epoch, as `2026-01-31T12:00:00.000Z`."""
    return identity.iso_time(datetime.fromtimestamp(seconds, UTC))


def day_of(seconds: float) -> date:
    """Return the day of a time in UTC."""
    return datetime.fromtimestamp(seconds, UTC).date()
