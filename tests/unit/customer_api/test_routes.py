"""Every route: who may call it, and how it succeeds."""

import json
import re

import pytest

from customer_api.app import Default
from workers import Request

ALICE = "alice@example.com"
CUSTOMER_PATHS = [
    ("GET", "/customer/me"),
    ("PUT", "/customer/me"),
    ("DELETE", "/customer/me"),
    ("POST", "/customer"),
    ("POST", "/customer/"),
    ("GET", "/customer"),
    ("GET", "/customer/by-email/alice@example.com"),
    ("GET", "/customer/cust_0123456789ab"),
    ("PUT", "/customer/cust_0123456789ab"),
    ("DELETE", "/customer/cust_0123456789ab"),
]


async def test_the_entrypoint_answers(api) -> None:
    request = Request("https://customer.idling.app/health")

    response = await Default(None, api.env).fetch(request)

    assert (await response.json())["status"] == "ok"


# Health


@pytest.mark.parametrize("path", ["/", "/health", "/health/", "/health/live"])
async def test_anyone_may_ask_whether_it_runs(api, path: str) -> None:
    response = await api.send("GET", path)

    body = json.loads(await response.text())
    assert response.status == 200
    assert list(body) == ["status", "message", "service", "timestamp"]
    assert body | {"timestamp": ""} == {
        "status": "ok",
        "message": "Customer API is running",
        "service": "customer-api",
        "timestamp": "",
    }
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", body["timestamp"])


@pytest.mark.parametrize("path", ["/", "/health", "/health/live", "/health/ready"])
async def test_head_is_answered_without_a_body(api, path: str) -> None:
    response = await api.send("HEAD", path)

    assert (response.status, response.body) == (200, None)
    assert response.headers["content-type"] == "application/json"


@pytest.mark.parametrize("headers", [{"X-Service-Key": "wrong"}, {"Authorization": "Bearer x"}])
async def test_health_asks_nobody_who_he_is(api, headers) -> None:
    assert (await api.send("GET", "/health/live", headers=headers)).status == 200


# Customers


@pytest.mark.parametrize(("method", "path"), CUSTOMER_PATHS)
async def test_nobody_gets_at_customers(api, method: str, path: str) -> None:
    body = "{}" if method in ("POST", "PUT") else None

    response = await api.send(method, path, body=body)

    problem = json.loads(await response.text())
    assert response.status == 401
    assert problem["detail"] == (
        "Authentication required. Please provide a valid JWT token or service key."
    )
    assert response.headers["www-authenticate"] == "Bearer"


async def test_me_is_the_holder_of_the_token(api) -> None:
    created = await api.create()
    token = api.token(customer_id=created["customerId"])

    response = await api.send("GET", "/customer/me", token=token)

    customer = await api.opened(response, token)
    assert response.status == 200
    assert customer | {"id": ""} == created | {"id": ""}


async def test_me_is_changed_by_its_owner(api) -> None:
    created = await api.create()
    token = api.token(customer_id=created["customerId"])

    response = await api.send("PUT", "/customer/me", token=token, json_body={"name": "Alice L."})

    customer = await api.opened(response, token)
    assert response.status == 200
    assert customer["name"] == "Alice L."
    assert (await api.kv.get(f"customer_{created['customerId']}", "json"))["name"] == "Alice L."


async def test_me_is_deleted_by_its_owner(api) -> None:
    await api.create()

    response = await api.send("DELETE", "/customer/me", token=api.token())

    assert (response.status, response.body) == (204, None)
    assert await api.stored() == {}
    assert (await api.send("GET", "/customer/me", token=api.token())).status == 404


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
async def test_a_service_has_no_record_of_its_own(api, method: str) -> None:
    response = await api.send(method, "/customer/me", service=True)

    problem = json.loads(await response.text())
    assert (response.status, problem["detail"]) == (404, "Customer not found")
    assert problem["code"] == "customer_not_found"


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
async def test_who_has_no_record_is_told_so(api, method: str) -> None:
    response = await api.send(method, "/customer/me", token=api.token())

    assert response.status == 404
    assert json.loads(await response.text())["code"] == "customer_not_found"


async def test_me_is_found_by_the_address_when_the_token_has_no_id_or_an_old_one(api) -> None:
    created = await api.create()

    for customer_id in (None, "default", "cust_000000000000"):
        token = api.token(customer_id=customer_id)
        customer = await api.opened(await api.send("GET", "/customer/me", token=token), token)
        assert customer["customerId"] == created["customerId"]


async def test_me_is_found_by_the_id_when_the_token_has_no_address(api) -> None:
    created = await api.create()
    token = api.token(email="", customer_id=created["customerId"])

    customer = await api.opened(await api.send("GET", "/customer/me", token=token), token)

    assert customer["email"] == ALICE


