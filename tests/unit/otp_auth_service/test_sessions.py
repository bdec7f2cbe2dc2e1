"""Tokens after sign-in: who one is, renewing, signing out, and looking at a token."""

import asyncio
import json

import pytest

from identity import hash_token, issue_token
from otp_auth_service.keys import TenantKeys

ALICE = "alice@example.com"
SECRET = "a secret of at least thirty-two bytes"
SERVICE_KEY = "the key of the services"
SUPER_KEY = "the key of the super admin"


async def test_me_is_who_has_signed_in(service) -> None:
    signed_in = await service.sign_in()

    answer = await service.call("GET", "/auth/me", token=signed_in["token"])

    body = await service.read(answer)
    assert answer.headers["cache-control"] == "no-store"
    assert list(body) == [
        *("id", "customerId", "sub", "email", "email_verified", "iss", "aud", "userId"),
        *("displayName", "createdAt", "lastLogin"),
    ]
    assert body["email"] == ALICE
    assert body["sub"] == body["userId"] == body["id"] == signed_in["userId"]
    assert body["aud"] == body["customerId"] == signed_in["customerId"]
    assert body["displayName"] == signed_in["displayName"]
    assert body["lastLogin"] == "2026-03-10T12:00:00.000Z"


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/auth/me"),
        ("POST", "/auth/logout"),
        ("GET", "/auth/quota"),
        ("GET", "/user/display-name"),
        ("GET", "/user/me/preferences"),
    ],
)
async def test_without_a_valid_token_nobody_is_told_anything(service, clock, method, path) -> None:
    token = await service.token()

    missing = await service.call(method, path)
    basic = await service.call(method, path, headers={"Authorization": f"Basic {token}"})
    forged = await service.call(method, path, token=f"{token[:-3]}abc")
    clock.advance(25_200)
    expired = await service.call(method, path, token=token)

    for answer in (missing, basic):
        assert await service.read(answer, 401) == {"error": "Authorization header required"}
    for answer in (forged, expired):
        assert await service.read(answer, 401) == {"error": "Invalid or expired token"}


async def test_the_scheme_is_written_in_any_case(service) -> None:
    token = await service.token()

    answer = await service.call("GET", "/auth/me", headers={"Authorization": f"bEARER  {token}"})

    await service.read(answer)


async def test_a_token_of_somebody_who_is_gone_finds_nobody(service) -> None:
    token = await service.token()
    await service.kv.delete(f"user_{service.hash()}")

    answer = await service.call("GET", "/auth/me", token=token)

    assert await service.read(answer, 404) == {"error": "User not found"}


async def test_a_session_holds_the_hash_of_the_token(service, clock) -> None:
    signed_in = await service.sign_in()

    stored = await service.stored()

    assert stored[f"session_{signed_in['userId']}"] == {
        "userId": signed_in["userId"],
        "token": hash_token(signed_in["token"]),
        "expiresAt": "2026-03-10T19:00:00.000Z",
        "createdAt": "2026-03-10T12:00:00.000Z",
    }
    assert signed_in["token"] not in json.dumps(stored)
    clock.advance(25_201)
    assert f"session_{signed_in['userId']}" not in await service.stored()


async def test_logging_out_revokes_the_token_until_it_expires(service, clock) -> None:
    signed_in = await service.sign_in()
    token = signed_in["token"]

    answer = await service.call("POST", "/auth/logout", token=token)

    assert await service.read(answer) == {
        "success": True,
        "message": "Logged out successfully",
    }
    await service.read(await service.call("GET", "/auth/me", token=token), 401)
    await service.read(await service.call("POST", "/auth/logout", token=token), 401)
    stored = await service.stored()
    assert stored[f"blacklist_{hash_token(token)}"] == {"revokedAt": "2026-03-10T12:00:00.000Z"}
    assert f"session_{signed_in['userId']}" not in stored
    clock.advance(25_201)
    assert f"blacklist_{hash_token(token)}" not in await service.stored()


async def test_a_revoked_token_is_revoked_however_its_signature_is_written(service) -> None:
    token = await service.token()
    while "_" not in token.rpartition(".")[2]:
        service.clock.advance(3600)
        token = await service.token()
    head, _, signature = token.rpartition(".")
    faulty = f"{head}.{signature.replace('_', '/')}"
    await service.read(await service.call("GET", "/auth/me", token=faulty))

    await service.read(await service.call("POST", "/auth/logout", token=token))

    for text in (faulty, f"{token}=", token):
        await service.read(await service.call("GET", "/auth/me", token=text), 401)
        await service.read(await refresh(service, text), 401)


async def test_a_token_in_the_faulty_alphabet_is_revoked_in_the_proper_one_too(service) -> None:
    token = await service.token()
    while "_" not in token.rpartition(".")[2]:
        service.clock.advance(3600)
        token = await service.token()
    head, _, signature = token.rpartition(".")
    faulty = f"{head}.{signature.replace('_', '/')}"

    await service.read(await refresh(service, faulty))

    await service.read(await service.call("GET", "/auth/me", token=token), 401)


async def refresh(service, token):
    return await service.call("POST", "/auth/refresh", json={"token": token})


async def test_a_token_is_renewed_with_all_its_claims(service, clock) -> None:
    old = await service.sign_in()
    clock.advance(3600)

    answer = await refresh(service, old["token"])

    body = await service.read(answer)
    assert answer.headers["cache-control"] == "no-store"
    assert list(body) == ["success", "token", "access_token", "expiresAt"]
    assert body["token"] == body["access_token"] != old["token"]
    assert body["expiresAt"] == "2026-03-10T20:00:00.000Z"
    me = await service.read(await service.call("GET", "/auth/me", token=body["token"]))
    assert (me["sub"], me["email"]) == (old["sub"], ALICE)
    assert me["customerId"] == me["aud"] == old["customerId"]


