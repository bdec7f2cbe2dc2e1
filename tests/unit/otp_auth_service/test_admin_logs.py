"""Audit log, analytics and errors by the admin API."""

import json

import pytest

SUPER_KEY = "the key of the super admin"
BOB = "bob@example.com"
DAY_S = 86_400
NOTHING = {
    "otpRequests": 0,
    "otpVerifications": 0,
    "successfulLogins": 0,
    "failedAttempts": 0,
    "emailsSent": 0,
    "successRate": 0.0,
}
PATHS = ["/admin/audit-logs", "/admin/analytics", "/admin/analytics/errors"]


@pytest.fixture
async def api_key(service, owner) -> str:
    """A key of Alice's, by whose app others sign in."""
    return await service.new_api_key(owner["customerId"])


async def get(service, path: str, token: str):
    return await service.read(await service.call("GET", path, token=token))


async def fail(service, email: str, **options) -> None:
    answer = await service.call(
        "POST", "/auth/verify-otp", json={"email": email, "otp": "000000"}, **options
    )
    assert answer.status == 401


async def test_the_audit_log_tells_who_signed_in_by_the_tenants_key(
    service, owner, api_key
) -> None:
    bob = await service.sign_in(BOB, api_key=api_key)
    await fail(service, BOB, api_key=api_key)
    await service.call(
        "POST", "/auth/logout", token=bob["token"], headers={"X-OTP-API-Key": api_key}
    )

    log = await get(service, "/admin/audit-logs", owner["token"])

    assert list(log) == ["success", "period", "total", "events"]
    assert log["period"] == {"start": "2026-02-09", "end": "2026-03-10"}
    assert [event["eventType"] for event in log["events"]] == [
        *("logout", "otp_failed", "login", "otp_requested", "api_key_created")
    ]
    assert log["total"] == 5
    assert log["events"][2] == {
        "eventType": "login",
        "timestamp": "2026-03-10T12:00:00.000Z",
        "userId": bob["userId"],
    }


async def test_the_audit_log_can_be_narrowed_to_a_type_and_to_days(service, owner, api_key) -> None:
    await service.sign_in(BOB, api_key=api_key)
    service.clock.advance(DAY_S)
    token = await service.token()
    await service.sign_in(BOB, api_key=api_key)

    logins = await get(service, "/admin/audit-logs?eventType=login", token)
    first = await get(service, "/admin/audit-logs?startDate=2026-03-01&endDate=2026-03-10", token)
    none = await get(service, "/admin/audit-logs?eventType=no_such_type", token)

    assert [event["timestamp"][:10] for event in logins["events"]] == ["2026-03-11", "2026-03-10"]
    assert first["period"] == {"start": "2026-03-01", "end": "2026-03-10"}
    assert {event["timestamp"][:10] for event in first["events"]} == {"2026-03-10"}
    assert (none["total"], none["events"]) == (0, [])


async def test_a_long_audit_log_is_counted_whole_and_shown_in_part(service, owner) -> None:
    record = {"eventType": "login", "timestamp": "2026-03-10T12:00:00.000Z", "userId": "u"}
    for day in ("2026-03-09", "2026-03-10"):
        key = f"audit_{owner['customerId']}_{day}"
        await service.kv.put(key, json.dumps([record] * 600))

    log = await get(service, "/admin/audit-logs", owner["token"])

    assert (log["total"], len(log["events"])) == (1200, 1000)


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize(
    ("query", "error"),
    [
        ("startDate=yesterday", "startDate must be a date such as 2026-01-31"),
        ("endDate=2026-02-30", "endDate must be a date such as 2026-01-31"),
        ("endDate=20260310", "endDate must be a date such as 2026-01-31"),
        ("endDate=2026-W10-1", "endDate must be a date such as 2026-01-31"),
        ("startDate=2026-03-11", "startDate 2026-03-11 is after endDate 2026-03-10"),
        ("startDate=2026-01-01&endDate=2026-04-04", "A period has up to 93 days, not 94"),
        ("startDate=0001-01-01", "A period has up to 93 days, not 739685"),
    ],
)
async def test_a_period_that_is_none_is_refused(service, owner, path, query, error) -> None:
    answer = await service.call("GET", f"{path}?{query}", token=owner["token"])

    assert await service.read(answer, 400) == {"error": error}


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize(
    "query",
    [
        "startDate=2026-01-01&endDate=2026-04-03",
        "endDate=0001-01-01",
        "startDate=9999-12-31&endDate=9999-12-31",
        "startDate=&endDate=",
    ],
)
async def test_any_days_can_be_asked_for(service, owner, path, query) -> None:
    answer = await service.call("GET", f"{path}?{query}", token=owner["token"])

    assert answer.status == 200


