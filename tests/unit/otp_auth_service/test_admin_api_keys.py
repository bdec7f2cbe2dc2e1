"""API keys by the admin API: listed, made, rotated, revoked."""

import asyncio
import hashlib
import json
import re

import pytest

WEEK_S = 7 * 86_400


@pytest.fixture
def path(owner) -> str:
    return f"/admin/customers/{owner['customerId']}/api-keys"


@pytest.fixture
def token(owner) -> str:
    return owner["token"]


async def works(service, api_key: str) -> bool:
    answer = await service.call("GET", "/health/live", api_key=api_key)
    assert answer.status in (200, 401)
    return answer.status == 200


async def test_a_key_is_shown_when_it_is_made_and_never_again(service, owner, path, token) -> None:
    answer = await service.call("POST", path, json={"name": "Shop"}, token=token)

    made = await service.read(answer)
    assert list(made) == ["success", "apiKey", "keyId", "name", "message"]
    assert (made["success"], made["name"]) == (True, "Shop")
    assert re.fullmatch(r"otp_live_sk_[A-Za-z0-9_-]{43}", made["apiKey"])
    assert await works(service, made["apiKey"])
    listed = await service.read(await service.call("GET", path, token=token))
    [key] = listed["keys"]
    assert listed == {"success": True, "keys": [key], "apiKeys": [key]}
    assert key == {
        "customerId": owner["customerId"],
        "keyId": made["keyId"],
        "name": "Shop",
        "createdAt": "2026-03-10T12:00:00.000Z",
        "lastUsed": "2026-03-10T12:00:00.000Z",
        "status": "active",
    }


async def test_nothing_that_is_stored_gives_a_key_away(service, path, token) -> None:
    made = await service.read(await service.call("POST", path, json={}, token=token))

    stored = await service.stored()
    assert made["apiKey"] not in json.dumps(stored)
    assert made["apiKey"].removeprefix("otp_live_sk_") not in json.dumps(stored)
    # The hash stands in the key alone, never in what is listed.
    digest = hashlib.sha256(made["apiKey"].encode()).hexdigest()
    assert f"apikey_{digest}" in stored
    assert digest not in json.dumps(list(stored.values()))


@pytest.mark.parametrize("body", [{}, {"name": "  "}])
async def test_a_key_needs_no_name(service, path, token, body) -> None:
    made = await service.read(await service.call("POST", path, json=body, token=token))

    assert made["name"] == "API key"


@pytest.mark.parametrize(
    ("name", "error"),
    [(7, "name must be a text"), ("x" * 101, "name has up to 100 characters")],
)
async def test_a_name_that_is_none_is_refused(service, path, token, name, error) -> None:
    answer = await service.call("POST", path, json={"name": name}, token=token)

    assert await service.read(answer, 400) == {"error": error}
    assert (await service.read(await service.call("GET", path, token=token)))["keys"] == []


async def test_a_rotated_key_works_on_for_seven_days(service, path, token) -> None:
    old = await service.read(await service.call("POST", path, json={"name": "Shop"}, token=token))

    answer = await service.call("POST", f"{path}/{old['keyId']}/rotate", token=token)

    new = await service.read(answer)
    assert list(new) == ["success", "apiKey", "keyId", "oldKeyId", "message"]
    assert (new["success"], new["oldKeyId"]) == (True, old["keyId"])
    assert new["keyId"] != old["keyId"]
    keys = (await service.read(await service.call("GET", path, token=token)))["keys"]
    assert [(key["keyId"], key["name"], key["status"]) for key in keys] == [
        (old["keyId"], "Shop", "rotated"),
        (new["keyId"], "Shop", "active"),
    ]
    service.clock.advance(WEEK_S - 1)
    assert await works(service, old["apiKey"])
    service.clock.advance(31)
    assert not await works(service, old["apiKey"])
    assert await works(service, new["apiKey"])


