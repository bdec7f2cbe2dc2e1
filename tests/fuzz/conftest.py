"""The two services as a server process, and people who have signed in there.

Only `tox -e fuzz` has schemathesis, which makes up requests from the services' descriptions;
elsewhere these tests are not collected.
"""

import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import httpx
import pytest

collect_ignore_glob = [] if find_spec("schemathesis") else ["test_*.py"]

WORKERS = Path(__file__).parents[2] / "workers"
FOLDERS = ("otp_auth_service", "customer_api", "identity", "kit")
CODE = "424242"
SECRETS = {
    "JWT_SECRET": "a secret that signs the tokens of these tests",
    "SERVICE_API_KEY": "the key of a service",
    "SUPER_ADMIN_API_KEY": "the-key-of-the-super-admin",
}


@dataclass(frozen=True)
class Services:
    """A server of both services, and the file in which callers find what they need."""

    url: str
    known: Path


@pytest.fixture
def services(serve: Callable[..., Any], tmp_path: Path) -> Services:
    """Serve both workers, with a fixed code; Alice, a tenant, Bob and an admin have signed in."""
    dotenv = "".join(f'{name}="{value}"\n' for name, value in SECRETS.items())
    folders = [tmp_path / "workers" / name for name in FOLDERS]
    for folder in folders:
        kept = shutil.ignore_patterns("__pycache__", ".edgestead", ".dev.vars*")
        shutil.copytree(WORKERS / folder.name, folder, ignore=kept)
        (folder / ".dev.vars").write_text(dotenv)
    server = serve(*folders[:2], "-e", "development", "--var", f"E2E_TEST_OTP_CODE:{CODE}")
    people = {name: sign_in(server.client, name) for name in ("alice", "bob", "admin")}
    made = make_tenant(server.client, people["alice"]["customer_id"])
    known = tmp_path / "known.json"
    ids = {
        "customerId": [people[name]["customer_id"] for name in ("alice", "bob")],
        "userId": [people[name]["user_id"] for name in ("alice", "bob")],
        "email": [people[name]["email"] for name in ("alice", "bob")],
        "keyId": [made["keyId"]],
    }
    told = {"url": server.url, "secrets": SECRETS, "code": CODE, "people": people, "ids": ids}
    known.write_text(json.dumps({**told, "api_key": made["apiKey"]}))
    return Services(server.url, known)


def sign_in(client: httpx.Client, name: str) -> dict[str, str]:
    """Sign somebody in; return what is in their token."""
    email = f"{name}@example.com"
    client.post("/auth/request-otp", json={"email": email}).raise_for_status()
    answer = client.post("/auth/verify-otp", json={"email": email, "otp": CODE})
    told = answer.raise_for_status().json()
    return {"email": email, "user_id": told["userId"], "customer_id": told["customerId"]}


def make_tenant(client: httpx.Client, customer_id: str) -> dict[str, str]:
    """Give a customer room for many sign-ins, and two API keys.

    Returns the first as it is sent, and the id of the second, which may be lost.
    """
    changed = client.put(
        f"/customer/{customer_id}",
        json={"plan": "enterprise"},
        headers={"Host": "customer-api.localhost", "X-Service-Key": SECRETS["SERVICE_API_KEY"]},
    )
    changed.raise_for_status()
    kept, spare = (
        client.post(
            f"/admin/customers/{customer_id}/api-keys",
            json={},
            headers={"Authorization": f"Bearer {SECRETS['SUPER_ADMIN_API_KEY']}"},
        )
        for _ in range(2)
    )
    return {"apiKey": kept.json()["apiKey"], "keyId": spare.json()["keyId"]}
