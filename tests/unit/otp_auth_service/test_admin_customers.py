"""All customers by the admin API: listed, suspended, let in again."""

import json

import pytest

SUPER_KEY = "the key of the super admin"
BOB = "bob@example.com"


async def post(service, customer_id: str, verb: str, status: int = 200):
    path = f"/admin/customers/{customer_id}/{verb}"
    return await service.read(await service.call("POST", path, token=SUPER_KEY), status)


async def test_customers_are_listed_page_by_page(service) -> None:
    ids = {await service.customers.create(f"user{n}@example.com") for n in range(5)}
    seen, cursor = [], ""

    while True:
        answer = await service.call(
            "GET", f"/admin/customers?limit=2&cursor={cursor}", token=SUPER_KEY
        )
        page = await service.read(answer)
        assert list(page) == ["success", "customers", "cursor", "list_complete"]
        assert len(page["customers"]) <= 2
        seen += [customer["customerId"] for customer in page["customers"]]
        if page["list_complete"]:
            break
        cursor = page["cursor"]

    assert len(seen) == 5
    assert set(seen) == ids
    assert page["cursor"] is None


@pytest.mark.parametrize("limit", ["0", "1001", "-1", "two", "1e3", "9" * 40])
async def test_a_limit_out_of_bounds_is_refused(service, limit: str) -> None:
    answer = await service.call("GET", f"/admin/customers?limit={limit}", token=SUPER_KEY)

    assert await service.read(answer, 400) == {
        "error": "limit must be a whole number from 1 to 1000"
    }


async def test_a_cursor_that_customer_api_refuses_is_refused_in_its_words(service) -> None:
    answer = await service.call("GET", "/admin/customers?cursor=nonsense", token=SUPER_KEY)

    assert (await service.read(answer, 400))["error"] == (
        "cursor must be one that a page before has given"
    )


async def test_a_suspended_customer_cannot_sign_in_until_it_is_activated(service, owner) -> None:
    answered = await post(service, owner["customerId"], "suspend")

    assert answered == {
        "success": True,
        "customerId": owner["customerId"],
        "status": "suspended",
        "message": "The customer is suspended",
    }
    code = await service.request_code()
    body = {"email": "alice@example.com", "otp": code}
    refused = await service.call("POST", "/auth/verify-otp", json=body)
    assert (await service.read(refused, 403))["detail"] == "Account suspended"
    assert (await service.customers.get(owner["customerId"]))["status"] == "suspended"

    assert (await post(service, owner["customerId"], "activate"))["status"] == "active"
    await service.sign_in()


async def test_signing_in_does_not_activate(service, owner) -> None:
    await post(service, owner["customerId"], "suspend")
    code = await service.request_code()
    await service.call("POST", "/auth/verify-otp", json={"email": "alice@example.com", "otp": code})

    assert (await service.customers.get(owner["customerId"]))["status"] == "suspended"


async def test_a_suspended_customers_api_keys_stop_and_go_on_at_once(service) -> None:
    customer_id = await service.customers.create(BOB)
    api_key = await service.new_api_key(customer_id)
    before = await service.call("GET", "/health/live", api_key=api_key)

    await post(service, customer_id, "suspend")
    suspended = await service.call("GET", "/health/live", api_key=api_key)
    await post(service, customer_id, "activate")
    after = await service.call("GET", "/health/live", api_key=api_key)

    assert (before.status, suspended.status, after.status) == (200, 403, 200)


async def test_a_key_looked_up_while_its_customer_is_suspended_is_not_remembered(service) -> None:
    customer_id = await service.customers.create(BOB)
    api_key = await service.new_api_key(customer_id)

    async def suspend() -> None:
        await post(service, customer_id, "suspend")

    service.during_next_question(suspend)
    await service.call("GET", "/health/live", api_key=api_key)

    assert (await service.call("GET", "/health/live", api_key=api_key)).status == 403


async def test_suspending_twice_is_no_error(service) -> None:
    customer_id = await service.customers.create(BOB)

    await post(service, customer_id, "suspend")

    assert (await post(service, customer_id, "suspend"))["status"] == "suspended"


async def test_what_was_done_is_logged_with_the_customer(service) -> None:
    customer_id = await service.customers.create(BOB)
    await post(service, customer_id, "suspend")
    await post(service, customer_id, "activate")

    log = await service.read(
        await service.call("GET", f"/admin/audit-logs?customerId={customer_id}", token=SUPER_KEY)
    )
    assert [(event["eventType"], event["by"]) for event in log["events"]] == [
        ("customer_activated", "super-admin"),
        ("customer_suspended", "super-admin"),
    ]


async def test_a_customer_deleted_meanwhile_is_not_found(service) -> None:
    customer_id = await service.customers.create(BOB)

    async def delete() -> None:
        await service.customers.send("DELETE", f"/customer/{customer_id}")

    service.during_next_question(delete)

    assert await post(service, customer_id, "suspend", 404) == {"error": "Customer not found"}


async def test_nothing_changes_while_customer_api_is_down(service) -> None:
    customer_id = await service.customers.create(BOB)
    service.customers.is_down = True

    await post(service, customer_id, "suspend", 503)

    assert (await service.customers.get(customer_id))["status"] == "active"


async def test_customers_are_those_of_customer_api_alone(service) -> None:
    # What the original service left behind in this namespace is nobody.
    left = {"customerId": "cust_0123456789ab", "email": BOB, "status": "active"}
    await service.kv.put("customer_cust_0123456789ab", json.dumps(left))

    listed = await service.call("GET", "/admin/customers", token=SUPER_KEY)
    keys = await service.call("GET", "/admin/customers/cust_0123456789ab/api-keys", token=SUPER_KEY)

    assert (await service.read(listed))["customers"] == []
    assert keys.status == 404
