"""Asking for a code and exchanging it for a token."""

import asyncio
import json
import logging

import jwt
import pytest

from otp_auth_service.keys import TenantKeys
from workers import Response

ALICE = "alice@example.com"
SECRET = "a secret of at least thirty-two bytes"
WRONG = "Invalid or expired OTP code. Please request a new OTP code."


def other(code: str) -> str:
    """Return a code that is not this one."""
    return f"{(int(code) + 1) % 1_000_000:06}"


async def verify(service, code, email=ALICE, **options):
    return await service.call(
        "POST", "/auth/verify-otp", json={"email": email, "otp": code}, **options
    )


async def test_a_code_is_sent(service) -> None:
    answer = await service.call("POST", "/auth/request-otp", json={"email": " Alice@Example.com"})

    assert await service.read(answer) == {
        "success": True,
        "message": "OTP sent to email",
        "expiresIn": 600,
        "remaining": 4,
    }
    [mail] = service.outbox.mails
    assert mail["to"] == ALICE
    assert service.outbox.code() in mail["html"]


@pytest.mark.parametrize(
    "body",
    [{}, {"email": ""}, {"email": "alice"}, {"email": 5}, {"email": f"{'x' * 250}@a.bc"}],
    ids=str,
)
@pytest.mark.parametrize("path", ["/auth/request-otp", "/auth/verify-otp"])
async def test_what_is_no_address_is_refused(service, path: str, body) -> None:
    problem = await service.read(await service.call("POST", path, json=body), 400)

    assert problem["detail"] == "Valid email address required"
    assert service.outbox.mails == []


@pytest.mark.parametrize("path", ["/auth/request-otp", "/auth/verify-otp", "/auth/refresh"])
@pytest.mark.parametrize("body", ["", "{", "[]", "nothing"])
async def test_a_body_that_is_no_json_object_is_a_problem(service, path: str, body: str) -> None:
    answer = await service.call("POST", path, body=body)

    assert answer.headers["content-type"] == "application/problem+json"
    assert (await service.read(answer, 400))["instance"] == path


@pytest.mark.parametrize("code", [None, "", "12345", "1234567", "12345a", "１２３４５６", 123456])
async def test_what_is_no_code_is_refused(service, code) -> None:
    problem = await service.read(await verify(service, code), 400)

    assert problem["detail"] == "Valid 6-digit OTP required"


async def test_the_code_is_nowhere_in_clear(service, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)

    code = await service.request_code()
    await verify(service, other(code))

    assert code not in json.dumps(await service.stored())
    assert code not in caplog.text


async def test_a_code_is_stored_as_its_hash_for_ten_minutes(service, clock) -> None:
    await service.request_code()

    record = (await service.stored())[f"otp_{service.hash()}"]

    assert set(record) == {"codeHash", "expiresAt", "attempts"}
    assert record["attempts"] == 0
    assert record["expiresAt"] == (clock() + 600) * 1000
    clock.advance(601)
    assert f"otp_{service.hash()}" not in await service.stored()


async def test_the_right_code_gives_a_token(service, clock) -> None:
    code = await service.request_code()

    answer = await verify(service, f" {code} ")

    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["pragma"] == "no-cache"
    body = await service.read(answer)
    assert list(body) == [
        *("access_token", "token_type", "expires_in", "scope", "displayName", "sub", "email"),
        *("email_verified", "token", "userId", "expiresAt", "customerId"),
    ]
    user_id = f"user_{service.hash()[:12]}"
    [customer] = await service.customers.all()
    assert body["token"] == body["access_token"]
    assert (body["token_type"], body["expires_in"]) == ("Bearer", 25_200)
    assert body["scope"] == "openid email profile"
    assert (body["sub"], body["userId"], body["email"]) == (user_id, user_id, ALICE)
    assert body["customerId"] == customer["customerId"]
    assert body["expiresAt"] == "2026-03-10T19:00:00.000Z"
    claims = jwt.decode(body["token"], SECRET, algorithms=["HS256"], options=NO_TIMES)
    assert list(claims) == [
        *("sub", "iss", "aud", "exp", "iat", "jti", "email", "email_verified"),
        *("userId", "customerId", "csrf"),
    ]
    assert claims["aud"] == claims["customerId"] == customer["customerId"]
    assert (claims["iss"], claims["iat"]) == ("auth.idling.app", clock())


NO_TIMES = {"verify_exp": False, "verify_iat": False, "verify_aud": False}


