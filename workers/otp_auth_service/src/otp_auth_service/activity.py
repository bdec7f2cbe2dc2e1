"""What goes on in a tenant: counters of each day, an audit log, and errors."""

from collections.abc import AsyncIterator, Callable, Mapping
from datetime import date, timedelta
from typing import Any, Final

from otp_auth_service.keys import (
    AUDIT_TTL_S,
    ERRORS_TTL_S,
    USAGE_TTL_S,
    audit_key,
    errors_key,
    usage_key,
)
from otp_auth_service.plans import Plan
from otp_auth_service.store import Store
from otp_auth_service.times import day_of, iso_time
from workerkit import KeyedLocks, Problem

__all__ = ["Activity", "COUNTERS", "Counters", "NOBODY"]

NOBODY: Final = "default"
"""Stands for the tenant where no API key named one."""

COUNTERS: Final = (
    "otpRequests",
    "otpVerifications",
    "successfulLogins",
    "failedAttempts",
    "emailsSent",
)
"""What is counted of each day."""

Counters = dict[str, int]

_MAX_EVENTS: Final = 1000
_MAX_ERRORS: Final = 500
_RETRY_AFTER_S: Final = 3600
_DAY_S: Final = 86_400
_DAYS_AT_ONCE: Final = 31


class Activity:
    """The activity of one tenant; nothing in it names a code, a token or a key."""

    def __init__(
        self,
        store: Store,
        locks: KeyedLocks,
        customer_id: str | None,
        *,
        clock: Callable[[], float],
    ) -> None:
        """`locks` are those of the whole worker."""
        self._store = store
        self._locks = locks
        self._id = NOBODY if customer_id is None else customer_id
        self._clock = clock

    async def count(self, *names: str) -> None:
        """Add one to each of today's counters that is named."""
        key = usage_key(self._id, self._today())
        async with self._locks.hold(key):
            counters = _counters(await self._store.get(key))
            for name in names:
                counters[name] += 1
            await self._store.put(key, counters, ttl_s=USAGE_TTL_S)

    async def admit_code(self, plan: Plan) -> tuple[int, int]:
        """Count a request for a code against the tenant's quota; return what is left of it.

        The first number is that of the day, the second that of the month. Raises Problem 429 where
        nothing is left.
        """
        key = usage_key(self._id, self._today())
        async with self._locks.hold(key):
            daily, monthly = await self.code_requests()
            left = (plan.tenant_per_day - daily, plan.tenant_per_month - monthly)
            if min(left) <= 0:
                raise _over_quota(plan, daily, monthly)
            counters = _counters(await self._store.get(key))
            counters["otpRequests"] += 1
            await self._store.put(key, counters, ttl_s=USAGE_TTL_S)
        return left[0] - 1, left[1] - 1

    async def code_requests(self) -> tuple[int, int]:
        """Return how many codes were asked for today, and in this month."""
        today = self._today()
        days = await self.days(today.replace(day=1), today)
        counts = [counters["otpRequests"] for _, counters in days]
        return counts[-1], sum(counts)

    async def days(self, start: date, end: date) -> list[tuple[date, Counters]]:
        """Return the counters of each day, both ends included."""
        dates = _days(start, end)
        found = await self._store.get_many(usage_key(self._id, day) for day in dates)
        return [(day, _counters(found[usage_key(self._id, day)])) for day in dates]

    async def log(self, event_type: str, **details: Any) -> None:
        """Add an event to the audit log; the oldest of a day go where there are too many."""
        event = {"eventType": event_type, "timestamp": iso_time(self._clock()), **details}
        await self._append(audit_key(self._id, self._today()), event, _MAX_EVENTS, AUDIT_TTL_S)

    async def events(self, start: date, end: date) -> list[dict[str, Any]]:
        """Return the events of the days from `start` to `end`, newest first."""
        return await self._entries(audit_key, start, end)

    async def note_error(self, category: str, message: str, endpoint: str) -> None:
        """Add an error that a user has met."""
        error = {
            "category": category,
            "message": message,
            "endpoint": endpoint,
            "timestamp": iso_time(self._clock()),
        }
        await self._append(errors_key(self._id, self._today()), error, _MAX_ERRORS, ERRORS_TTL_S)

    async def errors(self, start: date, end: date) -> list[dict[str, Any]]:
        """Return the errors of the days from `start` to `end`, newest first."""
        return await self._entries(errors_key, start, end)

    async def events_of_user(self, user_id: str) -> list[dict[str, Any]]:
        """Return every event that names a user, newest first."""
        found = [
            event
            async for _, events in self._audit_log()
            for event in events
            if _names(event, user_id)
        ]
        return found[::-1]

    async def forget_user(self, user_id: str) -> int:
        """Take everything that names a user out of the audit log; return of how many events."""
        changed = 0
        async for day, found in self._audit_log():
            if not any(_names(event, user_id) for event in found):
                continue
            key = audit_key(self._id, day)
            async with self._locks.hold(key):
                events = _list(await self._store.get(key))
                kept = [_without_person(e) if _names(e, user_id) else e for e in events]
                age_s = (self._today() - day).days * _DAY_S
                await self._store.put(key, kept, ttl_s=AUDIT_TTL_S - age_s)
                changed += sum(1 for event in events if _names(event, user_id))
        return changed

    async def _audit_log(self) -> AsyncIterator[tuple[date, list[dict[str, Any]]]]:
        """Yield each day that may still be kept with its events, a month in memory at a time."""
        today = self._today()
        days = _days(today - timedelta(seconds=AUDIT_TTL_S), today)
        for start in range(0, len(days), _DAYS_AT_ONCE):
            some = {audit_key(self._id, day): day for day in days[start : start + _DAYS_AT_ONCE]}
            for key, record in (await self._store.get_many(some)).items():
                yield some[key], _list(record)

    def _today(self) -> date:
        return day_of(self._clock())

    async def _append(self, key: str, entry: Mapping[str, Any], limit: int, ttl_s: int) -> None:
        async with self._locks.hold(key):
            entries = _list(await self._store.get(key))
            await self._store.put(key, [*entries[1 - limit :], entry], ttl_s=ttl_s)

    async def _entries(
        self, key_of: Callable[[str, date], str], start: date, end: date
    ) -> list[dict[str, Any]]:
        dates = _days(start, end)
        found = await self._store.get_many(key_of(self._id, day) for day in dates)
        entries = [entry for day in dates for entry in _list(found[key_of(self._id, day)])]
        return entries[::-1]


