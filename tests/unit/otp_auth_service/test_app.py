"""What holds for every route: headers, origins, unknown paths, and failures."""

import json
import logging

import pytest

from workerkit import SettingsError

DASHBOARD = "https://app.idling.app"
SHOP = "https://shop.example"
SECURITY = {
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "strict-transport-security": "max-age=31536000; includeSubDomains",
    "referrer-policy": "no-referrer",
}
PLACES = [
    ("GET", "/health/live"),
    ("GET", "/nowhere"),
    ("GET", "/auth/me"),
    ("PUT", "/auth/me"),
    ("POST", "/auth/request-otp"),
    ("OPTIONS", "/auth/me"),
    ("GET", "/%ff"),
]


def asked_from(origin: str, **headers: str) -> dict[str, str]:
    return {"Origin": origin, **headers}


def permissions(answer) -> dict[str, str]:
    return {
        name: value for name, value in answer.headers.items() if name.startswith("access-control")
    }


@pytest.mark.parametrize(("method", "path"), PLACES)
async def test_every_answer_has_the_security_headers(service, method, path) -> None:
    answer = await service.call(method, path)

    assert {name: answer.headers[name] for name in SECURITY} == SECURITY


@pytest.mark.parametrize("path", ["/nowhere", "/auth", "/auth/me/x", "/AUTH/ME"])
async def test_an_unknown_path_is_a_problem(service, path: str) -> None:
    problem = await service.read(await service.call("GET", path), 404)

    assert problem["detail"] == "The requested endpoint was not found"
    assert (problem["code"], problem["instance"]) == ("endpoint_not_found", path)


async def test_a_trailing_slash_means_nothing(service) -> None:
    await service.read(await service.call("GET", "/health/live/"))


async def test_another_method_is_refused_with_those_there_are(service) -> None:
    answer = await service.call("GET", "/auth/request-otp")

    assert answer.headers["allow"] == "OPTIONS, POST"
    await service.read(answer, 405)


async def test_health_names_what_is_wrong(service) -> None:
    well = await service.read(await service.call("GET", "/health"))
    service.configure(EMAIL=None)

    ill = await service.read(await service.call("GET", "/health/ready"), 503)

    assert (well["status"], well["checks"]) == ("ok", {"OTP_AUTH_KV": "ok", "email": "ok"})
    assert ill["status"] == "error"
    assert ill["checks"]["email"] == "Email is not configured"
    await service.read(await service.call("GET", "/health/live"))


async def test_health_sees_storage_that_fails(service) -> None:
    class Broken:
        async def get(self, *args: object) -> None:
            raise OSError("the disk is on fire")

        put = list = get

    service.configure(OTP_AUTH_KV=Broken())

    body = await service.read(await service.call("GET", "/health"), 503)

    assert body["checks"]["OTP_AUTH_KV"] == "cannot be read"


@pytest.mark.parametrize("environment", ["production", "test"])
async def test_without_a_list_no_page_may_read(service, environment: str) -> None:
    service.configure(ENVIRONMENT=environment)

    for method in ("GET", "OPTIONS"):
        answer = await service.call(method, "/health/live", headers=asked_from(SHOP))
        assert permissions(answer) == {}


async def test_in_development_any_page_may_read_but_not_with_credentials(service) -> None:
    service.configure(ENVIRONMENT="development")

    answer = await service.call("GET", "/health/live", headers=asked_from(SHOP))

    assert answer.headers["access-control-allow-origin"] == SHOP
    assert "access-control-allow-credentials" not in answer.headers


async def test_a_listed_page_may_read_with_credentials(service) -> None:
    service.configure(ALLOWED_ORIGINS="https://*.idling.app, nonsense")

    answer = await service.call("GET", "/health/live", headers=asked_from(DASHBOARD))
    other = await service.call("GET", "/health/live", headers=asked_from(SHOP))

    assert answer.headers["access-control-allow-origin"] == DASHBOARD
    assert answer.headers["access-control-allow-credentials"] == "true"
    assert "X-Encrypted" in answer.headers["access-control-expose-headers"]
    assert answer.headers["vary"] == "Origin"
    assert permissions(other) == {}
    assert other.status == 200


async def test_an_error_can_be_read_by_the_page_too(service) -> None:
    service.configure(ALLOWED_ORIGINS=DASHBOARD)

    answer = await service.call("GET", "/auth/me", headers=asked_from(DASHBOARD))

    assert answer.status == 401
    assert answer.headers["access-control-allow-origin"] == DASHBOARD
    assert answer.headers.get_all("content-type") == ["application/json"]


async def test_a_preflight_says_what_a_page_may_send(service) -> None:
    service.configure(ALLOWED_ORIGINS=DASHBOARD)

    answer = await service.call("OPTIONS", "/anything", headers=asked_from(DASHBOARD))

    assert answer.status == 204
    assert answer.headers["access-control-max-age"] == "86400"
    assert answer.headers["access-control-allow-methods"] == "GET, POST, PUT, DELETE, OPTIONS"
    sendable = answer.headers["access-control-allow-headers"].split(", ")
    for name in (
        *("Content-Type", "Authorization", "X-Requested-With"),
        *("X-OTP-API-Key", "X-CSRF-Token", "X-Dashboard-Request"),
    ):
        assert name in sendable