@pytest.mark.parametrize("path", ["/customer", "/customer/"])
async def test_fault_create_could_not_be_reached(api, path: str) -> None:
    response = await api.send("POST", path, service=True, json_body={"email": ALICE})

    customer = json.loads(await response.text())
    assert response.status == 201
    assert response.headers["location"] == f"/customer/{customer['customerId']}"
    assert re.fullmatch("cust_[0-9a-f]{12}", customer["customerId"])


async def test_a_customer_adds_the_record_of_his_own_address(api) -> None:
    token = api.token()

    response = await api.send(
        "POST", "/customer", token=token, json_body={"email": " Alice@Example.com "}
    )

    customer = await api.opened(response, token)
    assert response.status == 201
    assert customer["email"] == ALICE
    assert response.headers["location"] == f"/customer/{customer['customerId']}"
    mine = await api.send("GET", response.headers["location"], token=token)
    assert (await api.opened(mine, token))["email"] == ALICE


async def test_customers_are_listed_a_page_at_a_time(any_api) -> None:
    created = [await any_api.create(f"customer-{number}@example.com") for number in range(5)]
    await any_api.kv.put("customer_cust_0123456789ab_apikeys", "[]")

    pages, cursor = [], ""
    while cursor is not None and len(pages) < 9:
        response = await any_api.send(
            "GET",
            f"/customer?limit=2&cursor={cursor}" if cursor else "/customer?limit=2",
            service=True,
        )
        page = json.loads(await response.text())
        assert list(page) == ["customers", "cursor", "list_complete"]
        assert page["list_complete"] is (page["cursor"] is None)
        pages.append(page["customers"])
        cursor = page["cursor"]

    listed = [customer for page in pages for customer in page]
    assert all(len(page) <= 2 for page in pages)
    assert sorted(one["customerId"] for one in listed) == sorted(
        one["customerId"] for one in created
    )
    assert listed[0].keys() == created[0].keys() - {"id"}


async def test_many_customers_are_listed_at_once(api) -> None:
    for number in range(230):
        customer_id = f"cust_{number:012x}"
        await api.kv.put(f"customer_{customer_id}", '{"name":"x"}')

    response = await api.send("GET", "/customer", service=True)

    page = json.loads(await response.text())
    assert [one["customerId"] for one in page["customers"]] == [
        f"cust_{number:012x}" for number in range(230)
    ]
    assert (page["cursor"], page["list_complete"]) == (None, True)


@pytest.mark.parametrize("limit", ["0", "1001", "-1", "ten", "", "1.5", "9" * 5000, "%C2%B2"])
async def test_a_limit_out_of_range_is_refused(api, limit: str) -> None:
    response = await api.send("GET", f"/customer?limit={limit}&x=1", service=True)

    if limit == "":
        # As if it were not there.
        assert response.status == 200
    else:
        assert response.status == 400
        assert json.loads(await response.text())["errors"] == [
            {"field": "limit", "message": "must be a whole number from 1 to 1000"}
        ]


async def test_a_cursor_of_somebody_else_is_refused(api) -> None:
    response = await api.send("GET", "/customer?cursor=none-of-ours", service=True)

    assert response.status == 400
    assert json.loads(await response.text())["errors"][0]["field"] == "cursor"


async def test_only_services_list_customers(api) -> None:
    await api.create()

    response = await api.send("GET", "/customer", token=api.token())

    assert response.status == 403


@pytest.mark.parametrize(
    "segment",
    ["alice@example.com", "alice%40example.com", "%20Alice%40EXAMPLE.com%20", "ALICE@example.com"],
)
async def test_a_customer_is_found_by_its_address(api, segment: str) -> None:
    created = await api.create()
    token = api.token()

    by_service = await api.send("GET", f"/customer/by-email/{segment}", service=True)
    by_owner = await api.send("GET", f"/customer/by-email/{segment}", token=token)

    assert (await api.opened(by_service))["customerId"] == created["customerId"]
    assert (await api.opened(by_owner, token))["customerId"] == created["customerId"]


async def test_an_address_in_a_path_is_decoded_once(api) -> None:
    odd = "50%25off/a+b@example.com"
    created = await api.create(odd)

    once = await api.send("GET", "/customer/by-email/50%2525off%2Fa+b%40example.com", service=True)
    less = await api.send("GET", "/customer/by-email/50%25off%2Fa+b%40example.com", service=True)

    assert (await api.opened(once))["customerId"] == created["customerId"]
    assert less.status == 404


@pytest.mark.parametrize("segment", ["%zz", "alice%4", "%", "%ff@example.com"])
async def test_a_malformed_escape_is_refused(api, segment: str) -> None:
    response = await api.send("GET", f"/customer/by-email/{segment}", service=True)

    problem = json.loads(await response.text())
    assert (response.status, problem["instance"]) == (400, "/customer/by-email")


async def test_an_unknown_address_is_not_found(api) -> None:
    for email in ("bob@example.com", "no-address"):
        response = await api.send("GET", f"/customer/by-email/{email}", service=True)
        assert response.status == 404
        assert json.loads(await response.text())["code"] == "customer_not_found"