async def test_using_a_rotated_key_does_not_give_it_another_week(service, path, token) -> None:
    old = await service.read(await service.call("POST", path, json={}, token=token))
    await service.call("POST", f"{path}/{old['keyId']}/rotate", token=token)
    for _ in range(8):
        await works(service, old["apiKey"])
        service.clock.advance(86_400)

    assert not await works(service, old["apiKey"])


async def test_a_key_is_rotated_once(service, path, token) -> None:
    old = await service.read(await service.call("POST", path, json={}, token=token))
    rotate = f"{path}/{old['keyId']}/rotate"

    answers = await asyncio.gather(*(service.call("POST", rotate, token=token) for _ in range(10)))

    assert sorted(answer.status for answer in answers) == [200] + [404] * 9


async def test_a_revoked_key_does_not_work_from_now_on(service, path, token) -> None:
    made = await service.read(await service.call("POST", path, json={}, token=token))
    # So that it is known to this worker as a good one.
    assert await works(service, made["apiKey"])

    answer = await service.call("DELETE", f"{path}/{made['keyId']}", token=token)

    assert await service.read(answer) == {"success": True, "message": "API key revoked"}
    assert not await works(service, made["apiKey"])
    [key] = (await service.read(await service.call("GET", path, token=token)))["keys"]
    assert key["status"] == "revoked"


async def test_a_key_looked_up_while_it_is_revoked_is_not_remembered(service, path, token) -> None:
    made = await service.read(await service.call("POST", path, json={}, token=token))

    async def revoke() -> None:
        answer = await service.call("DELETE", f"{path}/{made['keyId']}", token=token)
        await service.read(answer)

    service.during_next_question(revoke)
    await service.call("GET", "/health/live", api_key=made["apiKey"])

    assert not await works(service, made["apiKey"])


@pytest.mark.parametrize(
    "key_id", ["key_0123456789abcdef", "key_", "%252e%252e", "key_%2a", "x" * 600]
)
async def test_an_unknown_key_is_not_found(service, path, token, key_id: str) -> None:
    revoked = await service.call("DELETE", f"{path}/{key_id}", token=token)
    rotated = await service.call("POST", f"{path}/{key_id}/rotate", token=token)

    assert await service.read(revoked, 404) == {"error": "API key not found"}
    assert await service.read(rotated, 404) == {
        "error": "API key not found, or not active any longer"
    }


async def test_the_key_of_another_customer_is_not_found(service, path, token) -> None:
    other = await service.customers.create("bob@example.com")
    api_key = await service.new_api_key(other)
    digest = hashlib.sha256(api_key.encode()).hexdigest()

    answer = await service.call("DELETE", f"{path}/key_{digest[:16]}", token=token)

    assert answer.status == 404
    assert await works(service, api_key)


async def test_keys_made_at_the_same_moment_are_all_listed(any_service) -> None:
    service = any_service
    owner = await service.sign_in()
    path = f"/admin/customers/{owner['customerId']}/api-keys"

    answers = await asyncio.gather(
        *(service.call("POST", path, json={}, token=owner["token"]) for _ in range(50))
    )

    made = {(await service.read(answer))["keyId"] for answer in answers}
    listed = await service.read(await service.call("GET", path, token=owner["token"]))
    assert {key["keyId"] for key in listed["keys"]} == made
    assert len(made) == 50


async def test_what_is_done_with_keys_is_logged_without_them(service, owner, path, token) -> None:
    old = await service.read(await service.call("POST", path, json={"name": "A"}, token=token))
    new = await service.read(
        await service.call("POST", f"{path}/{old['keyId']}/rotate", token=token)
    )
    await service.call("DELETE", f"{path}/{new['keyId']}", token=token)

    log = await service.read(await service.call("GET", "/admin/audit-logs", token=token))
    common = {"timestamp": "2026-03-10T12:00:00.000Z", "by": owner["userId"]}
    assert log["events"] == [
        {"eventType": "api_key_revoked", **common, "keyId": new["keyId"]},
        {
            "eventType": "api_key_rotated",
            **common,
            "keyId": new["keyId"],
            "oldKeyId": old["keyId"],
        },
        {"eventType": "api_key_created", **common, "keyId": old["keyId"], "name": "A"},
    ]
