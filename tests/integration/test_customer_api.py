"""customer-api as it ships: the real server, its development environment, and real HTTP."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from identity import ResponseCipher, issue_token

pytestmark = pytest.mark.timeout(120)

ROOT = Path(__file__).parents[2]
WORKERS = ROOT / "workers"
ALICE = "alice@example.com"
SHOP = "https://shop.example"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The worker beside what it shares, with the secrets that its example has."""
    for name in ("customer_api", "identity", "kit"):
        shutil.copytree(
            WORKERS / name,
            tmp_path / "workers" / name,
            ignore=shutil.ignore_patterns("__pycache__", ".edgestead", ".dev.vars"),
        )
    made = tmp_path / "workers" / "customer_api"
    shutil.copy(made / ".dev.vars.example", made / ".dev.vars")
    return made


@pytest.fixture
def secrets(folder: Path) -> dict[str, str]:
    """The secrets of the example file."""
    lines = (folder / ".dev.vars").read_text().splitlines()
    pairs = (line.split("=", 1) for line in lines if not line.startswith("#"))
    return {name: value.strip('"') for name, value in pairs}


@pytest.fixture
def start(serve: Callable, folder: Path, tmp_path: Path) -> Callable:
    """Serve the worker, with state that outlives the server."""
    return lambda: serve(folder, "-e", "development", "--persist-to", tmp_path / "state")


@pytest.fixture
def token(secrets: dict[str, str]) -> str:
    return issue_token(
        secrets["JWT_SECRET"],
        issuer="auth.idling.app",
        user_id="user_0123456789ab",
        email=ALICE,
        customer_id=None,
    )[0]


@pytest.fixture
def as_service(secrets: dict[str, str]) -> dict[str, str]:
    return {"X-Service-Key": secrets["SERVICE_API_KEY"]}


async def opened(response: Any, token: str) -> Any:
    assert response.headers["x-encrypted"] == "true"
    return await ResponseCipher().decrypt(response.json(), token)


async def test_a_customer_signs_up_changes_and_leaves(start, token, as_service) -> None:
    server = start()
    signed_in = {"Authorization": f"Bearer {token}"}

    created = server.client.post("/customer/", json={"email": ALICE}, headers=signed_in)
    me = await opened(created, token)
    changed = server.client.put(
        "/customer/me", json={"name": "Zoë ☕", "config": {"a": 1}}, headers=signed_in
    )
    seen = server.client.get(created.headers["location"], headers=as_service)
    by_email = server.client.get("/customer/by-email/%20Alice%40example.com", headers=as_service)
    left = server.client.delete("/customer/me", headers=signed_in)
    gone = server.client.get("/customer/me", headers=signed_in)

    assert (created.status_code, changed.status_code) == (201, 200)
    assert (await opened(changed, token))["name"] == "Zoë ☕"
    assert seen.json()["name"] == by_email.json()["name"] == "Zoë ☕"
    assert seen.json()["customerId"] == me["customerId"]
    assert '"name":"Zoë ☕"'.encode() in seen.content
    assert "x-encrypted" not in seen.headers
    assert (left.status_code, left.content) == (204, b"")
    assert (gone.status_code, gone.json()["code"]) == (404, "customer_not_found")


def test_a_restart_keeps_customers(start, as_service) -> None:
    server = start()
    created = server.client.post("/customer", json={"email": ALICE}, headers=as_service).json()
    server.interrupt()

    again = start()

    found = again.client.get(f"/customer/{created['customerId']}", headers=as_service)
    taken = again.client.post("/customer", json={"email": ALICE}, headers=as_service)
    assert found.json() | {"id": ""} == created | {"id": ""}
    assert taken.status_code == 409


def test_browsers_and_probes_are_answered(start) -> None:
    server = start()

    preflight = server.client.options("/customer/me", headers={"Origin": SHOP})
    refused = server.client.get("/customer/me", headers={"Origin": SHOP})
    head = server.client.head("/health")
    ready = server.client.get("/health/ready")

    assert (preflight.status_code, preflight.content) == (204, b"")
    assert preflight.headers["access-control-allow-origin"] == SHOP
    assert preflight.headers["access-control-max-age"] == "86400"
    assert preflight.headers["x-content-type-options"] == "nosniff"
    assert refused.status_code == 401
    assert refused.headers["access-control-allow-origin"] == SHOP
    assert refused.headers["content-type"] == "application/problem+json"
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["content-type"] == "application/json"
    assert (ready.status_code, ready.json()["checks"]["CUSTOMER_KV"]) == (200, "ok")


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/customer/by-email/%zz", 400),
        ("/customer/by-email/%ff", 400),
        ("/customer/by-email/nobody%40example.com", 404),
        ("/customer/by-email", 404),
    ],
)
def test_escapes_in_a_path_arrive_as_they_were_sent(start, as_service, path, status) -> None:
    server = start()
    headers = "".join(f"{name}: {value}\r\n" for name, value in as_service.items())
    request = f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{headers}\r\n"

    with server.connect() as connection:
        connection.sendall(request.encode())
        answer = b"".join(iter(lambda: connection.recv(65536), b""))

    head, _, body = answer.partition(b"\r\n\r\n")
    assert head.startswith(f"HTTP/1.1 {status} ".encode())
    assert json.loads(body)["instance"] == "/customer/by-email"


def test_a_body_over_the_limit_is_refused_and_the_server_goes_on(start, as_service) -> None:
    server = start()

    large = server.client.post("/customer", content=b"x" * 5_000_000, headers=as_service)

    assert (large.status_code, large.json()["status"]) == (413, 413)
    assert server.client.get("/health").status_code == 200


def test_without_secrets_it_starts_and_says_what_is_missing(start, folder) -> None:
    (folder / ".dev.vars").unlink()

    server = start()

    ready = server.client.get("/health/ready")
    assert ready.status_code == 503
    assert ready.json()["detail"] == "Not ready: JWT_SECRET missing, SERVICE_API_KEY missing"
    me = server.client.get("/customer/me", headers={"Authorization": "Bearer a.b.c"})
    assert (me.status_code, me.json()["title"]) == (500, "Server Configuration Error")


@pytest.mark.parametrize("environment", [None, "production", "development"])
def test_its_config_is_without_a_warning(folder: Path, environment: str | None) -> None:
    from wrangler_compat import load_config

    config, report = load_config(folder, env=environment, environ={})

    bindings = {binding.name: binding.type for binding in config.bindings}
    assert not report.has_warnings, report.render()
    assert config.name.removesuffix("-development") == "customer-api"
    assert (bindings["CUSTOMER_KV"], bindings["AUTH"]) == ("kv_namespace", "service")


def test_fault_the_production_route_was_not_configured(folder: Path) -> None:
    from wrangler_compat import load_config

    config, _ = load_config(folder, env="production", environ={})

    assert [route.pattern.text for route in config.routes] == ["customer.idling.app/*"]
