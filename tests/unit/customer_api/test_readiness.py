"""`/health/ready`: what each failed check is called, and that no secret is told."""

import json

import pytest

SECRET = "a secret of at least thirty-two bytes"
KEY = "the key of the services"


async def test_it_is_ready(any_api) -> None:
    response = await any_api.send("GET", "/health/ready")

    body = json.loads(await response.text())
    assert (response.status, body["status"]) == (200, "ok")
    assert body["checks"] == {"CUSTOMER_KV": "ok", "JWT_SECRET": "ok", "SERVICE_API_KEY": "ok"}
    assert await any_api.stored() == {}


@pytest.mark.parametrize("name", ["JWT_SECRET", "SERVICE_API_KEY", "CUSTOMER_KV"])
async def test_fault_health_stayed_green_without_secrets(api, name: str) -> None:
    delattr(api.env, name)

    response = await api.send("GET", "/health/ready")

    text = await response.text()
    problem = json.loads(text)
    assert (response.status, problem["status"]) == (503, 503)
    assert problem["detail"] == f"Not ready: {name} missing"
    assert problem["checks"][name] == "missing"
    assert list(problem["checks"].values()).count("ok") == 2
    assert SECRET not in text
    assert KEY not in text


async def test_every_failed_check_is_named(api) -> None:
    api.env.JWT_SECRET = api.env.SERVICE_API_KEY = ""
    api.env.ALLOWED_ORIGINS = "https://shop.example.com, shop.example.com"

    response = await api.send("GET", "/health/ready")

    assert json.loads(await response.text())["checks"] == {
        "CUSTOMER_KV": "ok",
        "JWT_SECRET": "missing",
        "SERVICE_API_KEY": "missing",
        "ALLOWED_ORIGINS": "1 of its entries are no origin",
    }


@pytest.mark.parametrize("error", [OSError("disk"), TimeoutError()])
async def test_a_store_that_fails_is_named(api, caplog, error: Exception) -> None:
    class Broken:
        async def get(self, key: str) -> None:
            raise error

    api.env.CUSTOMER_KV = Broken()

    response = await api.send("GET", "/health/ready")

    assert response.status == 503
    assert json.loads(await response.text())["checks"]["CUSTOMER_KV"] == "cannot be read"
    assert type(error).__name__ in caplog.text
    assert (await api.send("GET", "/health/live")).status == 200
