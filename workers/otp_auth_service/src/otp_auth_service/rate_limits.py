"""Rate limits on codes: counted for an address and for an IP, and refused where in doubt."""

import logging
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from otp_auth_service.history import History, hourly_limit
from otp_auth_service.keys import RATE_WINDOW_S, STATS_TTL_S, TenantKeys
from otp_auth_service.plans import Plan
from otp_auth_service.store import Store
from otp_auth_service.times import iso_time
from workerkit import KeyedLocks, Problem

__all__ = ["RateLimits", "Requester"]

_DAY_S: Final = 86_400
_DETAIL: Final = "Too many requests. Please try again later."
_STORAGE_FAILED: Final = "rate_limit_error"

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Requester:
    """Who asks for a code, as hashes."""

    email_hash: str
    ip_hash: str


@dataclass(slots=True)
class _Window:
    """The codes of one hour, from the first one on."""

    requests: int
    failed_attempts: int
    reset_at: float

    @classmethod
    def read(cls, record: object, now: float) -> "_Window":
        match record:
            case {"requests": int(requests), "failedAttempts": int(failed), "resetAt": int(millis)}:
                if millis / 1000 > now:
                    return cls(requests, failed, millis / 1000)
        return cls(0, 0, now + RATE_WINDOW_S)

    def record(self) -> Mapping[str, int]:
        return {
            "requests": self.requests,
            "failedAttempts": self.failed_attempts,
            "resetAt": round(self.reset_at * 1000),
        }


class RateLimits:
    """The limits of one tenant; what is counted is counted once, however many ask at a time."""

    def __init__(
        self,
        store: Store,
        keys: TenantKeys,
        locks: KeyedLocks,
        *,
        clock: Callable[[], float],
    ) -> None:
        """Count in `store`; `locks` are those of the whole worker."""
        self._store = store
        self._keys = keys
        self._locks = locks
        self._clock = clock

    async def admit(self, requester: Requester, plan: Plan) -> int:
        """Count a request for a code; return how many more this address may make in its hour.

        Raises Problem 429 where a limit is reached, and where nothing can be counted.
        """
        keys, now = self._keys, self._clock()
        email_key = keys.email_limit(requester.email_hash)
        ip_key = keys.ip_limit(requester.ip_hash)
        # Always in this order, so that nobody waits in a circle.
        async with self._locks.hold(email_key), self._locks.hold(ip_key):
            try:
                email = _Window.read(await self._store.get(email_key), now)
                ip = _Window.read(await self._store.get(ip_key), now)
                email_history, ip_history = await self._histories(requester)
                limit = hourly_limit(plan.email_per_hour, email_history, ip_history, now)
                _require_room("email_hourly_limit", email.requests, limit, email.reset_at, now)
                _require_room("ip_hourly_limit", ip.requests, plan.ip_per_hour, ip.reset_at, now)
                midnight = (now // _DAY_S + 1) * _DAY_S
                today = ip_history.on(now).day_requests
                _require_room("ip_daily_limit", today, plan.ip_per_day, midnight, now)
                email.requests += 1
                ip.requests += 1
                await self._put_window(email_key, email, now)
                await self._put_window(ip_key, ip, now)
                email_history = email_history.with_request(now)
                ip_history = ip_history.with_request(now)
                await self._put_histories(requester, email_history, ip_history)
            except Problem:
                raise
            except Exception as error:
                # Who cannot be counted is not let in.
                logger.error("requests cannot be counted: %s", error)
                raise _too_many(_STORAGE_FAILED, 0, 0, now + 60, now) from error
        # As the next request will find it.
        limit = hourly_limit(plan.email_per_hour, email_history, ip_history, now)
        return max(0, limit - email.requests)

    async def note_failure(self, requester: Requester) -> None:
        """Count a wrong code."""
        now = self._clock()
        email_key = self._keys.email_limit(requester.email_hash)
        ip_key = self._keys.ip_limit(requester.ip_hash)
        async with self._locks.hold(email_key), self._locks.hold(ip_key):
            for key in (email_key, ip_key):
                window = _Window.read(await self._store.get(key), now)
                window.failed_attempts += 1
                await self._put_window(key, window, now)
            email, ip = await self._histories(requester)
            await self._put_histories(requester, email.with_failure(now), ip.with_failure(now))

    async def note_success(self, requester: Requester) -> None:
        """Count a sign-in."""
        now = self._clock()
        email_key = self._keys.email_limit(requester.email_hash)
        ip_key = self._keys.ip_limit(requester.ip_hash)
        async with self._locks.hold(email_key), self._locks.hold(ip_key):
            email, ip = await self._histories(requester)
            await self._put_histories(requester, email.with_success(now), ip.with_success(now))

    async def _histories(self, requester: Requester) -> tuple[History, History]:
        email = await self._store.get(self._keys.email_stats(requester.email_hash))
        ip = await self._store.get(self._keys.ip_stats(requester.ip_hash))
        return History.read(email), History.read(ip)

    async def _put_histories(self, requester: Requester, email: History, ip: History) -> None:
        email_key = self._keys.email_stats(requester.email_hash)
        ip_key = self._keys.ip_stats(requester.ip_hash)
        await self._store.put(email_key, email.record(), ttl_s=STATS_TTL_S)
        await self._store.put(ip_key, ip.record(), ttl_s=STATS_TTL_S)

    async def _put_window(self, key: str, window: _Window, now: float) -> None:
        await self._store.put(key, window.record(), ttl_s=window.reset_at - now)


def _require_room(reason: str, used: int, limit: int, reset_at: float, now: float) -> None:
    if used >= limit:
        raise _too_many(reason, used, limit, reset_at, now)


def _too_many(reason: str, used: int, limit: int, reset_at: float, now: float) -> Problem:
    wait_s = max(1, math.ceil(reset_at - now))
    details: dict[str, Any] = {"limit": limit, "requests": used}
    return Problem(
        429,
        _DETAIL,
        headers={"Retry-After": str(wait_s)},
        retry_after=wait_s,
        reset_at=round(reset_at * 1000),
        reset_at_iso=iso_time(reset_at),
        remaining=0,
        reason=reason,
        rate_limit_details=details,
    )
