"""The record: each field's rules, defaults, and who may set it."""

import json
import re

import pytest

ALICE = "alice@example.com"
SUBSCRIPTION = {
    "planId": "pro",
    "status": "active",
    "startDate": "2026-01-01T00:00:00.000Z",
    "endDate": None,
}
FULL_SUBSCRIPTION = SUBSCRIPTION | {
    "endDate": "2027-01-01",
    "renewalDate": "2026-12-01T00:00:00Z",
    "cancelledAt": "2026-06-01T00:00:00+02:00",
    "planName": "Pro",
    "billingCycle": "yearly",
}
FLAIR = {"flairId": "early", "name": "Early bird", "earnedAt": "2026-01-01"}
FULL_FLAIR = FLAIR | {"icon": "🐦", "description": "Was there first", "category": "time"}
SETTABLE_BY_SERVICE = {
    "name": "Alice L.",
    "companyName": "Tea & Co",
    "displayName": "alice",
    "tier": "enterprise",
    "plan": "starter",
    "status": "pending_verification",
    "subscriptions": [FULL_SUBSCRIPTION],
    "flairs": [FULL_FLAIR],
    "config": {"theme": "dark"},
    "features": {"beta": True},
}
SETTABLE_BY_OWNER = {"name", "companyName", "displayName", "config"}
FIXED = {
    "customerId": "cust_0123456789ab",
    "email": "bob@example.com",
    "createdAt": "2026-01-01T00:00:00.000Z",
    "updatedAt": "2026-01-01T00:00:00.000Z",
}
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")


async def refusal(response) -> tuple[int, dict[str, str]]:
    """Return the status of a problem, and its messages by field."""
    problem = json.loads(await response.text())
    errors = problem.get("errors", [])
    return response.status, {error["field"]: error["message"] for error in errors}


async def updated(api, **fields: object):
    """Change a customer as a service does, and check that what is refused changes nothing."""
    created = await api.create()
    before = await api.stored()
    path = f"/customer/{created['customerId']}"
    response = await api.send("PUT", path, service=True, json_body=fields)
    if response.status != 200:
        assert await api.stored() == before
    return response


# Defaults


async def test_a_new_customer_begins_with_defaults(api) -> None:
    customer = await api.create("Ada.Lovelace@engines.example.com")

    created_at = customer["createdAt"]
    assert TIME.fullmatch(created_at)
    assert customer == {
        "id": customer["id"],
        "customerId": customer["customerId"],
        "name": "ada.lovelace",
        "email": "ada.lovelace@engines.example.com",
        "companyName": "Engines",
        "tier": "free",
        "plan": "free",
        "status": "active",
        "subscriptions": [
            {
                "planId": "free",
                "status": "active",
                "startDate": created_at,
                "endDate": None,
                "planName": "Free",
                "billingCycle": "monthly",
            }
        ],
        "flairs": [],
        "createdAt": created_at,
    }


@pytest.mark.parametrize(
    ("email", "name", "company"),
    [
        ("a@b.c", "a", "B"),
        ("a@élan.fr", "a", "Élan"),
        ("a@iPhone.example", "a", "Iphone"),
        ("a@..c", "a", "My App"),
        (f"{'n' * 120}@{'d' * 110}.org", "n" * 100, f"D{'d' * 99}"),
    ],
)
async def test_names_are_made_of_the_address(api, email: str, name: str, company: str) -> None:
    customer = await api.create(email)

    assert (customer["name"], customer["companyName"]) == (name, company)


async def test_names_that_are_given_are_kept_and_empty_ones_are_none(api) -> None:
    given = await api.create(name=" Alice ", companyName="tea")
    empty = await api.create("bob@example.com", name="", companyName="")

    assert (given["name"], given["companyName"]) == (" Alice ", "tea")
    assert (empty["name"], empty["companyName"]) == ("bob", "Example")


# Who may set what


async def test_a_service_sets_everything_on_create(api) -> None:
    customer = await api.create(customerId="cust_00000000beef", **SETTABLE_BY_SERVICE)

    assert customer.items() >= SETTABLE_BY_SERVICE.items()
    assert customer["customerId"] == "cust_00000000beef"


@pytest.mark.parametrize("field", SETTABLE_BY_SERVICE)
async def test_a_service_changes_every_field_but_the_fixed(api, field: str) -> None:
    response = await updated(api, **{field: SETTABLE_BY_SERVICE[field]})

    customer = await api.opened(response)
    assert customer[field] == SETTABLE_BY_SERVICE[field]
    assert TIME.fullmatch(customer["updatedAt"])


