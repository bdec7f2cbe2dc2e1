"""What happens at the same moment, on each engine."""

import asyncio
import json

ALICE = "alice@example.com"


class Slow:
    """A namespace that lets others go first before it deletes."""

    def __init__(self, kv) -> None:
        self._kv = kv

    def __getattr__(self, name):
        return getattr(self._kv, name)

    async def delete(self, key) -> None:
        await asyncio.sleep(0)
        await self._kv.delete(key)


class Elsewhere:
    """A namespace that another process writes to, right after a write of ours."""

    def __init__(self, kv, interfere) -> None:
        self._kv = kv
        self._interfere = interfere

    def __getattr__(self, name):
        return getattr(self._kv, name)

    async def put(self, key, value, **options) -> None:
        await self._kv.put(key, value, **options)
        await self._interfere(self._kv, key)


async def test_fault_parallel_creates_gave_several_records_and_50_give_one(any_api) -> None:
    bodies = [{"email": email} for email in (ALICE, " Alice@EXAMPLE.com")] * 25

    responses = await asyncio.gather(
        *(any_api.send("POST", "/customer", service=True, json_body=body) for body in bodies)
    )

    statuses = [response.status for response in responses]
    assert sorted(statuses) == [201] + [409] * 49
    created = await any_api.opened(responses[statuses.index(201)])
    stored = await any_api.stored()
    assert len(stored) == 2
    assert f"customer_{created['customerId']}" in stored


async def test_50_creates_with_one_id_give_one_customer(any_api) -> None:
    bodies = [
        {"email": f"customer-{number}@example.com", "customerId": "cust_00000000beef"}
        for number in range(50)
    ]

    responses = await asyncio.gather(
        *(any_api.send("POST", "/customer", service=True, json_body=body) for body in bodies)
    )

    assert sorted(response.status for response in responses) == [201] + [409] * 49
    assert len(await any_api.stored()) == 2


async def test_50_updates_of_different_fields_lose_nothing(any_api) -> None:
    created = await any_api.create()
    path = f"/customer/{created['customerId']}"
    bodies: list[dict] = [{"config": {f"key {number}": number}} for number in range(24)]
    bodies += [{"features": {f"flag {number}": True}} for number in range(23)]
    bodies += [{"tier": "premium"}, {"plan": "pro"}, {"displayName": "alice"}]

    responses = await asyncio.gather(
        *(any_api.send("PUT", path, service=True, json_body=body) for body in bodies)
    )

    assert {response.status for response in responses} == {200}
    customer = await any_api.opened(await any_api.send("GET", path, service=True))
    assert customer["config"] == {f"key {number}": number for number in range(24)}
    assert customer["features"] == {f"flag {number}": True for number in range(23)}
    assert (customer["tier"], customer["plan"]) == ("premium", "pro")
    assert customer["displayName"] == "alice"


async def test_deletes_creates_and_updates_at_once_leave_one_whole_customer_or_none(
    any_api,
) -> None:
    async def create() -> int:
        return (
            await any_api.send("POST", "/customer", service=True, json_body={"email": ALICE})
        ).status

    async def delete() -> int:
        return (await any_api.send("DELETE", "/customer/me", token=token)).status

    async def update() -> int:
        body = {"name": "x"}
        return (await any_api.send("PUT", "/customer/me", token=token, json_body=body)).status

    token = any_api.token()
    for _ in range(4):
        statuses = await asyncio.gather(*(work() for work in (create, delete, update) * 10))
        assert set(statuses) <= {200, 201, 204, 404, 409}
        assert abs(statuses.count(201) - statuses.count(204)) <= 1

        stored = await any_api.stored()
        records = [key for key in stored if key.startswith("customer_")]
        indexes = [value for key, value in stored.items() if key.startswith("email_")]
        assert [f"customer_{customer_id}" for customer_id in indexes] == records
        await delete()


async def test_of_deletes_at_once_one_succeeds(any_api) -> None:
    created = await any_api.create()
    any_api.env.CUSTOMER_KV = Slow(any_api.kv)
    path = f"/customer/{created['customerId']}"

    responses = await asyncio.gather(
        *(any_api.send("DELETE", path, service=True) for _ in range(10))
    )

    assert sorted(response.status for response in responses) == [204] + [404] * 9
    assert await any_api.stored() == {}


async def test_a_customer_who_is_suspended_meanwhile_changes_nothing(api) -> None:
    created = await api.create()
    path = f"/customer/{created['customerId']}"

    async def slowly():
        yield b'{"name":'
        # The record was found active; now it is suspended.
        await api.send("PUT", path, service=True, json_body={"status": "suspended"})
        yield b'"late"}'

    response = await api.send("PUT", "/customer/me", token=api.token(), body=slowly())

    assert response.status == 403
    assert (await api.opened(await api.send("GET", path, service=True)))["name"] == "alice"


async def test_a_customer_who_is_deleted_meanwhile_is_not_found(api) -> None:
    created = await api.create()
    path = f"/customer/{created['customerId']}"

    async def slowly():
        yield b'{"name":'
        await api.send("DELETE", path, service=True)
        yield b'"late"}'

    response = await api.send("PUT", path, service=True, body=slowly())

    assert response.status == 404
    assert await api.stored() == {}


async def test_a_create_that_another_process_has_won_leaves_nothing_behind(api) -> None:
    async def win(kv, key: str) -> None:
        if key.startswith("email_"):
            await kv.put("customer_cust_0123456789ab", json.dumps({"email": ALICE}))
            await kv.put(key, "cust_0123456789ab")

    plain, api.env.CUSTOMER_KV = api.kv, Elsewhere(api.kv, win)

    response = await api.send("POST", "/customer", service=True, json_body={"email": ALICE})

    assert response.status == 409
    assert {key["name"] for key in (await plain.list())["keys"] if "cust_" in key["name"]} == {
        "customer_cust_0123456789ab"
    }


async def test_an_update_that_another_process_has_overwritten_is_made_again(api) -> None:
    created = await api.create()
    key = f"customer_{created['customerId']}"
    left = 2

    async def overwrite(kv, written: str) -> None:
        nonlocal left
        if left > 0:
            left -= 1
            record = {"email": ALICE, "tier": "premium", "config": {"other": left}}
            await kv.put(key, json.dumps(record))

    api.env.CUSTOMER_KV = Elsewhere(api.kv, overwrite)

    body = {"config": {"ours": 1}}
    response = await api.send("PUT", "/customer/me", token=api.token(), json_body=body)

    assert response.status == 200
    record = await api.kv.get(key, "json")
    assert record["config"] == {"other": 0, "ours": 1}
    assert record["tier"] == "premium"


async def test_an_update_gives_up_where_another_process_overwrites_it_again_and_again(api) -> None:
    created = await api.create()
    key = f"customer_{created['customerId']}"
    count = 0

    async def overwrite(kv, written: str) -> None:
        nonlocal count
        count += 1
        await kv.put(key, json.dumps({"email": ALICE, "config": {"other": count}}))

    api.env.CUSTOMER_KV = Elsewhere(api.kv, overwrite)

    response = await api.send("PUT", "/customer/me", token=api.token(), json_body={"name": "x"})

    assert (response.status, response.headers["retry-after"], count) == (503, "1", 3)
