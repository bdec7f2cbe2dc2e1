"""What an address or an IP has asked for, as far as it decides on limits."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

__all__ = ["History", "hourly_limit"]

_DAY_S: Final = 86_400
_WEEK_S: Final = 7 * _DAY_S
_MAX_TIMESTAMPS: Final = 1000

_FEW_REQUESTS: Final = 3
_MANY_REQUESTS: Final = 10
_MANY_FROM_IP: Final = 20
_MANY_FAILURES_OF_IP: Final = 10
_MOST: Final = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """Counters over as long as the record lives, and when the latest requests came."""

    requests: int = 0
    failures: int = 0
    successes: int = 0
    last_success: float = 0.0
    day: int = 0
    day_requests: int = 0
    day_failures: int = 0
    timestamps: tuple[int, ...] = ()

    @classmethod
    def read(cls, record: object) -> "History":
        """Take what was stored; anything else is a history in which nothing has happened."""
        if not isinstance(record, Mapping):
            return cls()
        times = record.get("timestamps")
        return cls(
            requests=_count(record, "requests"),
            failures=_count(record, "failures"),
            successes=_count(record, "successes"),
            last_success=_count(record, "lastSuccess"),
            day=_count(record, "day"),
            day_requests=_count(record, "dayRequests"),
            day_failures=_count(record, "dayFailures"),
            timestamps=tuple(t for t in times if isinstance(t, int))
            if isinstance(times, list)
            else (),
        )

    def record(self) -> dict[str, Any]:
        """Return what is stored."""
        return {
            "requests": self.requests,
            "failures": self.failures,
            "successes": self.successes,
            "lastSuccess": int(self.last_success),
            "day": self.day,
            "dayRequests": self.day_requests,
            "dayFailures": self.day_failures,
            "timestamps": list(self.timestamps),
        }

    def with_request(self, now: float) -> "History":
        """Return the history with one more request."""
        today = self.on(now)
        return replace(
            today,
            requests=today.requests + 1,
            day_requests=today.day_requests + 1,
            timestamps=(*today.timestamps[1 - _MAX_TIMESTAMPS :], int(now)),
        )

    def with_failure(self, now: float) -> "History":
        """Return the history with one more wrong code."""
        today = self.on(now)
        return replace(today, failures=today.failures + 1, day_failures=today.day_failures + 1)

    def with_success(self, now: float) -> "History":
        """Return the history with one more sign-in."""
        today = self.on(now)
        return replace(today, successes=today.successes + 1, last_success=now)

    def on(self, now: float) -> "History":
        """Return the history with the counters of the day of `now`, in UTC."""
        day = int(now // _DAY_S)
        return self if day == self.day else replace(self, day=day, day_requests=0, day_failures=0)

    def requests_within_a_day(self, now: float) -> int:
        """Return how many of the latest requests came in the last 24 hours."""
        return sum(1 for time in self.timestamps if time > now - _DAY_S)


def hourly_limit(base: int, email: History, ip: History, now: float) -> int:
    """Return how many codes an address may ask for in an hour: `base`, give or take 2, 1 at least.

    Who rarely asks, and who has signed in lately, may ask more often; who asks much, or fails much,
    less often.
    """
    requests = email.requests_within_a_day(now)
    change = 0
    if requests < _FEW_REQUESTS:
        change += 2
    if requests > _MANY_REQUESTS:
        change -= 1
    if email.failures * 2 > email.requests:
        change -= 2
    if email.last_success and now - email.last_success <= _WEEK_S:
        change += 1
    if ip.requests_within_a_day(now) > _MANY_FROM_IP:
        change -= 1
    if ip.on(now).day_failures > _MANY_FAILURES_OF_IP:
        change -= 1
    return max(1, base + min(_MOST, max(-_MOST, change)))


def _count(record: Mapping[str, Any], name: str) -> int:
    value = record.get(name)
    return value if isinstance(value, int) and value >= 0 else 0
