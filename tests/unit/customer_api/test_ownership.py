"""The faults of the original, each shown to be gone; and what owning a record means."""

import json

import pytest

from customer_api.callers import TokenHolder

ALICE = "alice@example.com"
BOB = "bob@example.com"


async def forbidden(api, method: str, path: str, *, token: str, **options) -> str:
    """Send what must be refused and change nothing; return the detail."""
    before = await api.stored()
    response = await api.send(method, path, token=token, **options)
    assert response.status == 403
    assert await api.stored() == before
    return json.loads(await response.text())["detail"]


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
async def test_fault_any_token_could_read_and_change_any_customer(api, method: str) -> None:
    alice, bob = await api.create(), await api.create(BOB)
    token = api.token(BOB, customer_id=bob["customerId"])
    body = None if method != "PUT" else {"name": "Bob was here"}

    detail = await forbidden(
        api, method, f"/customer/{alice['customerId']}", token=token, json_body=body
    )

    assert detail == "This customer is not yours"


@pytest.mark.parametrize("email", [ALICE, "nobody@example.com"])
async def test_fault_any_token_could_look_up_any_address(api, email: str) -> None:
    await api.create()

    detail = await forbidden(api, "GET", f"/customer/by-email/{email}", token=api.token(BOB))

    # The same for an address that nobody has: nothing is learnt.
    assert detail == "This customer is not yours"


@pytest.mark.parametrize("field", ["tier", "plan", "status", "subscriptions", "flairs", "features"])
async def test_fault_a_user_could_set_his_own_tier(api, field: str) -> None:
    created = await api.create()
    values = {"tier": "enterprise", "plan": "enterprise", "status": "active", "features": {}}
    body = {field: values.get(field, [])}

    for path in ("/customer/me", f"/customer/{created['customerId']}"):
        assert field in await forbidden(api, "PUT", path, token=api.token(), json_body=body)


@pytest.mark.parametrize("status", ["suspended", "cancelled"])
async def test_fault_signing_in_again_unsuspended_a_customer(api, status: str) -> None:
    created = await api.create(status=status)
    token = api.token(customer_id=created["customerId"])
    by_id = f"/customer/{created['customerId']}"

    for method, path, body in (
        ("POST", "/customer", {"email": ALICE}),
        ("PUT", "/customer/me", {"status": "active"}),
        ("PUT", "/customer/me", {"name": "x"}),
        ("PUT", by_id, {"name": "x"}),
        ("DELETE", "/customer/me", None),
        ("DELETE", by_id, None),
    ):
        detail = await forbidden(api, method, path, token=token, json_body=body)
        assert detail == f"This customer is {status} and cannot be changed"
    for path in ("/customer/me", by_id, f"/customer/by-email/{ALICE}"):
        mine = await api.opened(await api.send("GET", path, token=token), token)
        assert mine["status"] == status


async def test_a_suspended_customer_is_refused_before_his_body_is_looked_at(api) -> None:
    await api.create(status="suspended")

    await forbidden(api, "PUT", "/customer/me", token=api.token(), body="no JSON")


async def test_a_service_changes_and_deletes_a_suspended_customer(api) -> None:
    created = await api.create(status="suspended")
    path = f"/customer/{created['customerId']}"

    changed = await api.send("PUT", path, service=True, json_body={"status": "active"})
    mine = await api.send("PUT", "/customer/me", token=api.token(), json_body={"name": "back"})

    assert (changed.status, mine.status) == (200, 200)
    assert (await api.send("DELETE", path, service=True)).status == 204


async def test_who_is_not_verified_yet_may_write(api) -> None:
    await api.create(status="pending_verification")

    mine = await api.send("PUT", "/customer/me", token=api.token(), json_body={"name": "x"})

    assert mine.status == 200


async def test_fault_create_ignored_the_id_that_a_service_sent(api) -> None:
    created = await api.create(customerId="cust_00000000beef")

    assert created["customerId"] == "cust_00000000beef"
    assert (await api.kv.get("customer_cust_00000000beef")) is not None


