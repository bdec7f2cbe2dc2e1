"""The events that a worker handles, and what a handler gets as its first argument."""

from dataclasses import dataclass

__all__ = ["EVENT_HANDLERS", "ScheduledController"]

EVENT_HANDLERS = frozenset({"email", "fetch", "queue", "scheduled", "tail", "test"})


@dataclass(frozen=True, slots=True, kw_only=True)
class ScheduledController:
    """What a `scheduled` handler gets; `scheduledTime` is in milliseconds since the epoch."""

    scheduledTime: int
    cron: str = ""
    type: str = "scheduled"

    def noRetry(self) -> None:
        """Do nothing: a scheduled run is never retried here."""
