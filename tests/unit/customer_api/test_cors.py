"""CORS: which origin is told what."""

import pytest

SHOP = "https://shop.idling.app"


def access_headers(response) -> dict[str, str]:
    return {
        name: value
        for name, value in response.headers.items()
        if name.startswith("access-control-")
    }


@pytest.mark.parametrize(
    ("allowed", "environment", "origin"),
    [
        (SHOP, None, SHOP),
        ("*", None, SHOP),
        ("https://*.idling.app", None, SHOP),
        (f"https://other.example,  {SHOP} ,", "production", SHOP),
        (f"no-origin,{SHOP}", "production", SHOP),
        (None, "development", "http://localhost:3000"),
        ("", "development", "http://localhost:3000"),
    ],
)
async def test_an_allowed_origin_is_echoed(api, allowed, environment, origin: str) -> None:
    set_env(api, allowed, environment)

    response = await api.send("GET", "/health", headers={"Origin": origin})

    assert access_headers(response) == {
        "access-control-allow-origin": origin,
        "access-control-expose-headers": "X-Encrypted, Location",
    }
    assert response.headers["vary"] == "Origin"


@pytest.mark.parametrize(
    ("allowed", "environment", "origin"),
    [
        (None, None, SHOP),
        ("", None, SHOP),
        (None, "production", SHOP),
        (SHOP, "development", "https://evil.example"),
        ("https://*.idling.app", None, "https://idling.app.evil.example"),
        (SHOP, None, None),
        ("no-origin", "development", SHOP),
    ],
)
async def test_another_origin_is_told_nothing(api, allowed, environment, origin) -> None:
    set_env(api, allowed, environment)
    headers = {} if origin is None else {"Origin": origin}

    for method in ("GET", "OPTIONS"):
        response = await api.send(method, "/health", headers=headers)
        assert access_headers(response) == {}
        assert response.headers["vary"] == "Origin"


@pytest.mark.parametrize(
    "path", ["/", "/customer/me", "/customer/by-email/%zz", "/nowhere", "/%zz"]
)
async def test_a_preflight_is_answered_for_every_path(api, path: str) -> None:
    api.env.ALLOWED_ORIGINS = SHOP
    headers = {"Origin": SHOP, "Access-Control-Request-Method": "PUT", "X-Service-Key": "wrong"}

    response = await api.send("OPTIONS", path, headers=headers)

    assert (response.status, response.body) == (204, None)
    assert access_headers(response) == {
        "access-control-allow-origin": SHOP,
        "access-control-allow-methods": "GET, POST, PUT, DELETE, OPTIONS",
        "access-control-allow-headers": (
            "Content-Type, Authorization, X-Service-Key, X-Requested-With"
        ),
        "access-control-max-age": "86400",
        "access-control-expose-headers": "X-Encrypted, Location",
    }


async def test_fault_the_encrypted_header_was_not_exposed_to_browsers(api) -> None:
    api.env.ALLOWED_ORIGINS = SHOP
    await api.create()

    response = await api.send("GET", "/customer/me", token=api.token(), headers={"Origin": SHOP})

    assert response.headers["x-encrypted"] == "true"
    assert "X-Encrypted" in response.headers["access-control-expose-headers"]


async def test_every_answer_has_its_headers_problems_too(api) -> None:
    api.env.ALLOWED_ORIGINS = SHOP

    for method, path in (
        ("GET", "/"),
        ("OPTIONS", "/"),
        ("GET", "/customer/me"),
        ("GET", "/nowhere"),
        ("PATCH", "/customer"),
        ("GET", "/%zz"),
        ("HEAD", "/health"),
    ):
        response = await api.send(method, path, headers={"Origin": SHOP})
        assert response.headers["x-content-type-options"] == "nosniff"
        assert response.headers["access-control-allow-origin"] == SHOP
        assert response.headers["vary"] == "Origin"


def set_env(api, allowed: str | None, environment: str | None) -> None:
    if allowed is not None:
        api.env.ALLOWED_ORIGINS = allowed
    if environment is not None:
        api.env.ENVIRONMENT = environment
