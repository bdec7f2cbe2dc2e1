"""Errors: problem details in their order and words, and nothing personal in them."""

import json

import pytest

ALICE = "alice@example.com"
RFC = "https://tools.ietf.org/html/"


class Broken:
    """A namespace of which every use fails, with an address in the message."""

    def __getattr__(self, name):
        async def fail(*args: object, **options: object) -> None:
            raise RuntimeError(f"no room for {ALICE} or alice%40example.com")

        return fail


@pytest.mark.parametrize(
    ("method", "path", "options", "expected"),
    [
        ("POST", "/customer", {"body": "x", "service": True}, (400, f"{RFC}rfc7231#section-6.5.1")),
        ("GET", "/customer/me", {}, (401, f"{RFC}rfc7235#section-3.1")),
        ("GET", "/customer", {"as_bob": True}, (403, f"{RFC}rfc7231#section-6.5.3")),
        ("GET", "/nowhere", {}, (404, f"{RFC}rfc7231#section-6.5.4")),
        ("PATCH", "/customer", {}, (405, f"{RFC}rfc7231#section-6.5.5")),
        (
            "POST",
            "/customer",
            {"alice": True, "service": True},
            (409, f"{RFC}rfc7231#section-6.5.8"),
        ),
        (
            "POST",
            "/customer",
            {"body": "x" * 70_000, "service": True},
            (413, f"{RFC}rfc7231#section-6.5.11"),
        ),
    ],
)
async def test_a_problem_has_its_members_in_order(api, method, path, options, expected) -> None:
    options = dict(options)
    await api.create()
    if options.pop("as_bob", False):
        options["token"] = api.token("bob@example.com")
    if options.pop("alice", False):
        options["json_body"] = {"email": ALICE}

    response = await api.send(method, path, **options)

    problem = json.loads(await response.text())
    assert list(problem)[:5] == ["type", "title", "status", "detail", "instance"]
    assert (problem["status"], problem["type"]) == expected
    assert (response.status, problem["instance"]) == (expected[0], path)
    assert response.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize(
    ("path", "instance"),
    [
        ("/nowhere?email=alice@example.com", "/nowhere"),
        ("/customer/by-email/alice@example.com", "/customer/by-email"),
        ("/customer/by-email/ALICE%40example.com/", "/customer/by-email"),
        ("/customer/by-email/alice%2540example.com", "/customer/by-email"),
        ("/customer/by%2Demail/alice", "/customer/by%2Demail"),
        ("/customer/alice%40example.com", "/customer"),
        ("/alice@example.com/x", "/"),
        ("/a/b/alice@example.com", "/a/b"),
        ("/a//b/", "/a//b/"),
        ("/%C3%A9", "/%C3%A9"),
    ],
)
async def test_an_instance_is_a_path_without_an_address(api, path: str, instance: str) -> None:
    response = await api.send("GET", path)

    text = await response.text()
    assert json.loads(text)["instance"] == instance
    assert "alice" not in text.lower()


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "/customer", {"email": ALICE}),
        ("POST", "/customer", {"email": "alice@example.com x"}),
        ("POST", "/customer", {"email": "bob@example.com", ALICE: 1, "name": [ALICE]}),
        ("PUT", "/customer/me", {"name": ALICE * 9, "tier": ALICE, "email": ALICE}),
        ("PUT", "/customer/me", {"name": [ALICE]}),
        ("GET", f"/customer/by-email/{ALICE}", None),
        ("GET", f"/customer/{ALICE}", None),
    ],
)
async def test_fault_the_address_stood_in_answers_and_logs(api, caplog, method, path, body) -> None:
    caplog.set_level("DEBUG")
    await api.create()

    for options in ({}, {"service": True}, {"token": api.token("bob@example.com")}):
        response = await api.send(method, path, json_body=body, **options)
        text = await response.text()
        if response.status >= 400:
            assert "alice" not in text

    assert "alice" not in caplog.text


async def test_a_failure_says_nothing_to_the_client_and_no_address_to_the_log(api, caplog) -> None:
    api.env.CUSTOMER_KV = Broken()

    response = await api.send("GET", f"/customer/by-email/{ALICE}", service=True)

    problem = json.loads(await response.text())
    assert (response.status, problem["title"]) == (500, "Internal Server Error")
    assert problem["detail"] == "An internal server error occurred"
    assert problem["type"] == f"{RFC}rfc7231#section-6.6.1"
    assert problem["instance"] == "/customer/by-email"
    assert "GET /customer/by-email failed" in caplog.text
    assert "RuntimeError: no room for [e-mail] or [e-mail]" in caplog.text
    assert "alice" not in caplog.text


async def test_developers_are_told_what_has_failed(api) -> None:
    api.env.CUSTOMER_KV = Broken()
    api.env.ENVIRONMENT = "development"

    response = await api.send("GET", "/customer/cust_0123456789ab", service=True)

    detail = json.loads(await response.text())["detail"]
    assert detail.startswith("RuntimeError: no room for")


async def test_settings_that_are_no_text_are_an_error(api, caplog) -> None:
    api.env.ENVIRONMENT = ["development"]

    response = await api.send("GET", "/health", headers={"Origin": "https://shop.example"})

    assert response.status == 500
    assert response.headers["x-content-type-options"] == "nosniff"
    assert "access-control-allow-origin" not in response.headers
    assert "ENVIRONMENT" in caplog.text


async def test_without_its_namespace_the_worker_says_what_is_missing(api, caplog) -> None:
    del api.env.CUSTOMER_KV

    response = await api.send("GET", "/customer/cust_0123456789ab", service=True)

    assert response.status == 500
    assert "CUSTOMER_KV" in caplog.text
