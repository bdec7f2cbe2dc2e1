"""Signing up: an account, a token and an API key for a company."""

import asyncio
import json
import re

import pytest

ALICE = "alice@example.com"
COMPANY = "Wonderland Ltd."


async def start(service, email: object = ALICE, company: object = COMPANY, status: int = 200):
    answer = await service.call("POST", "/signup", json={"email": email, "companyName": company})
    return await service.read(answer, status)


async def send_code(service, code: object, email: object = ALICE):
    return await service.call("POST", "/signup/verify", json={"email": email, "otp": code})


async def verify(service, code: object, email: object = ALICE, status: int = 200):
    return await service.read(await send_code(service, code, email), status)


async def test_a_code_is_sent(service) -> None:
    assert await start(service) == {
        "success": True,
        "message": "OTP sent to email",
        "expiresIn": 600,
        "remaining": 4,
    }
    assert [mail["to"] for mail in service.outbox.mails] == [ALICE]
    stored = (await service.stored())[f"signup_{service.hash()}"]
    assert stored["companyName"] == COMPANY
    assert service.outbox.code() not in json.dumps(stored)


async def test_a_company_that_shows_its_code_gets_an_account_and_a_key(service) -> None:
    await start(service, " Alice@Example.com ")

    answer = await send_code(service, service.outbox.code())

    assert (answer.headers["cache-control"], answer.headers["pragma"]) == ("no-store", "no-cache")
    signed_up = await service.read(answer)
    assert list(signed_up) == [
        *("success", "customerId", "apiKey", "keyId", "access_token", "token", "token_type"),
        *("expiresAt", "message", "customer"),
    ]
    [customer] = await service.customers.all()
    assert signed_up["customer"] == {
        "customerId": customer["customerId"],
        "email": ALICE,
        "name": "alice",
        "companyName": COMPANY,
        "plan": "free",
        "status": "active",
    }
    assert signed_up["customerId"] == customer["customerId"]
    assert signed_up["token"] == signed_up["access_token"]
    assert (signed_up["token_type"], signed_up["expiresAt"]) == (
        "Bearer",
        "2026-03-10T19:00:00.000Z",
    )
    assert re.fullmatch(r"otp_live_sk_[A-Za-z0-9_-]{43}", signed_up["apiKey"])
    assert (await service.call("GET", "/auth/me", token=signed_up["token"])).status == 200
    used = await service.call("GET", "/health/live", api_key=signed_up["apiKey"])
    assert used.status == 200


async def test_the_key_is_listed_and_logged_but_never_shown_again(service) -> None:
    await start(service)
    signed_up = await verify(service, service.outbox.code())
    token, customer_id = signed_up["token"], signed_up["customerId"]

    keys = await service.read(
        await service.call("GET", f"/admin/customers/{customer_id}/api-keys", token=token)
    )
    log = await service.read(await service.call("GET", "/admin/audit-logs", token=token))

    assert [key["keyId"] for key in keys["keys"]] == [signed_up["keyId"]]
    assert [event["eventType"] for event in log["events"]] == ["api_key_created"]
    assert signed_up["apiKey"] not in json.dumps([keys, log, await service.stored()])


@pytest.mark.parametrize(
    ("email", "company"),
    [(None, COMPANY), (ALICE, None), ("", ""), ("  ", COMPANY), (ALICE, "  "), (7, 7), ([], {})],
)
async def test_email_and_company_name_are_required(service, email, company) -> None:
    answered = await start(service, email, company, status=400)

    assert answered == {"error": "Email and company name are required"}


@pytest.mark.parametrize(
    "email", ["alice", "a b@example.com", "alice@example", "a" * 250 + "@b.co"]
)
async def test_an_address_that_is_none_is_refused(service, email: str) -> None:
    assert await start(service, email, status=400) == {"error": "Valid email address required"}
    assert service.outbox.mails == []


async def test_a_name_that_customer_api_would_refuse_is_refused_before_a_mail(service) -> None:
    answered = await start(service, company="x" * 101, status=400)

    assert answered == {"error": "The company name has up to 100 characters"}
    assert service.outbox.mails == []


async def test_the_longest_name_is_taken(service) -> None:
    await start(service, company="é" * 100)

    signed_up = await verify(service, service.outbox.code())

    assert signed_up["customer"]["companyName"] == "é" * 100


@pytest.mark.parametrize("path", ["/signup", "/signup/verify"])
async def test_a_body_that_is_no_json_is_a_problem(service, path: str) -> None:
    answer = await service.call("POST", path, body="email=alice")

    assert answer.headers["content-type"] == "application/problem+json"
    assert (await service.read(answer, 400))["detail"] == "The body is not valid JSON"


async def test_a_sign_up_under_way_sends_no_second_mail(service) -> None:
    await start(service)
    service.clock.advance(100)

    again = await start(service)

    assert again == {
        "success": True,
        "message": "The code was sent before",
        "expiresIn": 500,
        "remaining": 4,
        "alreadyInProgress": True,
    }
    assert len(service.outbox.mails) == 1


async def test_a_name_can_be_corrected_while_the_code_is_on_its_way(service) -> None:
    await start(service, company="Wnderland")
    await start(service, company=COMPANY)

    signed_up = await verify(service, service.outbox.code())

    assert signed_up["customer"]["companyName"] == COMPANY


async def test_sign_ups_at_the_same_moment_send_one_mail(any_service) -> None:
    answers = await asyncio.gather(*(start(any_service) for _ in range(20)))

    assert sum("alreadyInProgress" not in answer for answer in answers) == 1
    assert len(any_service.outbox.mails) == 1