async def test_the_pages_of_a_tenant_take_the_place_of_the_listed_ones(service) -> None:
    service.configure(ALLOWED_ORIGINS=DASHBOARD)
    customer_id = await service.customers.create(
        "shop@example.com", config={"allowedOrigins": [SHOP, 5]}
    )
    api_key = await service.new_api_key(customer_id)

    own = await service.call("GET", "/health/live", headers=asked_from(SHOP), api_key=api_key)
    listed = await service.call(
        "GET", "/health/live", headers=asked_from(DASHBOARD), api_key=api_key
    )

    assert own.headers["access-control-allow-origin"] == SHOP
    assert permissions(listed) == {}


async def test_a_page_may_try_with_an_api_key_whose_tenant_is_not_known_yet(service) -> None:
    headers = asked_from(SHOP)
    headers["Access-Control-Request-Headers"] = "content-type, x-otp-api-key"

    answer = await service.call("OPTIONS", "/auth/request-otp", headers=headers)

    assert answer.headers["access-control-allow-origin"] == SHOP
    assert "access-control-allow-credentials" not in answer.headers


class Broken:
    """A namespace that fails."""

    async def get(self, *args: object) -> None:
        raise OSError("the disk is on fire")

    put = delete = list = get


@pytest.mark.parametrize(
    ("environment", "detail"),
    [
        ("production", "An internal server error occurred"),
        ("development", "OSError: the disk is on fire"),
    ],
)
async def test_a_failure_is_told_to_developers_alone(
    service, caplog: pytest.LogCaptureFixture, environment: str, detail: str
) -> None:
    token = await service.token()
    service.configure(ENVIRONMENT=environment, OTP_AUTH_KV=Broken())

    with caplog.at_level(logging.CRITICAL):
        problem = await service.read(await service.call("GET", "/auth/me", token=token), 500)

    assert problem["detail"] == detail


async def test_what_a_user_has_met_is_noted_for_the_tenant(service) -> None:
    await service.call("POST", "/auth/request-otp", json={"email": "nobody"})
    await service.call("GET", "/auth/me")
    await service.call("GET", "/nowhere")

    noted = (await service.stored())["errors_default_2026-03-10"]

    assert [(error["category"], error["endpoint"]) for error in noted] == [
        ("validation", "/auth/request-otp"),
        ("authentication", "/auth/me"),
    ]
    assert noted[0]["message"] == "Valid email address required"


async def test_no_address_is_in_a_problem_a_log_or_what_is_noted(
    service, caplog: pytest.LogCaptureFixture
) -> None:
    path = f"/auth/alice@example.com/{'x' * 5000}"

    problem = await service.read(await service.call("GET", path), 404)
    await service.read(await service.call("GET", path, api_key="otp_live_sk_no"), 401)
    await service.read(await service.call("GET", "/auth/%zz/alice%40example.com"), 400)
    await service.read(await service.call("GET", f"/auth/{'x' * 5000}", api_key="no"), 401)
    service.configure(OTP_AUTH_KV=Broken())
    await service.read(await service.call("GET", path, api_key="otp_live_sk_no"), 500)

    assert problem["instance"] == "/auth"
    service.configure(OTP_AUTH_KV=service.kv)
    noted = json.dumps(await service.stored())
    for text in (noted, caplog.text):
        assert "alice" not in text
    assert len(noted) < 1000


@pytest.mark.parametrize(
    ("settings", "named"),
    [
        ({"JWT_SECRET": None}, "JWT_SECRET"),
        ({"SERVICE_API_KEY": None}, "SERVICE_API_KEY"),
        ({"OTP_AUTH_KV": None}, "OTP_AUTH_KV"),
        ({"JWT_SECRET": "x" * 31}, "JWT_SECRET has 32 bytes at least"),
        ({"E2E_TEST_OTP_CODE": "123456", "ENVIRONMENT": "production"}, "E2E_TEST_OTP_CODE is for"),
        ({"E2E_TEST_OTP_CODE": "12345"}, "E2E_TEST_OTP_CODE has six digits"),
    ],
    ids=str,
)
async def test_a_setting_that_is_missing_or_wrong_is_named(service, settings, named) -> None:
    service.configure(**settings)

    with pytest.raises(SettingsError, match=named) as caught:
        await service.call("GET", "/health/live")

    assert "x" * 31 not in str(caught.value)


async def test_a_short_secret_does_on_ones_own_machine(service) -> None:
    service.configure(JWT_SECRET="short", ENVIRONMENT="development")

    await service.read(await service.call("GET", "/health/live"))


async def test_a_get_without_a_list_of_ips_needs_no_ip(service) -> None:
    await service.read(
        await service.call(
            "POST", "/auth/request-otp", json={"email": "alice@example.com"}, ip=None
        )
    )
