"""How many codes an address and an IP may ask for."""

import asyncio

import pytest

from otp_auth_service.history import History, hourly_limit
from otp_auth_service.plans import plan_named

ALICE = "alice@example.com"
NOW = 1_773_144_000.0
DAY = 86_400
IPS = [f"198.51.100.{n}" for n in range(1, 250)]


def ask(service, email=ALICE, **options):
    return service.call("POST", "/auth/request-otp", json={"email": email}, **options)


def asked(times: int, *, ago: float = 3600, **fields) -> History:
    return History(requests=times, timestamps=(int(NOW - ago),) * times, **fields)


@pytest.mark.parametrize(
    ("email", "ip", "limit"),
    [
        (asked(3), History(), 3),
        (asked(10), History(), 3),
        (asked(2), History(), 5),
        (asked(0), History(), 5),
        (asked(3, ago=DAY + 1), History(), 5),
        (asked(11), History(), 2),
        (asked(4, failures=2), History(), 3),
        (asked(4, failures=3), History(), 1),
        (asked(4, last_success=NOW - 7 * DAY), History(), 4),
        (asked(4, last_success=NOW - 7 * DAY - 1), History(), 3),
        (asked(2, last_success=NOW), History(), 5),
        (asked(4), asked(21), 2),
        (asked(4), asked(20), 3),
        (asked(4), asked(21, ago=DAY + 1), 3),
        (asked(4), History(day=int(NOW // DAY), day_failures=11), 2),
        (asked(4), History(day=int(NOW // DAY), day_failures=10), 3),
        (asked(4), History(day=int(NOW // DAY) - 1, day_failures=11), 3),
        (asked(11, failures=11), asked(21, day=int(NOW // DAY), day_failures=11), 1),
    ],
)
def test_the_hourly_limit_moves_by_two_at_most(email: History, ip: History, limit: int) -> None:
    assert hourly_limit(3, email, ip, NOW) == limit


@pytest.mark.parametrize(
    ("base", "worst", "best"), [(3, 1, 5), (10, 8, 12), (100, 98, 102), (1, 1, 3)]
)
def test_the_hourly_limit_is_never_below_one(base: int, worst: int, best: int) -> None:
    bad = asked(11, failures=11)
    good = History(last_success=NOW)

    assert hourly_limit(base, bad, asked(21), NOW) == worst
    assert hourly_limit(base, good, History(), NOW) == best


@pytest.mark.parametrize("record", [None, [], "x", {"requests": "1", "timestamps": {}, "day": -1}])
def test_a_history_that_cannot_be_read_is_an_empty_one(record) -> None:
    assert History.read(record) == History()


def test_a_history_is_read_as_it_was_written_and_is_bounded() -> None:
    history = History()
    for second in range(1500):
        history = history.with_request(NOW + second)
    history = history.with_failure(NOW + 1500).with_success(NOW + 1501)

    assert History.read(history.record()) == history
    assert (history.requests, len(history.timestamps)) == (1500, 1000)
    assert history.timestamps[-1] == int(NOW + 1499)


@pytest.mark.parametrize(
    ("name", "numbers"),
    [
        ("free", (3, 1_000, 10_000, 10, 50)),
        ("starter", (3, 1_000, 10_000, 10, 50)),
        (None, (3, 1_000, 10_000, 10, 50)),
        ("pro", (10, 10_000, 100_000, 50, 500)),
        ("enterprise", (100, 100_000, 1_000_000, 500, 5_000)),
    ],
)
def test_what_each_plan_allows(name, numbers) -> None:
    plan = plan_named(name)

    assert numbers == (
        plan.email_per_hour,
        plan.tenant_per_day,
        plan.tenant_per_month,
        plan.ip_per_hour,
        plan.ip_per_day,
    )


async def test_the_fourth_code_in_an_hour_is_refused(service, clock) -> None:
    remaining = [(await service.read(await ask(service)))["remaining"] for _ in range(3)]
    clock.advance(600)

    answer = await ask(service)

    problem = await service.read(answer, 429)
    assert remaining == [4, 3, 0]
    assert answer.headers["retry-after"] == "3000"
    assert problem["detail"] == "Too many requests. Please try again later."
    assert problem["retry_after"] == 3000
    assert problem["reset_at"] == (clock() + 3000) * 1000
    assert problem["reset_at_iso"] == "2026-03-10T13:00:00.000Z"
    assert (problem["remaining"], problem["reason"]) == (0, "email_hourly_limit")
    assert problem["rate_limit_details"] == {"limit": 3, "requests": 3}
    assert len(service.outbox.mails) == 3


async def test_the_hour_begins_with_the_first_code_and_not_with_the_latest(service, clock) -> None:
    await service.read(await ask(service))
    clock.advance(3000)
    await service.read(await ask(service))
    await service.read(await ask(service))
    clock.advance(601)

    body = await service.read(await ask(service))

    assert body["remaining"] == 2  # of three, as four came within the last day


async def test_other_addresses_have_hours_of_their_own(service) -> None:
    for _ in range(3):
        await service.read(await ask(service))
    await service.read(await ask(service), 429)

    await service.read(await ask(service, "bob@example.com"))


async def test_the_address_counts_in_whatever_way_it_is_written(service) -> None:
    for email in (ALICE, "Alice@example.com", " ALICE@EXAMPLE.COM "):
        await service.read(await ask(service, email))

    await service.read(await ask(service, ALICE), 429)


async def test_an_ip_may_ask_for_ten_codes_an_hour(service, clock) -> None:
    for n in range(10):
        await service.read(await ask(service, f"user{n}@example.com"))

    problem = await service.read(await ask(service, "user10@example.com"), 429)

    assert problem["reason"] == "ip_hourly_limit"
    assert "user10" not in str(service.outbox.mails)
    await service.read(await ask(service, "user10@example.com", ip="192.0.2.2"))


async def test_an_ip_may_ask_for_fifty_codes_a_day(service, clock) -> None:
    for n in range(50):
        if n and n % 10 == 0:
            clock.advance(3601)
        await service.read(await ask(service, f"user{n}@example.com"))
    clock.advance(3601)

    problem = await service.read(await ask(service, "user50@example.com"), 429)

    assert problem["reason"] == "ip_daily_limit"
    clock.advance(problem["retry_after"])
    await service.read(await ask(service, "user50@example.com"))


async def test_a_client_cannot_choose_its_ip(service) -> None:
    for n in range(10):
        headers = {"X-Forwarded-For": f"203.0.113.{n}", "X-Real-IP": f"203.0.113.{n}"}
        await service.read(await ask(service, f"user{n}@example.com", headers=headers))

    problem = await service.read(await ask(service, "user10@example.com"), 429)

    assert problem["reason"] == "ip_hourly_limit"


async def test_fifty_requests_at_once_get_no_more_codes_than_the_limit(any_service) -> None:
    answers = await asyncio.gather(*(ask(any_service, ip=ip) for ip in IPS[:50]))

    assert sorted(answer.status for answer in answers) == [200] * 3 + [429] * 47
    assert len(any_service.outbox.mails) == 3


async def test_two_hundred_requests_at_once_of_one_ip_get_no_more_than_its_limit(
    any_service,
) -> None:
    answers = await asyncio.gather(*(ask(any_service, f"user{n}@example.com") for n in range(200)))

    assert sorted(answer.status for answer in answers) == [200] * 10 + [429] * 190
    assert len(any_service.outbox.mails) == 10


class BrokenKV:
    """A namespace that fails for keys with a certain beginning."""

    def __init__(self, kv, prefix: str) -> None:
        self._kv = kv
        self._prefix = prefix

    def __getattr__(self, name: str):
        def call(key=None, *args, **options):
            if isinstance(key, str) and key.startswith(self._prefix):
                raise OSError("the disk is on fire")
            return getattr(self._kv, name)(*(() if key is None else (key,)), *args, **options)

        return call


@pytest.mark.parametrize("prefix", ["ratelimit_otp", "ratelimit_ip", "stats_email", "stats_ip"])
async def test_who_cannot_be_counted_is_not_let_in(service, prefix: str) -> None:
    service.configure(OTP_AUTH_KV=BrokenKV(service.kv, prefix))

    problem = await service.read(await ask(service), 429)

    assert problem["reason"] == "rate_limit_error"
    assert "fire" not in str(problem)
    assert service.outbox.mails == []


async def test_wrong_codes_count_against_the_address_and_the_ip(service) -> None:
    code = await service.request_code()
    wrong = f"{(int(code) + 1) % 1_000_000:06}"
    for _ in range(2):
        await service.call("POST", "/auth/verify-otp", json={"email": ALICE, "otp": wrong})

    stored = await service.stored()

    assert stored[f"ratelimit_otp_{service.hash()}"]["failedAttempts"] == 2
    assert stored[f"stats_email_{service.hash()}"]["failures"] == 2
    [ip_limit] = [value for key, value in stored.items() if key.startswith("ratelimit_ip_")]
    [ip_stats] = [value for key, value in stored.items() if key.startswith("stats_ip_")]
    assert (ip_limit["failedAttempts"], ip_stats["failures"]) == (2, 2)


async def test_no_ip_stands_anywhere_in_clear(service) -> None:
    await service.sign_in(ip="203.0.113.77")

    assert "203.0.113.77" not in str(await service.stored())


async def test_a_tenant_has_a_quota_of_its_own(service) -> None:
    customer_id = await service.customers.create("shop@example.com")
    api_key = await service.new_api_key(customer_id)
    key = f"usage_{customer_id}_2026-03-10"
    await service.kv.put(key, '{"otpRequests": 999}')

    first = await ask(service, api_key=api_key)
    second = await ask(service, "bob@example.com", api_key=api_key)

    await service.read(first)
    problem = await service.read(second, 429)
    assert problem["detail"] == "Quota exceeded"
    assert problem["reason"] == "daily_quota_exceeded"
    assert problem["quota"] == {"otpRequestsPerDay": 1000, "otpRequestsPerMonth": 10000}
    assert problem["usage"] == {"daily": 1000, "monthly": 1000}
    assert second.headers["x-quota-limit"] == "1000"
    assert second.headers["x-quota-remaining"] == "0"
    assert second.headers["retry-after"] == "3600"
    assert len(service.outbox.mails) == 1


async def test_the_month_counts_as_well(service) -> None:
    customer_id = await service.customers.create("shop@example.com")
    api_key = await service.new_api_key(customer_id)
    for day in range(1, 10):
        await service.kv.put(f"usage_{customer_id}_2026-03-0{day}", '{"otpRequests": 1111}')
    await service.kv.put(f"usage_{customer_id}_2026-03-10", '{"otpRequests": 1}')
    await service.kv.put(f"usage_{customer_id}_2026-02-28", '{"otpRequests": 5000}')

    problem = await service.read(await ask(service, api_key=api_key), 429)

    assert problem["reason"] == "monthly_quota_exceeded"
    assert problem["usage"] == {"daily": 1, "monthly": 10000}


async def test_a_quota_is_not_passed_by_asking_at_once(any_service) -> None:
    customer_id = await any_service.customers.create("shop@example.com", plan="enterprise")
    api_key = await any_service.new_api_key(customer_id)
    await any_service.kv.put(f"usage_{customer_id}_2026-03-10", '{"otpRequests": 99995}')

    answers = await asyncio.gather(
        *(ask(any_service, f"user{n}@example.com", api_key=api_key, ip=IPS[n]) for n in range(20))
    )

    assert sorted(answer.status for answer in answers) == [200] * 5 + [429] * 15
