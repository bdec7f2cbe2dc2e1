"""Answers of the running routes, each held against the description of its operation."""

import re

import pytest

from otp_auth_service.openapi import describe_api

jsonschema_rs = pytest.importorskip("jsonschema_rs", reason="see requirements-dev.txt")

DESCRIPTION = describe_api()
SUPER_KEY = "the key of the super admin"
ALICE = "alice@example.com"
BOB = "bob@example.com"


class Checked:
    """Sends requests, and fails where an answer is not as it is described."""

    def __init__(self, service) -> None:
        self.service = service
        self.seen: set[tuple[str, str, int]] = set()

    async def __call__(self, method: str, path: str, **options):
        response = await self.service.call(method, path, **options)
        template = self._template(path.partition("?")[0])
        operation = DESCRIPTION["paths"][template][method.lower()]
        place = f"{method} {template} {response.status}"
        described = operation["responses"].get(str(response.status))
        assert described is not None, f"{place} is not described: {await response.text()}"
        media = response.headers["content-type"].partition(";")[0]
        assert media in described["content"], f"{place} answers {media}"
        schema = described["content"][media]["schema"]
        text = await response.clone().text()
        body = text if media == "text/html" else await response.clone().json()
        problems = [
            f"{error.instance_path}: {error.message}"
            for error in validator(schema).iter_errors(body)
        ]
        assert not problems, f"{place}: {problems}\n{text}"
        self.seen.add((method.lower(), template, response.status))
        return body

    def _template(self, path: str) -> str:
        fitting = [
            template
            for template in DESCRIPTION["paths"]
            if re.fullmatch(re.sub(r"\{\w+\}", "[^/]+", template), path)
        ]
        # What is written out wins over a parameter.
        return min(fitting, key=lambda template: template.count("{"))


def validator(schema: dict):
    root = {**schema, "components": DESCRIPTION["components"]}
    return jsonschema_rs.Draft202012Validator(root, validate_formats=True)


@pytest.fixture
def call(service) -> Checked:
    return Checked(service)


async def sign_in(call: Checked, email: str = ALICE, **options) -> dict:
    await call("POST", "/auth/request-otp", json={"email": email}, **options)
    code = call.service.outbox.code(email)
    return await call("POST", "/auth/verify-otp", json={"email": email, "otp": code}, **options)


async def test_every_success_is_as_it_is_described(service, call) -> None:
    for path in ("/", "/openapi.json", "/health", "/health/ready", "/health/live"):
        await call("GET", path)
    await call("POST", "/signup", json={"email": ALICE, "companyName": "Wonderland"})
    await call("POST", "/signup", json={"email": ALICE, "companyName": "Wonderland"})
    body = {"email": ALICE, "otp": service.outbox.code()}
    signed_up = await call("POST", "/signup/verify", json=body)
    await call("POST", "/auth/introspect", json={"token": signed_up["token"]}, token=SUPER_KEY)
    await call("POST", "/auth/introspect", json={"token": "x"}, token=SUPER_KEY)
    renewed = await call("POST", "/auth/refresh", json={"token": signed_up["token"]})
    token = renewed["token"]
    for path in ("/auth/me", "/auth/quota", "/user/display-name", "/user/me/preferences"):
        await call("GET", path, token=token)
    await call("PUT", "/user/me/preferences", json={"a": 1}, token=token)
    await call("PUT", "/user/display-name", json={"displayName": "Queen"}, token=token)
    service.clock.advance(31 * 86_400)
    token = (await sign_in(call))["token"]
    await call("POST", "/user/display-name/regenerate", token=token)
    customer_id = signed_up["customerId"]
    keys = f"/admin/customers/{customer_id}/api-keys"
    made = await call("POST", keys, json={"name": "Shop"}, token=token)
    rotated = await call("POST", f"{keys}/{made['keyId']}/rotate", token=token)
    bob = await sign_in(call, BOB, api_key=rotated["apiKey"])
    await call("DELETE", f"{keys}/{rotated['keyId']}", token=token)
    await call("POST", "/auth/verify-otp", json={"email": BOB, "otp": "1"}, api_key=made["apiKey"])
    await call("PUT", "/admin/config", json={"allowedIPs": ["192.0.2.1"]}, token=token)
    export = f"/admin/users/{bob['userId']}/export"
    for path in (
        *(keys, "/admin/audit-logs", "/admin/analytics", "/admin/analytics/realtime"),
        *("/admin/analytics/errors", "/admin/config", export),
    ):
        await call("GET", path, token=token)
        await call("GET", path, token=token, headers={"X-Encrypt-Response": "true"})
    await call("GET", "/admin/users/user_ff8d9819fc0e/export", token=token)
    await call("GET", "/admin/customers?limit=1", token=SUPER_KEY)
    for verb in ("suspend", "activate"):
        await call("POST", f"/admin/customers/{customer_id}/{verb}", token=SUPER_KEY)
    await call("POST", "/auth/logout", token=token)
    await call("DELETE", "/admin/users/user_ff8d9819fc0e", token=SUPER_KEY)

    succeeding = {
        (method, path, 200)
        for path, methods in DESCRIPTION["paths"].items()
        for method, operation in methods.items()
        if "200" in operation["responses"]
    }
    assert succeeding - call.seen == set()


def every_operation() -> list[tuple[str, str]]:
    return [
        (method.upper(), re.sub(r"\{\w+\}", "x", path))
        for path, methods in DESCRIPTION["paths"].items()
        for method in methods
    ]


@pytest.mark.parametrize(("method", "path"), every_operation())
async def test_every_error_is_as_it_is_described(service, call, method: str, path: str) -> None:
    await service.sign_in()
    body = None if method in ("GET", "DELETE") else "{"
    keyed = {"api_key": "otp_live_sk_none"}

    for token in (None, "none", SUPER_KEY):
        await call(method, path, body=body, token=token)
        await call(method, path, body=body and "{}", token=token)
    await call(method, path, body=body, **keyed)
    if body is not None:
        await call(method, path, body=f'{{"a": "{"x" * 70_000}"}}', token=SUPER_KEY)
    service.customers.is_down = True
    service.outbox.failure = RuntimeError("no route")
    for json in ({"email": ALICE, "otp": "123456", "companyName": "A", "token": "a"}, {}):
        await call(method, path, json=json if body else None, token=SUPER_KEY)


@pytest.mark.parametrize("path", ["/signup/verify", "/auth/verify-otp"])
async def test_wrong_codes_are_as_they_are_described(service, call, path: str) -> None:
    await call("POST", "/signup", json={"email": ALICE, "companyName": "A"})
    wrong = "000001" if service.outbox.code() == "000000" else "000000"

    for _ in range(6):
        await call("POST", path, json={"email": ALICE, "otp": wrong})

    assert {status for _, template, status in call.seen if template == path} == {401, 429}


async def test_reached_limits_are_as_they_are_described(service, call) -> None:
    for n in range(11):
        await call("POST", "/auth/request-otp", json={"email": f"user{n}@example.com"})

    assert ("post", "/auth/request-otp", 429) in call.seen


async def test_an_unwell_service_is_as_it_is_described(service, call) -> None:
    service.configure(EMAIL=None)

    for path in ("/health", "/health/ready"):
        await call("GET", path)

    assert ("get", "/health", 503) in call.seen