def _over_quota(plan: Plan, daily: int, monthly: int) -> Problem:
    is_day = daily >= plan.tenant_per_day
    limit = plan.tenant_per_day if is_day else plan.tenant_per_month
    return Problem(
        429,
        "Quota exceeded",
        headers={
            "X-Quota-Limit": str(limit),
            "X-Quota-Remaining": "0",
            "Retry-After": str(_RETRY_AFTER_S),
        },
        reason="daily_quota_exceeded" if is_day else "monthly_quota_exceeded",
        quota={
            "otpRequestsPerDay": plan.tenant_per_day,
            "otpRequestsPerMonth": plan.tenant_per_month,
        },
        usage={"daily": daily, "monthly": monthly},
    )


def _counters(record: Any) -> Counters:
    stored = record if isinstance(record, dict) else {}
    return {name: value if isinstance(value := stored.get(name), int) else 0 for name in COUNTERS}


def _days(start: date, end: date) -> list[date]:
    return [start + timedelta(days=n) for n in range((end - start).days + 1)]


def _names(event: Mapping[str, Any], user_id: str) -> bool:
    """Tell whether an event is about a user, or was caused by one."""
    return user_id in event.values()


def _list(record: Any) -> list[dict[str, Any]]:
    return (
        [entry for entry in record if isinstance(entry, dict)] if isinstance(record, list) else []
    )


def _without_person(event: Mapping[str, Any]) -> dict[str, Any]:
    kept = {name: event[name] for name in ("eventType", "timestamp") if name in event}
    return {**kept, "erased": True}
