"""Points in time as texts."""

from datetime import datetime

__all__ = ["iso_time"]


def iso_time(time: datetime) -> str:
    """Return a time in UTC as `2026-01-31T23:59:59.999Z`."""
    return f"{time.replace(tzinfo=None).isoformat(timespec='milliseconds')}Z"