async def test_a_new_customer_has_what_a_new_customer_has(service) -> None:
    await service.sign_in("bob@shop.example")

    [customer] = await service.customers.all()
    assert customer["email"] == "bob@shop.example"
    assert (customer["name"], customer["companyName"]) == ("bob", "Shop")
    assert 3 <= len(customer["displayName"]) <= 32
    [subscription] = customer["subscriptions"]
    assert subscription["status"] == "active"


async def test_a_second_sign_in_is_that_of_the_same_customer(service, clock) -> None:
    first = await service.sign_in()
    clock.advance(3600)
    second = await service.sign_in()

    assert first["customerId"] == second["customerId"]
    assert first["token"] != second["token"]
    assert len(await service.customers.all()) == 1
    user = (await service.stored())[f"user_{service.hash()}"]
    assert user["createdAt"] == "2026-03-10T12:00:00.000Z"
    assert user["lastLogin"] == "2026-03-10T13:00:00.000Z"


async def test_a_customer_who_is_known_by_address_is_found(service) -> None:
    customer_id = await service.customers.create(ALICE, displayName="Alice the First")

    body = await service.sign_in()

    assert (body["customerId"], body["displayName"]) == (customer_id, "Alice the First")


async def test_a_code_works_once(service) -> None:
    code = await service.request_code()
    await service.read(await verify(service, code))

    problem = await service.read(await verify(service, code), 401)

    assert problem["detail"] == WRONG


async def test_a_new_code_takes_the_place_of_the_old_one(service) -> None:
    old = await service.request_code()
    new = await service.request_code()
    if old == new:
        pytest.skip("one in a million")

    await service.read(await verify(service, old), 401)
    await service.read(await verify(service, new))


async def test_five_wrong_tries_end_a_code(service) -> None:
    code = await service.request_code()
    wrong = other(code)

    left = [
        (await service.read(await verify(service, wrong), 401))["remaining_attempts"]
        for _ in range(4)
    ]
    fifth = await service.read(await verify(service, wrong), 429)
    right = await service.read(await verify(service, code), 429)

    assert left == [4, 3, 2, 1]
    for problem in (fifth, right):
        assert problem["detail"] == "Too many attempts. Please request a new OTP."
        assert problem["remaining_attempts"] == 0


async def test_a_wrong_try_does_not_renew_the_codes_life(service, clock) -> None:
    code = await service.request_code()
    clock.advance(590)
    await service.read(await verify(service, other(code)), 401)
    record = (await service.stored())[f"otp_{service.hash()}"]
    clock.advance(11)

    await service.read(await verify(service, code), 401)

    assert record["expiresAt"] == (clock() - 1) * 1000


async def test_an_unknown_address_an_expired_and_a_wrong_code_look_the_same(service, clock) -> None:
    expired = await service.request_code("expired@example.com")
    clock.advance(700)
    wrong = other(await service.request_code("wrong@example.com"))
    tries = [
        ("unknown@example.com", "123456"),
        ("expired@example.com", expired),
        ("wrong@example.com", wrong),
    ]

    for status in (401, 401, 401, 401, 429, 429):
        answers = [await verify(service, code, email) for email, code in tries]
        bodies = [await answer.text() for answer in answers]
        assert {answer.status for answer in answers} == {status}
        assert len(set(bodies)) == 1


async def test_each_of_them_takes_as_many_steps(service, clock) -> None:
    steps = []
    code = await service.request_code()
    for email, tried in ((ALICE, other(code)), ("unknown@example.com", "123456")):
        counted = CountedKV(service.kv)
        service.configure(OTP_AUTH_KV=counted)
        await verify(service, tried, email)
        steps.append(counted.steps)

    assert steps[0] == steps[1]


class CountedKV:
    """A namespace that writes down what it is asked."""

    def __init__(self, kv) -> None:
        self._kv = kv
        self.steps: list[str] = []

    def __getattr__(self, name: str):
        def call(*args, **options):
            self.steps.append(name)
            return getattr(self._kv, name)(*args, **options)

        return call


async def test_fifty_tries_with_one_code_give_one_token(any_service) -> None:
    code = await any_service.request_code()

    answers = await asyncio.gather(*(verify(any_service, code) for _ in range(50)))

    statuses = sorted(answer.status for answer in answers)
    assert statuses[0] == 200
    assert statuses[1] > 400
    assert len(await any_service.customers.all()) == 1


@pytest.mark.parametrize("status", ["suspended", "cancelled"])
async def test_a_blocked_customer_stays_so_and_cannot_sign_in(service, status: str) -> None:
    customer_id = await service.customers.create(ALICE)
    await service.customers.change(customer_id, status=status)
    code = await service.request_code()

    problem = await service.read(await verify(service, code), 403)

    assert problem["detail"] == "Account suspended"
    assert (await service.customers.get(customer_id))["status"] == status
    await service.read(await verify(service, code), 401)