@pytest.mark.parametrize("field", FIXED)
async def test_nobody_changes_what_is_fixed(api, field: str) -> None:
    by_service = await updated(api, **{field: FIXED[field]})
    by_owner = await api.send(
        "PUT", "/customer/me", token=api.token(), json_body={field: FIXED[field]}
    )

    for response in (by_service, by_owner):
        problem = json.loads(await response.text())
        assert (response.status, problem["detail"]) == (403, f"You may not set {field}")


@pytest.mark.parametrize("field", SETTABLE_BY_SERVICE)
@pytest.mark.parametrize("method", ["PUT", "POST"])
async def test_an_owner_sets_some_fields_only(api, method: str, field: str) -> None:
    body = {field: SETTABLE_BY_SERVICE[field]}
    token = api.token()
    if method == "PUT":
        await api.create()
        response = await api.send("PUT", "/customer/me", token=token, json_body=body)
    else:
        response = await api.send(
            "POST", "/customer", token=token, json_body=body | {"email": ALICE}
        )

    if field in SETTABLE_BY_OWNER:
        assert (await api.opened(response, token))[field] == SETTABLE_BY_SERVICE[field]
    else:
        problem = json.loads(await response.text())
        assert (response.status, problem["detail"]) == (403, f"You may not set {field}")
        assert problem["errors"] == [{"field": field, "message": "may not be set by you"}]


@pytest.mark.parametrize("field", ["createdAt", "updatedAt"])
async def test_times_are_not_given_on_create(api, field: str) -> None:
    body = {"email": ALICE, field: FIXED[field]}

    response = await api.send("POST", "/customer", service=True, json_body=body)

    assert (response.status, await api.stored()) == (403, {})


async def test_an_owner_does_not_choose_an_id(api) -> None:
    body = {"email": ALICE, "customerId": "cust_0123456789ab"}

    response = await api.send("POST", "/customer", token=api.token(), json_body=body)

    assert (response.status, await api.stored()) == (403, {})


async def test_every_forbidden_field_is_named_before_anything_else_is_checked(api) -> None:
    response = await updated(api, email="x", customerId=5, name=7, unknown=1)

    assert await refusal(response) == (
        403,
        {"customerId": "may not be set by you", "email": "may not be set by you"},
    )


# Bad values


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("name", 5, "must be a text"),
        ("name", None, "must be a text"),
        ("name", "x" * 101, "must have at most 100 characters"),
        ("companyName", ["x"], "must be a text"),
        ("companyName", "x" * 101, "must have at most 100 characters"),
        ("displayName", "xy", "must have at least 3 characters"),
        ("displayName", "x" * 33, "must have at most 32 characters"),
        ("displayName", None, "must be a text"),
        ("tier", "gold", "must be one of free, basic, premium or enterprise"),
        ("tier", "Free", "must be one of free, basic, premium or enterprise"),
        ("plan", "basic", "must be one of free, starter, pro or enterprise"),
        ("status", 1, "must be one of active, suspended, cancelled or pending_verification"),
        ("subscriptions", {}, "must be a list"),
        ("subscriptions", [SUBSCRIPTION] * 51, "must have at most 50 items"),
        ("subscriptions.0", ["pro"], "must be an object"),
        (
            "subscriptions.0.planId",
            [{**SUBSCRIPTION, "planId": ""}],
            "must have at least 1 characters",
        ),
        (
            "subscriptions.1.status",
            [SUBSCRIPTION, {**SUBSCRIPTION, "status": "on"}],
            "must be one of active, cancelled, expired or pending",
        ),
        (
            "subscriptions.0.startDate",
            [{**SUBSCRIPTION, "startDate": "yesterday"}],
            "must be a date or time as ISO 8601 has it",
        ),
        (
            "subscriptions.0.startDate",
            [{**SUBSCRIPTION, "startDate": 1767225600}],
            "must be a text",
        ),
        ("subscriptions.0.renewalDate", [{**SUBSCRIPTION, "renewalDate": None}], "must be a text"),
        (
            "subscriptions.0.billingCycle",
            [{**SUBSCRIPTION, "billingCycle": "weekly"}],
            "must be one of monthly, yearly or lifetime",
        ),
        ("subscriptions.0.price", [{**SUBSCRIPTION, "price": 1}], "is not a field that there is"),
        ("flairs", "none", "must be a list"),
        ("flairs", [FLAIR] * 101, "must have at most 100 items"),
        ("flairs.0.icon", [{**FLAIR, "icon": 1}], "must be a text"),
        ("flairs.0.color", [{**FLAIR, "color": "red"}], "is not a field that there is"),
        ("config", [], "must be an object"),
        ("config", None, "must be an object"),
        ("features", "all", "must be an object"),
        ("nickname", "al", "is not a field that there is"),
        ("id", "req_1", "is not a field that there is"),
    ],
)
async def test_a_bad_value_is_refused(api, field: str, value: object, message: str) -> None:
    top = field.partition(".")[0]

    on_update = await updated(api, **{top: value})
    on_create = await api.send(
        "POST", "/customer", service=True, json_body={"email": "b@example.com", top: value}
    )

    assert await refusal(on_update) == (400, {field: message})
    assert await refusal(on_create) == (400, {field: message})


