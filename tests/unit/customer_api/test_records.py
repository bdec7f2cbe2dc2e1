"""CUSTOMER_KV: its keys and values, and what is made of those that others have left."""

import json

import pytest

ALICE = "alice@example.com"
HASH = "ff8d9819fc0e12bf0d24892e45987e249a28dce836a85cad60e28eaaa8c6d976"


class Failing:
    """A namespace whose puts fail for some keys."""

    def __init__(self, kv, prefix: str) -> None:
        self._kv = kv
        self._prefix = prefix

    def __getattr__(self, name):
        return getattr(self._kv, name)

    async def put(self, key, value, **options) -> None:
        if key.startswith(self._prefix):
            raise OSError("the disk is full")
        await self._kv.put(key, value, **options)


async def test_a_customer_is_a_record_and_an_index(any_api) -> None:
    created = await any_api.create("Alice@Example.com ", name="Zoë ☕")

    customer_id = created["customerId"]
    stored = await any_api.stored()
    record = {name: value for name, value in created.items() if name != "id"}
    assert stored == {
        f"customer_{customer_id}": json.dumps(record, ensure_ascii=False, separators=(",", ":")),
        f"email_to_customer_{HASH}": customer_id,
    }
    listed = (await any_api.kv.list(prefix="customer_"))["keys"]
    assert listed == [
        {
            "name": f"customer_{customer_id}",
            "metadata": {"status": "active", "createdAt": created["createdAt"]},
        }
    ]


async def test_the_metadata_follows_the_status(any_api) -> None:
    created = await any_api.create()
    path = f"/customer/{created['customerId']}"

    await any_api.send("PUT", path, service=True, json_body={"status": "suspended"})

    listed = (await any_api.kv.list(prefix="customer_"))["keys"]
    assert listed[0]["metadata"] == {"status": "suspended", "createdAt": created["createdAt"]}


async def test_a_record_of_the_original_service_is_answered_with_all_its_fields(api) -> None:
    record = {
        "customerId": "cust_0123456789ab",
        "email": "Alice@Example.com",
        "legacy": [1],
        "id": 5,
    }
    await api.kv.put("customer_cust_0123456789ab", json.dumps(record))
    await api.kv.put(f"email_to_customer_{HASH}", "cust_0123456789ab")
    token = api.token()

    mine = await api.opened(await api.send("GET", "/customer/me", token=token), token)
    await api.send("PUT", "/customer/me", token=token, json_body={"name": "Alice"})

    assert mine["id"].startswith("req_")
    assert mine | {"id": 5} == record
    stored = await api.kv.get("customer_cust_0123456789ab", "json")
    assert stored.items() >= (record | {"name": "Alice"}).items()


async def test_an_index_that_points_to_nothing_is_no_customer(api) -> None:
    await api.kv.put(f"email_to_customer_{HASH}", "cust_0123456789ab")

    missing = await api.send("GET", f"/customer/by-email/{ALICE}", service=True)
    created = await api.create()

    assert missing.status == 404
    assert await api.kv.get(f"email_to_customer_{HASH}") == created["customerId"]


@pytest.mark.parametrize("customer_id", ["cust_0123456789ab_apikeys", "../secret", ""])
async def test_an_index_that_points_to_no_id_is_no_customer(api, customer_id: str) -> None:
    await api.kv.put(f"email_to_customer_{HASH}", customer_id)
    await api.kv.put(f"customer_{customer_id}", json.dumps({"email": ALICE}))

    response = await api.send("GET", f"/customer/by-email/{ALICE}", service=True)

    assert response.status == 404


async def test_an_index_that_points_to_somebody_else_does_not_give_him_away(api) -> None:
    bob = await api.create("bob@example.com")
    await api.kv.put(f"email_to_customer_{HASH}", bob["customerId"])

    for path in (f"/customer/by-email/{ALICE}", "/customer/me"):
        assert (await api.send("GET", path, token=api.token())).status == 404
    created = await api.create()
    assert created["customerId"] != bob["customerId"]
    await api.send("DELETE", f"/customer/{bob['customerId']}", service=True)
    assert (await api.send("GET", "/customer/me", token=api.token())).status == 200


async def test_deleting_leaves_an_index_that_points_to_somebody_else(api) -> None:
    alice = await api.create()
    await api.kv.put(f"email_to_customer_{HASH}", "cust_0123456789ab")

    await api.send("DELETE", f"/customer/{alice['customerId']}", service=True)

    assert await api.stored() == {f"email_to_customer_{HASH}": "cust_0123456789ab"}


@pytest.mark.parametrize("prefix", ["customer_", "email_"])
async def test_a_create_that_fails_leaves_nothing(api, caplog, prefix: str) -> None:
    api.env.CUSTOMER_KV = Failing(api.kv, prefix)

    response = await api.send("POST", "/customer", service=True, json_body={"email": ALICE})

    assert (response.status, await api.stored()) == (500, {})
    assert "the disk is full" in caplog.text
    api.env.CUSTOMER_KV = api.kv
    assert (await api.create())["email"] == ALICE


@pytest.mark.parametrize("text", ["no JSON", "[]"])
async def test_a_damaged_record_is_an_error_and_stays_as_it_is(api, caplog, text: str) -> None:
    await api.kv.put("customer_cust_0123456789ab", text)

    read = await api.send("GET", "/customer/cust_0123456789ab", service=True)
    written = await api.send(
        "PUT", "/customer/cust_0123456789ab", service=True, json_body={"name": "x"}
    )

    assert (read.status, written.status) == (500, 500)
    assert await api.kv.get("customer_cust_0123456789ab") == text
    assert "failed" in caplog.text


async def test_a_store_that_fails_while_listing_is_an_error(api, caplog) -> None:
    class Broken:
        async def list(self, **options: object) -> None:
            raise OSError("KV GET failed: 500 oops")

    api.env.CUSTOMER_KV = Broken()

    response = await api.send("GET", "/customer?cursor=x", service=True)

    assert response.status == 500
    assert "oops" in caplog.text