async def test_analytics_count_today_a_period_and_each_of_its_days(service, owner, api_key) -> None:
    await service.sign_in(BOB, api_key=api_key)
    service.clock.advance(DAY_S)
    token = await service.token()
    await fail(service, BOB, api_key=api_key)
    await service.sign_in(BOB, api_key=api_key)

    analytics = await get(service, "/admin/analytics", token)

    assert list(analytics) == ["today", "period", "days"]
    one = {
        "otpRequests": 1,
        "otpVerifications": 1,
        "successfulLogins": 1,
        "failedAttempts": 0,
        "emailsSent": 1,
        "successRate": 100.0,
    }
    today = {**one, "otpVerifications": 2, "failedAttempts": 1, "successRate": 50.0}
    assert analytics["today"] == today
    assert analytics["period"] == {
        "start": "2026-02-10",
        "end": "2026-03-11",
        "otpRequests": 2,
        "otpVerifications": 3,
        "successfulLogins": 2,
        "failedAttempts": 1,
        "emailsSent": 2,
        "successRate": 66.7,
    }
    assert len(analytics["days"]) == 30
    assert analytics["days"][0] == {"date": "2026-02-10", **NOTHING}
    assert analytics["days"][-2:] == [
        {"date": "2026-03-10", **one},
        {"date": "2026-03-11", **today},
    ]


async def test_analytics_of_a_tenant_without_users_are_all_zero(service, owner) -> None:
    analytics = await get(
        service, "/admin/analytics?startDate=2026-03-09&endDate=2026-03-09", owner["token"]
    )

    assert analytics == {
        "today": NOTHING,
        "period": {"start": "2026-03-09", "end": "2026-03-09", **NOTHING},
        "days": [{"date": "2026-03-09", **NOTHING}],
    }


async def test_realtime_counts_who_is_active_and_what_was_done_lately(
    service, owner, api_key
) -> None:
    await service.sign_in(BOB, api_key=api_key)
    service.clock.advance(10 * 60)
    await service.sign_in("carol@example.com", api_key=api_key)

    now = await get(service, "/admin/analytics/realtime", owner["token"])
    service.clock.advance(6 * 60)
    later = await get(service, "/admin/analytics/realtime", owner["token"])
    service.clock.advance(15 * 60)
    at_last = await get(service, "/admin/analytics/realtime", owner["token"])

    assert now == {"activeUsers": 2, "requestsPerMinute": 2}
    assert later == {"activeUsers": 1, "requestsPerMinute": 0}
    assert at_last == {"activeUsers": 0, "requestsPerMinute": 0}


async def test_realtime_looks_back_over_midnight(service, owner, api_key) -> None:
    service.clock.advance(12 * 3600 - 60)
    token = await service.token()
    await service.sign_in(BOB, api_key=api_key)
    service.clock.advance(120)

    assert await get(service, "/admin/analytics/realtime", token) == {
        "activeUsers": 1,
        "requestsPerMinute": 0,
    }


async def test_errors_are_counted_by_category_and_endpoint(service, owner, api_key) -> None:
    await fail(service, BOB, api_key=api_key)
    service.clock.advance(1)
    await fail(service, BOB, api_key=api_key)
    service.clock.advance(1)
    await service.call("POST", "/auth/request-otp", json={"email": "none"}, api_key=api_key)

    errors = await get(service, "/admin/analytics/errors", owner["token"])

    assert list(errors) == ["total", "byCategory", "byEndpoint", "errors"]
    assert errors["total"] == 3
    assert errors["byCategory"] == {"validation": 1, "authentication": 2}
    assert errors["byEndpoint"] == {"/auth/request-otp": 1, "/auth/verify-otp": 2}
    assert errors["errors"][0] == {
        "category": "validation",
        "message": "Valid email address required",
        "endpoint": "/auth/request-otp",
        "timestamp": "2026-03-10T12:00:02.000Z",
    }


async def test_an_error_names_no_user_no_customer_and_no_key(service, owner, api_key) -> None:
    headers = {"X-OTP-API-Key": api_key}
    for path in (
        "/admin/users/user_0123456789ab/export",
        f"/admin/customers/{owner['customerId']}/api-keys/key_0123456789abcdef/rotate",
    ):
        method = "POST" if path.endswith("rotate") else "GET"
        await service.call(method, path, headers=headers)

    errors = await get(service, "/admin/analytics/errors", owner["token"])

    assert errors["byEndpoint"] == {
        "/admin/users/:id/export": 1,
        "/admin/customers/:id/api-keys/:id/rotate": 1,
    }


async def test_many_errors_are_counted_whole_and_shown_in_part(service, owner, api_key) -> None:
    for _ in range(103):
        await service.call("POST", "/auth/verify-otp", json={}, api_key=api_key)

    errors = await get(service, "/admin/analytics/errors", owner["token"])

    assert (errors["total"], len(errors["errors"])) == (103, 100)


async def test_a_super_admin_looks_at_any_tenant_and_at_sign_ins_without_one(
    service, owner, api_key
) -> None:
    await service.sign_in(BOB, api_key=api_key)
    path = "/admin/audit-logs?eventType=login"

    of_nobody = await get(service, path, SUPER_KEY)
    by_name = await get(service, f"{path}&customerId=default", SUPER_KEY)
    of_tenant = await get(service, f"{path}&customerId={owner['customerId']}", SUPER_KEY)

    assert of_nobody == by_name
    assert [event["userId"] for event in of_nobody["events"]] == [owner["userId"]]
    assert [event["userId"] for event in of_tenant["events"]] != [owner["userId"]]


async def test_sign_ins_without_a_tenant_are_no_tenants_to_see(service, owner) -> None:
    answer = await service.call("GET", "/admin/audit-logs?customerId=default", token=owner["token"])

    assert await service.read(answer, 403) == {"error": "Super admin access required"}