@pytest.mark.parametrize("missing", SUBSCRIPTION)
async def test_a_subscription_needs_its_fields(api, missing: str) -> None:
    subscription = {name: value for name, value in SUBSCRIPTION.items() if name != missing}

    response = await updated(api, subscriptions=[subscription])

    assert await refusal(response) == (400, {f"subscriptions.0.{missing}": "is required"})


@pytest.mark.parametrize("missing", FLAIR)
async def test_a_flair_needs_its_fields(api, missing: str) -> None:
    flair = {name: value for name, value in FLAIR.items() if name != missing}

    response = await updated(api, flairs=[flair])

    assert await refusal(response) == (400, {f"flairs.0.{missing}": "is required"})


async def test_lists_and_texts_may_be_as_long_as_they_may(api) -> None:
    fields = {
        "name": "é" * 100,
        "displayName": "x" * 32,
        "subscriptions": [SUBSCRIPTION] * 50,
        "flairs": [FLAIR] * 100,
    }

    customer = await api.opened(await updated(api, **fields))

    assert customer.items() >= fields.items()


async def test_all_faults_are_told_at_once(api) -> None:
    response = await updated(api, name=1, tier="gold", nickname="al")

    assert (await refusal(response))[1].keys() == {"name", "tier", "nickname"}


async def test_a_name_that_is_no_name_is_not_repeated(api) -> None:
    response = await updated(api, **{"bob@example.com": 1})

    text = await response.text()
    assert response.status == 400
    assert "bob" not in text
    assert json.loads(text)["errors"] == [{"field": "?", "message": "is not a field that there is"}]


# The address


@pytest.mark.parametrize("body", [{}, {"email": ""}, {"email": "  "}, {"email": None}])
async def test_an_address_is_required(api, body) -> None:
    for options in ({"service": True}, {"token": api.token()}):
        response = await api.send("POST", "/customer", json_body=body, **options)
        assert (response.status, json.loads(await response.text())["detail"]) == (
            400,
            "Email is required",
        )


@pytest.mark.parametrize(
    "email",
    [
        "alice",
        "alice@",
        "@example.com",
        "alice@example",
        "a b@example.com",
        "a@b@c.de",
        5,
        ["a@b.c"],
    ],
)
async def test_what_is_no_address_is_refused(api, email) -> None:
    response = await api.send("POST", "/customer", service=True, json_body={"email": email})

    assert response.status == 400
    assert (await refusal(response))[1].keys() == {"email"}
    assert await api.stored() == {}


async def test_an_address_has_254_characters_at_most(api) -> None:
    longest = f"{'a' * 242}@example.com"
    response = await api.send("POST", "/customer", service=True, json_body={"email": f"a{longest}"})

    assert (await api.create(longest))["email"] == longest
    assert response.status == 400


# Objects that are merged


async def test_config_and_features_are_merged_member_by_member(api) -> None:
    created = await api.create(config={"a": 1, "b": {"c": 1}}, features={"x": True})
    path = f"/customer/{created['customerId']}"
    changes = {"config": {"b": {"d": 2}, "e": None}, "features": {"y": False}}

    customer = await api.opened(await api.send("PUT", path, service=True, json_body=changes))

    assert customer["config"] == {"a": 1, "b": {"d": 2}, "e": None}
    assert customer["features"] == {"x": True, "y": False}