async def test_a_code_used_up_by_wrong_tries_is_replaced(service) -> None:
    await start(service)
    wrong = "000001" if service.outbox.code() == "000000" else "000000"
    for _ in range(5):
        await send_code(service, wrong)

    again = await start(service)

    assert "alreadyInProgress" not in again
    assert len(service.outbox.mails) == 2
    await verify(service, service.outbox.code())


async def test_a_code_asked_for_to_sign_in_is_as_good(service) -> None:
    await start(service)
    code = await service.request_code()

    assert (await verify(service, code))["success"] is True


async def test_a_sign_up_ends_with_its_code(service) -> None:
    await start(service)
    code = service.outbox.code()
    service.clock.advance(600)

    answered = await verify(service, code, status=404)

    assert answered == {
        "error": "Signup not found or expired. Please start the signup process again."
    }
    assert "alreadyInProgress" not in await start(service)


async def test_without_a_sign_up_there_is_nothing_to_verify(service) -> None:
    code = await service.request_code()

    answered = await verify(service, code, status=404)

    assert answered == {
        "error": "Signup not found or expired. Please start the signup process again."
    }
    # And the code is still good for signing in.
    body = {"email": ALICE, "otp": code}
    assert (await service.call("POST", "/auth/verify-otp", json=body)).status == 200


@pytest.mark.parametrize(
    ("body", "error"),
    [
        ({"otp": "123456"}, "Email required"),
        ({"email": "", "otp": "123456"}, "Email required"),
        ({"email": ALICE}, "OTP code required"),
        ({"email": ALICE, "otp": ""}, "OTP code required"),
    ],
)
async def test_email_and_code_are_required(service, body, error) -> None:
    answer = await service.call("POST", "/signup/verify", json=body)

    assert await service.read(answer, 400) == {"error": error}


@pytest.mark.parametrize(
    ("email", "code", "detail"),
    [
        ("alice", "123456", "Valid email address required"),
        (7, "123456", "Valid email address required"),
        (ALICE, "12345", "Valid 6-digit OTP required"),
        (ALICE, 123456, "Valid 6-digit OTP required"),
    ],
)
async def test_what_can_be_no_address_or_code_is_refused_as_in_verify_otp(
    service, email, code, detail
) -> None:
    answer = await send_code(service, code, email)

    assert (await service.read(answer, 400))["detail"] == detail


async def test_a_wrong_code_is_refused_as_in_verify_otp(service) -> None:
    await start(service)
    wrong = "000001" if service.outbox.code() == "000000" else "000000"

    refusals = [await service.read(await send_code(service, wrong), 401) for _ in range(4)]
    last = await verify(service, wrong, status=429)

    assert [refusal["remaining_attempts"] for refusal in refusals] == [4, 3, 2, 1]
    assert refusals[0]["detail"] == ("Invalid or expired OTP code. Please request a new OTP code.")
    assert (last["detail"], last["remaining_attempts"]) == (
        "Too many attempts. Please request a new OTP.",
        0,
    )
    assert await service.customers.all() == []


async def test_verifications_at_the_same_moment_give_one_key(any_service) -> None:
    service = any_service
    await start(service)
    code = service.outbox.code()

    answers = await asyncio.gather(*(send_code(service, code) for _ in range(20)))

    assert sum(answer.status == 200 for answer in answers) == 1
    assert {answer.status for answer in answers} <= {200, 401, 404, 429}
    [customer] = await service.customers.all()
    stored = await service.stored()
    assert len([key for key in stored if key.startswith("apikey_")]) == 1
    assert len(stored[f"customer_{customer['customerId']}_apikeys"]) == 1


async def test_a_sign_up_is_over_when_it_has_been_verified(service) -> None:
    await start(service)
    code = service.outbox.code()
    await verify(service, code)

    await verify(service, code, status=404)

    assert f"signup_{service.hash()}" not in await service.stored()


async def test_a_customer_who_signs_up_again_gets_a_key_for_the_same_account(service) -> None:
    customer_id = await service.customers.create(ALICE, companyName="Old", plan="pro")
    await start(service)

    signed_up = await verify(service, service.outbox.code())

    assert signed_up["customer"] == {
        "customerId": customer_id,
        "email": ALICE,
        "name": "alice",
        "companyName": "Old",
        "plan": "pro",
        "status": "active",
    }
    assert len(await service.customers.all()) == 1


async def test_a_suspended_customer_gets_no_key(service) -> None:
    customer_id = await service.customers.create(ALICE)
    await service.customers.change(customer_id, status="suspended")
    await start(service)

    answered = await verify(service, service.outbox.code(), status=403)

    assert answered["detail"] == "Account suspended"
    assert not [key for key in await service.stored() if key.startswith("apikey_")]


async def test_a_code_stays_usable_while_customer_api_is_down(service) -> None:
    await start(service)
    service.customers.is_down = True
    await verify(service, service.outbox.code(), status=503)
    service.customers.is_down = False

    assert (await verify(service, service.outbox.code()))["success"] is True


async def test_the_limits_of_codes_hold_for_sign_ups(service) -> None:
    for n in range(10):
        await start(service, f"user{n}@example.com")

    answered = await start(service, status=429)

    assert (answered["reason"], answered["detail"]) == (
        "ip_hourly_limit",
        "Too many requests. Please try again later.",
    )
    assert len(service.outbox.mails) == 10


async def test_a_sign_up_whose_mail_failed_is_not_under_way(service) -> None:
    service.outbox.failure = RuntimeError("no route")
    await start(service, status=502)
    service.outbox.failure = None

    assert "alreadyInProgress" not in await start(service)
    assert len(service.outbox.mails) == 1
