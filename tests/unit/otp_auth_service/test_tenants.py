"""Requests in a tenant's name."""

import json

import pytest

from otp_auth_service.tenants import API_KEY_PREFIX, hash_api_key

ALICE = "alice@example.com"


def ask(service, **options):
    return service.call("POST", "/auth/request-otp", json={"email": ALICE}, **options)


@pytest.fixture
async def shop(service) -> str:
    """A tenant."""
    return await service.customers.create("shop@example.com")


async def test_an_api_key_is_stored_as_its_hash_alone(service, shop: str) -> None:
    api_key = await service.new_api_key(shop)

    stored = await service.stored()

    assert api_key.startswith(API_KEY_PREFIX)
    assert len(api_key) == len(API_KEY_PREFIX) + 43
    assert api_key not in json.dumps(stored)
    record = stored[f"apikey_{hash_api_key(api_key)}"]
    assert list(record) == ["customerId", "keyId", "name", "createdAt", "lastUsed", "status"]
    assert (record["customerId"], record["status"], record["lastUsed"]) == (shop, "active", None)
    assert stored[f"customer_{shop}_apikeys"] == [record]


@pytest.mark.parametrize("as_bearer", [True, False])
async def test_all_that_is_stored_goes_under_the_tenant(service, shop: str, as_bearer) -> None:
    api_key = await service.new_api_key(shop)
    options = {"token": api_key} if as_bearer else {"api_key": api_key}
    before = set(await service.stored())

    code = await service.request_code(**options)
    answer = await service.call(
        "POST", "/auth/verify-otp", json={"email": ALICE, "otp": code}, **options
    )
    await service.read(answer)

    new = set(await service.stored()) - before
    prefix = f"cust_{shop}_"
    assert {key for key in new if not key.startswith(prefix)} == {f"usage_{shop}_2026-03-10"}
    assert f"{prefix}user_{service.hash()}" in new


async def test_users_of_a_tenant_are_nobody_elses(service, shop: str) -> None:
    api_key = await service.new_api_key(shop)
    code = await service.request_code(api_key=api_key)

    answer = await service.call("POST", "/auth/verify-otp", json={"email": ALICE, "otp": code})

    await service.read(answer, 401)


@pytest.mark.parametrize("text", ["", "x", f"{API_KEY_PREFIX}x", "otp_live_sk_" + "A" * 43])
async def test_a_key_that_is_none_is_refused(service, text: str) -> None:
    answer = await ask(service, headers={"X-OTP-API-Key": text})

    if text:
        assert (await service.read(answer, 401))["detail"] == "Invalid API key"
        assert service.outbox.mails == []
    else:
        await service.read(answer)


async def test_a_suspended_tenants_key_is_refused(service, shop: str) -> None:
    api_key = await service.new_api_key(shop)
    await service.customers.change(shop, status="suspended")

    answer = await ask(service, api_key=api_key)

    assert (await service.read(answer, 403))["detail"] == "Account suspended"


async def test_what_is_known_of_a_tenant_is_trusted_for_thirty_seconds(
    service, shop: str, clock
) -> None:
    api_key = await service.new_api_key(shop)
    await service.read(await ask(service, api_key=api_key))
    service.customers.asked.clear()
    await service.customers.change(shop, status="suspended")
    clock.advance(29)

    await service.read(await ask(service, api_key=api_key))
    assert service.customers.asked == []
    clock.advance(1)

    await service.read(await ask(service, api_key=api_key), 403)


async def test_while_customer_api_is_down_a_tenant_is_told_so(service, shop: str) -> None:
    api_key = await service.new_api_key(shop)
    service.customers.is_down = True

    await service.read(await ask(service, api_key=api_key), 503)


@pytest.mark.parametrize(
    ("allowed", "ip", "status"),
    [
        (["192.0.2.1"], "192.0.2.1", 200),
        (["192.0.2.0/24"], "192.0.2.77", 200),
        (["2001:db8::/32"], "2001:db8::1", 200),
        ([], "192.0.2.1", 200),
        ("192.0.2.1", "192.0.2.9", 200),
        (["192.0.2.1"], "192.0.2.2", 403),
        (["192.0.2.1"], None, 403),
        (["nonsense", 5], "192.0.2.1", 403),
    ],
)
async def test_a_tenant_lets_in_whom_it_lists(service, shop, allowed, ip, status) -> None:
    await service.customers.change(shop, config={"allowedIPs": allowed})
    api_key = await service.new_api_key(shop)

    answer = await ask(service, api_key=api_key, ip=ip)

    body = await service.read(answer, status)
    if status == 403:
        assert body["detail"] == "IP address not allowed"


async def test_the_last_use_is_written_once_a_minute(service, shop: str, clock) -> None:
    api_key = await service.new_api_key(shop)
    key = f"apikey_{hash_api_key(api_key)}"
    used = []
    for seconds in (0, 59, 1):
        clock.advance(seconds)
        await ask(service, api_key=api_key)
        used.append((await service.stored())[key]["lastUsed"])

    assert used == [
        "2026-03-10T12:00:00.000Z",
        "2026-03-10T12:00:00.000Z",
        "2026-03-10T12:01:00.000Z",
    ]
    [listed] = (await service.stored())[f"customer_{shop}_apikeys"]
    assert listed["lastUsed"] == used[-1]


async def test_a_tenants_plan_decides_on_its_limits(service, shop: str) -> None:
    await service.customers.change(shop, plan="pro")
    api_key = await service.new_api_key(shop)

    answers = [await ask(service, api_key=api_key) for _ in range(11)]

    assert [answer.status for answer in answers] == [200] * 10 + [429]