async def test_config_and_features_have_16_kib_together(api) -> None:
    # {"a":"…"} twice is 16 bytes beside the texts.
    half = "x" * (8 * 1024 - 8)
    fits = {"config": {"a": half}, "features": {"b": half}}
    created = await api.create(**fits)
    path = f"/customer/{created['customerId']}"

    on_create = await api.send(
        "POST",
        "/customer",
        service=True,
        json_body={"email": "b@example.com", "config": {"a": half}, "features": {"b": half + "x"}},
    )
    on_update = await api.send("PUT", path, service=True, json_body={"config": {"c": 1}})
    by_owner = await api.send(
        "PUT", "/customer/me", token=api.token(), json_body={"config": {"a": half + "é"}}
    )
    other = await api.send("PUT", path, service=True, json_body={"name": "fine"})

    message = "must have at most 16384 bytes of JSON together"
    for response in (on_create, on_update, by_owner):
        assert await refusal(response) == (400, {"config": message, "features": message})
    assert other.status == 200
    assert (await api.opened(other)).items() >= fits.items()


# Bodies


@pytest.mark.parametrize(
    "body",
    [
        "",
        "{",
        "name=x",
        "{'a': 1}",
        '{"name": NaN}',
        '{"config": {"a": 1e999}}',
        b"\xff\xfe{}",
        '{"name": "\\ud800"}',
        '{"\\udfff": 1}',
        "[" * 30_000,
        '{"config": ' * 5_000,
        '{"config": {"a": ' + "9" * 5000 + "}}",
    ],
    ids=lambda body: repr(body[:12]),
)
async def test_fault_malformed_json_was_a_failure_of_the_server(api, body) -> None:
    created = await api.create()
    before = await api.stored()

    for method, path in (("POST", "/customer"), ("PUT", f"/customer/{created['customerId']}")):
        response = await api.send(method, path, service=True, body=body)
        problem = json.loads(await response.text())
        assert (response.status, problem["detail"]) == (400, "The body is not valid JSON")
    assert await api.stored() == before


async def test_a_request_without_a_body_is_refused(api) -> None:
    response = await api.send("POST", "/customer", service=True)

    assert response.status == 400


@pytest.mark.parametrize("body", ["[]", "null", '"text"', "5", "true"])
async def test_a_body_that_is_no_object_is_refused(api, body: str) -> None:
    response = await api.send("POST", "/customer", service=True, body=body)

    problem = json.loads(await response.text())
    assert (response.status, problem["detail"]) == (400, "The body must be a JSON object")


async def test_a_body_may_nest_a_little(api) -> None:
    nested: dict = {}
    for _ in range(60):
        nested = {"a": nested}
    deep = {"a": {"a": {"a": {"a": {"a": nested}}}}}

    fine = await updated(api, config=nested)
    refused = await api.send(
        "POST", "/customer", service=True, json_body={"email": "b@example.com", "config": deep}
    )

    assert (await api.opened(fine))["config"] == nested
    assert refused.status == 400


async def test_a_body_has_64_kib_at_most(api) -> None:
    start, end = '{"email":"a@b.co","flairs":[', "]}"
    room = 64 * 1024 - len(start) - len(end)

    largest = await api.send("POST", "/customer", service=True, body=start + " " * room + end)
    larger = await api.send("POST", "/customer", service=True, body=start + " " * (room + 1) + end)

    problem = json.loads(await larger.text())
    assert (largest.status, larger.status) == (201, 413)
    assert problem["type"] == "https://tools.ietf.org/html/rfc7231#section-6.5.11"


async def test_a_body_over_the_limit_is_not_read_to_its_end(api) -> None:
    read = 0

    async def endless():
        nonlocal read
        while True:
            read += 8192
            yield b"x" * 8192

    response = await api.send("POST", "/customer", service=True, body=endless())

    assert response.status == 413
    assert read <= 80 * 1024


# Times


async def test_updated_at_comes_with_the_first_change(api) -> None:
    created = await api.create()
    path = f"/customer/{created['customerId']}"
    api.clock.ahead_s = 60

    unchanged = await api.opened(await api.send("PUT", path, service=True, json_body={}))
    changed = await api.opened(await api.send("PUT", path, service=True, json_body={"name": "x"}))

    assert "updatedAt" not in created
    assert "updatedAt" not in unchanged
    assert changed["updatedAt"] > changed["createdAt"] == created["createdAt"]