@pytest.mark.parametrize("customer_id", ["cust_1", "CUST_00000000beef", "cust_00000000BEEF", "", 5])
async def test_an_id_has_its_form(api, customer_id) -> None:
    body = {"email": ALICE, "customerId": customer_id}

    response = await api.send("POST", "/customer", service=True, json_body=body)

    problem = json.loads(await response.text())
    assert (response.status, await api.stored()) == (400, {})
    assert problem["errors"][0]["field"] == "customerId"


async def test_an_id_that_is_taken_is_refused(api) -> None:
    await api.create(customerId="cust_00000000beef")
    before = await api.stored()
    body = {"email": BOB, "customerId": "cust_00000000beef"}

    response = await api.send("POST", "/customer", service=True, json_body=body)

    assert response.status == 409
    assert await api.stored() == before


async def test_fault_create_ignored_the_id_in_the_callers_token(api) -> None:
    token = api.token(customer_id="cust_00000000beef")

    response = await api.send("POST", "/customer", token=token, json_body={"email": ALICE})

    assert (await api.opened(response, token))["customerId"] == "cust_00000000beef"


async def test_an_id_in_a_token_that_somebody_else_has_is_not_taken_over(api) -> None:
    await api.create(BOB, customerId="cust_00000000beef")
    token = api.token(customer_id="cust_00000000beef")

    response = await api.send("POST", "/customer", token=token, json_body={"email": ALICE})

    created = await api.opened(response, token)
    assert response.status == 201
    assert created["customerId"] != "cust_00000000beef"
    bobs = await api.opened(await api.send("GET", "/customer/cust_00000000beef", service=True))
    assert bobs["email"] == BOB


async def test_nobody_creates_a_record_for_another_address(api) -> None:
    for body in ({"email": BOB}, {"email": BOB, "tier": "premium"}, {"email": BOB, "x": 1}):
        await forbidden(api, "POST", "/customer", token=api.token(), json_body=body)
    nameless = api.token(email="", customer_id="cust_00000000beef")
    await forbidden(api, "POST", "/customer", token=nameless, json_body={"email": ALICE})


async def test_an_address_has_one_customer(api) -> None:
    created = await api.create()
    before = await api.stored()

    by_service = await api.send(
        "POST", "/customer", service=True, json_body={"email": " ALICE@example.com"}
    )
    by_owner = await api.send("POST", "/customer", token=api.token(), json_body={"email": ALICE})

    for response in (by_service, by_owner):
        problem = json.loads(await response.text())
        assert (response.status, problem["detail"]) == (
            409,
            "Customer with this email already exists",
        )
    assert await api.stored() == before
    assert created["customerId"] in json.dumps(before)


async def test_a_deleted_address_can_be_used_again(api) -> None:
    first = await api.create()
    await api.send("DELETE", "/customer/me", token=api.token())

    second = await api.create()

    assert second["customerId"] != first["customerId"]


async def test_a_tenants_user_does_not_own_the_tenants_record(api) -> None:
    tenant = await api.create("tenant@example.com")
    token = api.token(BOB, customer_id=tenant["customerId"])

    await forbidden(api, "GET", f"/customer/{tenant['customerId']}", token=token)
    mine = await api.send("GET", "/customer/me", token=token)
    changed = await api.send("PUT", "/customer/me", token=token, json_body={"name": "mine"})

    assert (mine.status, changed.status) == (404, 404)


@pytest.mark.parametrize(
    ("email", "customer_id", "owns"),
    [
        (ALICE, "cust_a", True),
        (ALICE, "", True),
        (ALICE, "cust_b", True),
        ("", "cust_a", True),
        ("", "cust_b", False),
        ("", "", False),
        (BOB, "cust_a", False),
        (BOB, "", False),
    ],
)
def test_the_address_says_who_owns_a_record_and_else_the_id(email, customer_id, owns) -> None:
    caller = TokenHolder(token="t", customer_id=customer_id, email=email, expires_at=0)

    assert caller.owns({"customerId": "cust_a", "email": "Alice@Example.com"}) is owns


def test_a_record_without_an_address_is_owned_by_its_id() -> None:
    by_id = TokenHolder(token="t", customer_id="cust_a", email="", expires_at=0)
    by_email = TokenHolder(token="t", customer_id="cust_a", email=ALICE, expires_at=0)

    assert by_id.owns({"customerId": "cust_a"})
    assert not by_email.owns({"customerId": "cust_a"})