async def test_while_customer_api_is_down_the_code_stays_usable(service) -> None:
    code = await service.request_code()
    service.customers.is_down = True

    down = await verify(service, code)
    service.customers.is_down = False

    assert down.status == 503
    assert down.headers["retry-after"] == "5"
    await service.read(await verify(service, code))


async def test_a_code_that_is_given_back_has_no_more_tries_and_no_longer_life(service) -> None:
    code = await service.request_code()
    for _ in range(3):
        await service.read(await verify(service, other(code)), 401)
    service.clock.advance(500)
    service.customers.is_down = True
    await service.read(await verify(service, code), 503)
    service.customers.is_down = False

    problem = await service.read(await verify(service, other(code)), 401)
    service.clock.advance(100)
    expired = await verify(service, code)

    assert problem["remaining_attempts"] == 1
    assert expired.status == 401


async def test_guessing_at_the_same_moment_gives_no_more_tries(any_service) -> None:
    code = await any_service.request_code()
    guesses = [f"{(int(code) + n) % 1_000_000:06}" for n in range(1, 51)]
    addresses = [ALICE, ALICE.upper(), f" {ALICE}"]

    answers = await asyncio.gather(
        *(verify(any_service, guess, addresses[n % 3]) for n, guess in enumerate(guesses))
    )

    assert sorted(answer.status for answer in answers) == [401] * 4 + [429] * 46
    await any_service.read(await verify(any_service, code), 429)


@pytest.mark.parametrize("body", ["{}", "[]", "<html>", '{"customerId": 5}'])
async def test_what_customer_api_garbles_costs_no_code(service, body: str) -> None:
    code = await service.request_code()
    service.customers.answer = lambda request: Response(body)

    garbled = await verify(service, code)
    service.customers.answer = lambda request: None

    assert garbled.status == 503
    await service.read(await verify(service, code))


class Failing:
    """A namespace of which one call fails, the n-th from now on."""

    def __init__(self, kv, calls: int) -> None:
        self._kv = kv
        self._left = calls

    def __getattr__(self, name: str):
        call = getattr(self._kv, name)

        async def counted(*args, **options):
            self._left -= 1
            if self._left == 0:
                raise OSError("the disk is on fire")
            return await call(*args, **options)

        return counted

    @property
    def has_failed(self) -> bool:
        return self._left <= 0


async def test_storage_that_fails_at_any_step_costs_no_code(service) -> None:
    for calls in range(1, 100):
        code = await service.request_code(email := f"user{calls}@example.com", ip=f"::{calls}")
        kv = Failing(service.kv, calls)
        service.configure(OTP_AUTH_KV=kv)

        answer = await verify(service, code, email)
        service.configure(OTP_AUTH_KV=service.kv)

        if not kv.has_failed:
            break
        assert answer.status == 500
        again = await verify(service, code, email)
        assert again.status == 200, f"the code is lost where call {calls} fails"
        service.clock.advance(3600)
    assert answer.status == 200
    assert calls > 10


async def test_the_fixed_code_is_for_tests(service) -> None:
    service.configure(E2E_TEST_OTP_CODE="424242")

    assert await service.request_code() == "424242"
    await service.read(await verify(service, "424242"))


async def test_a_mail_that_cannot_be_sent_leaves_no_code(service) -> None:
    service.outbox.failure = RuntimeError("the relay says no")

    problem = await service.read(
        await service.call("POST", "/auth/request-otp", json={"email": ALICE}), 502
    )

    assert "relay" not in problem["detail"]
    assert TenantKeys(None).code(service.hash()) not in await service.stored()


async def test_without_anybody_who_sends_mails_nothing_is_counted(service) -> None:
    service.configure(EMAIL=None)

    answer = await service.call("POST", "/auth/request-otp", json={"email": ALICE})

    assert (await service.read(answer, 503))["detail"] == "Email is not configured"
    assert not [key for key in await service.stored() if key.startswith("ratelimit")]


async def test_what_happens_is_logged_without_the_address(service) -> None:
    code = await service.request_code()
    await verify(service, other(code))
    await verify(service, code)

    stored = await service.stored()
    assert [event["eventType"] for event in stored["audit_default_2026-03-10"]] == [
        "otp_requested",
        "otp_failed",
        "login",
    ]
    assert ALICE not in json.dumps(stored["audit_default_2026-03-10"])
    assert stored["usage_default_2026-03-10"] == {
        "otpRequests": 1,
        "otpVerifications": 2,
        "successfulLogins": 1,
        "failedAttempts": 1,
        "emailsSent": 1,
    }