async def test_a_service_reads_changes_and_deletes_any_customer(api) -> None:
    created = await api.create()
    path = f"/customer/{created['customerId']}"

    read = await api.send("GET", path, service=True)
    changed = await api.send("PUT", path, service=True, json_body={"tier": "premium"})
    deleted = await api.send("DELETE", path, service=True)
    gone = await api.send("GET", path, service=True)

    assert (await api.opened(read))["email"] == ALICE
    assert (await api.opened(changed))["tier"] == "premium"
    assert (deleted.status, deleted.body, gone.status) == (204, None, 404)


async def test_an_owner_reads_changes_and_deletes_his_record_by_its_id(api) -> None:
    created = await api.create()
    path, token = f"/customer/{created['customerId']}", api.token()

    read = await api.send("GET", path, token=token)
    changed = await api.send("PUT", path, token=token, json_body={"companyName": "Tea"})
    deleted = await api.send("DELETE", path, token=token)

    assert (await api.opened(read, token))["email"] == ALICE
    assert (await api.opened(changed, token))["companyName"] == "Tea"
    assert (deleted.status, await api.stored()) == (204, {})


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
@pytest.mark.parametrize("customer_id", ["cust_000000000000", "cust_XYZ", "..%2Fx", "a" * 600])
async def test_an_unknown_id_is_not_found(api, method: str, customer_id: str) -> None:
    for options in ({"service": True}, {"token": api.token()}):
        response = await api.send(method, f"/customer/{customer_id}", **options)
        assert response.status == 404
        assert json.loads(await response.text())["code"] == "customer_not_found"


async def test_a_slash_at_the_end_is_accepted(api) -> None:
    created = await api.create()

    for path in ("/customer/me/", f"/customer/{created['customerId']}/", "/health/ready/"):
        assert (await api.send("GET", path, token=api.token())).status == 200
    by_email = await api.send("GET", f"/customer/by-email/{ALICE}/", service=True)
    assert by_email.status == 200


# Everything else


@pytest.mark.parametrize(
    "path", ["/customers", "/customer/me/x", "/customer/by-email", "/customer/by-email/", "/api"]
)
async def test_a_wrong_url_never_looks_like_a_new_user(api, path: str) -> None:
    for options in ({}, {"service": True}, {"token": api.token()}):
        response = await api.send("GET", path, **options)
        problem = json.loads(await response.text())
        assert (response.status, problem["code"]) == (404, "endpoint_not_found")
        assert problem["detail"] == "The requested endpoint was not found"


@pytest.mark.parametrize(
    ("method", "path", "allow"),
    [
        ("POST", "/", "GET, HEAD, OPTIONS"),
        ("DELETE", "/health/ready", "GET, HEAD, OPTIONS"),
        ("POST", "/customer/me", "DELETE, GET, HEAD, OPTIONS, PUT"),
        ("PATCH", "/customer/me", "DELETE, GET, HEAD, OPTIONS, PUT"),
        ("PUT", "/customer", "GET, HEAD, OPTIONS, POST"),
        ("DELETE", "/customer/by-email/a@b.c", "GET, HEAD, OPTIONS"),
        ("POST", "/customer/cust_0123456789ab", "DELETE, GET, HEAD, OPTIONS, PUT"),
    ],
)
async def test_another_method_is_told_which_there_are(api, method, path, allow) -> None:
    response = await api.send(method, path, service=True)

    assert response.status == 405
    assert response.headers["allow"] == allow
    assert response.headers["content-type"] == "application/problem+json"


async def test_success_is_one_flat_object_of_compact_json(api) -> None:
    response = await api.send(
        "POST", "/customer", service=True, json_body={"email": ALICE, "name": "Zoë ☕"}
    )

    text = await response.text()
    customer = json.loads(text)
    assert list(customer)[:2] == ["id", "customerId"]
    assert re.fullmatch(r"req_\d{13}_[0-9a-z]{9}", customer["id"])
    assert '"name":"Zoë ☕"' in text
    assert text == json.dumps(customer, ensure_ascii=False, separators=(",", ":"))
    assert response.headers["content-type"] == "application/json"


async def test_a_request_id_is_new_each_time_and_never_stored(api) -> None:
    created = await api.create()
    path = f"/customer/{created['customerId']}"

    ids = {(await api.opened(await api.send("GET", path, service=True)))["id"] for _ in range(5)}

    assert len(ids | {created["id"]}) == 6
    assert all('"id"' not in value for value in (await api.stored()).values())


async def test_customers_are_never_kept_by_caches(api) -> None:
    created = await api.create()

    for options in ({"service": True}, {"token": api.token()}):
        response = await api.send("GET", f"/customer/{created['customerId']}", **options)
        assert response.headers["cache-control"] == "no-store"
    missing = await api.send("GET", "/customer/me", token=api.token("bob@example.com"))
    assert missing.headers["cache-control"] == "no-store"
