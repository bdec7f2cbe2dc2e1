"""Counters, audit log and errors of a tenant, as they are kept."""

import asyncio
import json
from datetime import date

import pytest

from otp_auth_service.activity import Activity
from otp_auth_service.store import Store
from workerkit import KeyedLocks

TODAY = date(2026, 3, 10)
DAY_S = 86_400


@pytest.fixture
def activity(service) -> Activity:
    return Activity(Store(service.kv), KeyedLocks(), "cust_1", clock=service.clock)


async def expiry_s(service, prefix: str) -> dict[str, float]:
    """Return of each key in how many seconds it goes."""
    page = await service.kv.list(prefix=prefix)
    return {key["name"]: key["expiration"] - service.clock() for key in page["keys"]}


async def test_records_stand_under_the_day_and_go_after_their_time(service, activity) -> None:
    await activity.count("otpRequests")
    await activity.note_error("server", "it broke", "/auth/me")
    await activity.log("login", userId="user_1")

    assert await expiry_s(service, "usage_") == {"usage_cust_1_2026-03-10": 90 * DAY_S}
    assert await expiry_s(service, "errors_") == {"errors_cust_1_2026-03-10": 30 * DAY_S}
    assert await expiry_s(service, "audit_") == {"audit_cust_1_2026-03-10": 365 * DAY_S}


async def test_counting_at_the_same_moment_loses_nothing(any_service) -> None:
    activity = Activity(Store(any_service.kv), KeyedLocks(), "cust_1", clock=any_service.clock)

    await asyncio.gather(*(activity.count("otpRequests", "emailsSent") for _ in range(50)))
    await asyncio.gather(*(activity.log("login", userId=f"user_{n}") for n in range(50)))

    [(_, counters)] = await activity.days(TODAY, TODAY)
    assert (counters["otpRequests"], counters["emailsSent"]) == (50, 50)
    assert len(await activity.events(TODAY, TODAY)) == 50


async def test_the_oldest_events_and_errors_of_a_day_go_where_there_are_too_many(
    service, activity
) -> None:
    old = [{"eventType": "login", "n": n} for n in range(1000)]
    await service.kv.put("audit_cust_1_2026-03-10", json.dumps(old))
    await service.kv.put("errors_cust_1_2026-03-10", json.dumps(old[:500]))

    await activity.log("logout")
    await activity.note_error("server", "it broke", "/")

    events, errors = await activity.events(TODAY, TODAY), await activity.errors(TODAY, TODAY)
    assert (len(events), events[0]["eventType"], events[-1]["n"]) == (1000, "logout", 1)
    assert (len(errors), errors[0]["message"], errors[-1]["n"]) == (500, "it broke", 1)


@pytest.mark.parametrize("record", ["{", "7", '{"otpRequests": "many"}', '[7, "text"]', "null"])
async def test_what_is_damaged_counts_as_nothing(service, activity, record: str) -> None:
    for kind in ("usage", "audit", "errors"):
        await service.kv.put(f"{kind}_cust_1_2026-03-10", record)

    [(_, counters)] = await activity.days(TODAY, TODAY)

    assert set(counters.values()) == {0}
    assert await activity.events(TODAY, TODAY) == await activity.errors(TODAY, TODAY) == []
    await activity.count("otpRequests")
    await activity.log("login")
    assert len(await activity.events(TODAY, TODAY)) == 1


async def test_a_user_is_found_and_forgotten_on_every_day_of_a_year(service, activity) -> None:
    for _ in range(4):
        await activity.log("login", userId="user_1")
        await activity.log("api_key_created", by="user_1", keyId="key_1")
        await activity.log("login", userId="user_2")
        service.clock.advance(100 * DAY_S)
    service.clock.advance(-40 * DAY_S)

    found = await activity.events_of_user("user_1")
    changed = await activity.forget_user("user_1")

    # Of 360, 260, 160 and 60 days ago; the newest first.
    assert [event["timestamp"][:10] for event in found[::2]] == [
        *("2027-01-04", "2026-09-26", "2026-06-18", "2026-03-10")
    ]
    assert changed == 8
    assert await activity.events_of_user("user_1") == []
    assert len(await activity.events_of_user("user_2")) == 4
    assert await activity.events(TODAY, TODAY) == [
        {"eventType": "login", "timestamp": "2026-03-10T12:00:00.000Z", "userId": "user_2"},
        {"eventType": "api_key_created", "timestamp": "2026-03-10T12:00:00.000Z", "erased": True},
        {"eventType": "login", "timestamp": "2026-03-10T12:00:00.000Z", "erased": True},
    ]


async def test_forgetting_a_user_keeps_the_life_of_the_log(service, activity) -> None:
    await activity.log("login", userId="user_1")
    service.clock.advance(300 * DAY_S)

    await activity.forget_user("user_1")

    assert await expiry_s(service, "audit_") == {"audit_cust_1_2026-03-10": 65 * DAY_S}


async def test_a_log_in_its_last_hours_can_still_be_changed(service, activity) -> None:
    await activity.log("login", userId="user_1")
    service.clock.advance(365 * DAY_S - 1)

    assert await activity.forget_user("user_1") == 1


async def test_tenants_do_not_see_each_other(service, activity) -> None:
    other = Activity(Store(service.kv), KeyedLocks(), "cust_2", clock=service.clock)
    nobodys = Activity(Store(service.kv), KeyedLocks(), None, clock=service.clock)

    await activity.log("login", userId="user_1")
    await activity.count("otpRequests")

    assert await other.events(TODAY, TODAY) == await nobodys.events(TODAY, TODAY) == []
    assert await other.forget_user("user_1") == 0
    assert (await other.code_requests(), await activity.code_requests()) == ((0, 0), (1, 1))