async def test_the_old_token_is_revoked_then(service) -> None:
    old = await service.token()
    await service.read(await refresh(service, old))

    again = await refresh(service, old)

    assert await service.read(again, 401) == {"error": "Token has been revoked"}
    await service.read(await service.call("GET", "/auth/me", token=old), 401)


async def test_one_token_is_renewed_once_however_many_ask(any_service) -> None:
    old = await any_service.token()

    answers = await asyncio.gather(*(refresh(any_service, old) for _ in range(20)))

    assert sorted(answer.status for answer in answers) == [200] + [401] * 19


@pytest.mark.parametrize("token", [None, "", 5])
async def test_renewing_takes_a_token(service, token) -> None:
    assert await service.read(await refresh(service, token), 400) == {"error": "Token required"}


async def test_an_expired_token_is_not_renewed(service, clock) -> None:
    token = await service.token()
    clock.advance(25_200)

    answer = await refresh(service, token)

    assert await service.read(answer, 401) == {"error": "Invalid or expired token"}


async def test_who_is_suspended_does_not_stay_signed_in(service) -> None:
    signed_in = await service.sign_in()
    await service.customers.change(signed_in["customerId"], status="suspended")

    answer = await refresh(service, signed_in["token"])

    assert (await service.read(answer, 403))["detail"] == "Account suspended"


async def test_while_customer_api_is_down_a_token_is_not_lost(service) -> None:
    token = await service.token()
    service.customers.is_down = True
    await service.read(await refresh(service, token), 503)
    service.customers.is_down = False

    await service.read(await refresh(service, token))


async def test_the_quota_of_a_customer(service) -> None:
    signed_in = await service.sign_in()
    customer_id = signed_in["customerId"]
    await service.customers.change(customer_id, plan="pro")
    await service.kv.put(f"usage_{customer_id}_2026-03-10", '{"otpRequests": 3}')
    await service.kv.put(f"usage_{customer_id}_2026-03-01", '{"otpRequests": 4}')

    body = await service.read(await service.call("GET", "/auth/quota", token=signed_in["token"]))

    assert body == {
        "success": True,
        "quota": {"otpRequestsPerDay": 10_000, "otpRequestsPerMonth": 100_000},
        "usage": {
            "daily": 3,
            "monthly": 7,
            "remainingDaily": 9_997,
            "remainingMonthly": 99_993,
        },
    }


@pytest.mark.parametrize("form", [True, False])
@pytest.mark.parametrize("by", ["service", "admin"])
async def test_services_and_admins_look_at_a_token(service, form: bool, by: str) -> None:
    signed_in = await service.sign_in()
    options = (
        {"headers": {"X-Service-Key": SERVICE_KEY}} if by == "service" else {"token": SUPER_KEY}
    )
    if form:
        headers = options.setdefault("headers", {})
        headers["Content-Type"] = "application/x-www-form-urlencoded; charset=utf-8"
        options["body"] = f"token={signed_in['token']}&token_type_hint=access_token"
    else:
        options["json"] = {"token": signed_in["token"]}

    answer = await service.call("POST", "/auth/introspect", **options)

    body = await service.read(answer)
    assert body["active"] is True
    assert body["sub"] == body["userId"] == signed_in["userId"]
    assert (body["email"], body["customerId"]) == (ALICE, signed_in["customerId"])
    assert (body["iss"], body["token_type"]) == ("auth.idling.app", "Bearer")
    assert body["exp"] - body["iat"] == 25_200


async def test_a_token_that_is_not_valid_is_not_active_and_no_more_is_said(service, clock) -> None:
    revoked = await service.token()
    await service.call("POST", "/auth/logout", token=revoked)
    valid = await service.token()
    expired, _ = issue_token(
        SECRET, issuer="auth.idling.app", user_id="u", email="a@b.c", customer_id=None, now=1000
    )
    foreign, _ = issue_token(
        SECRET, issuer="evil.example", user_id="u", email="a@b.c", customer_id=None, now=clock()
    )

    for token in (revoked, expired, foreign, f"{valid}x", "x"):
        answer = await service.call(
            "POST",
            "/auth/introspect",
            json={"token": token},
            headers={"X-Service-Key": SERVICE_KEY},
        )
        assert await service.read(answer) == {"active": False}


@pytest.mark.parametrize("headers", [{}, {"X-Service-Key": "wrong"}, {"X-Service-Key": ""}])
async def test_nobody_else_looks_at_a_token(service, headers) -> None:
    token = await service.token()

    answer = await service.call("POST", "/auth/introspect", json={"token": token}, headers=headers)

    assert answer.status == 401
    own = await service.call("POST", "/auth/introspect", json={"token": token}, token=token)
    assert own.status == 403


async def test_looking_takes_a_token(service) -> None:
    answer = await service.call(
        "POST", "/auth/introspect", json={}, headers={"X-Service-Key": SERVICE_KEY}
    )

    assert answer.status == 400


async def test_a_token_revoked_in_a_tenants_name_is_revoked_for_everybody(service) -> None:
    customer_id = await service.customers.create("shop@example.com")
    api_key = await service.new_api_key(customer_id)
    token = await service.token(api_key=api_key)

    await service.read(await service.call("POST", "/auth/logout", token=token, api_key=api_key))

    looked = await service.call(
        "POST",
        "/auth/introspect",
        json={"token": token},
        headers={"X-Service-Key": SERVICE_KEY},
    )
    assert await service.read(looked) == {"active": False}
    keys = TenantKeys(customer_id)
    assert keys.revoked(hash_token(token)) in await service.stored()
