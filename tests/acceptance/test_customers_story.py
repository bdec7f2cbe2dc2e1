"""From the first code to the last restart, over HTTP, with both services on LevelDB."""

import json
from typing import Any

import pytest

from identity import ResponseCipher

pytestmark = pytest.mark.timeout(180)

ALICE = "alice@example.com"
ADMIN = "admin@example.com"


async def opened(response: Any, token: str) -> Any:
    assert response.status_code < 300, response.text
    assert response.headers["x-encrypted"] == "true"
    return await ResponseCipher().decrypt(response.json(), token)


async def test_the_whole_story(start, use) -> None:
    server = start()
    services = use(server)

    # She signs in by a code, once.
    code = services.code_for(ALICE)
    signed_in = services.verify(ALICE, code).json()
    token = signed_in["access_token"]
    assert services.verify(ALICE, code).status_code == 401
    me = services.auth("GET", "/auth/me", token=token).json()
    assert (me["email"], me["customerId"]) == (ALICE, signed_in["customerId"])

    # Her record is encrypted for her, and she changes what is hers to change.
    customer = await opened(services.customer("GET", "/customer/me", token=token), token)
    assert (customer["customerId"], customer["tier"]) == (me["customerId"], "free")
    changed = services.customer("PUT", "/customer/me", token=token, json={"name": "Zoë ☕"})
    assert (await opened(changed, token))["name"] == "Zoë ☕"
    refused = services.customer("PUT", "/customer/me", token=token, json={"tier": "enterprise"})
    assert refused.status_code == 403

    # Renewed, the old token is of no use at either service.
    second = services.auth("POST", "/auth/refresh", json={"token": token}).json()["token"]
    third = services.auth("POST", "/auth/refresh", json={"token": second}).json()["token"]
    assert services.auth("GET", "/auth/me", token=second).status_code == 401
    assert services.customer("GET", "/customer/me", token=second).status_code == 401
    assert services.customer("GET", "/customer/me", token=third).status_code == 200

    await tenant_life(services, third, me["customerId"])
    suspension_and_erasure(services, me)

    # All of it is still there after a restart: what was made, and what was taken away.
    bob = services.sign_in("bob@example.com")
    server.interrupt()
    services = use(start())
    again = services.auth("GET", "/auth/me", token=bob["token"])
    assert again.json()["userId"] == bob["userId"]
    kept = await opened(services.customer("GET", "/customer/me", token=bob["token"]), bob["token"])
    assert kept["customerId"] == bob["customerId"]
    assert services.auth("GET", "/auth/me", token=second).status_code == 401
    assert services.auth("GET", "/auth/me", token=third).status_code in (401, 404)


async def tenant_life(services: Any, token: str, customer_id: str) -> None:
    """She lets users of her own sign in, by an API key that is used, rotated and revoked."""
    keys = f"/admin/customers/{customer_id}/api-keys"
    made = services.auth("POST", keys, token=token, json={"name": "web"}).json()
    tenant = {"X-OTP-API-Key": made["apiKey"]}
    asked = services.auth(
        "POST", "/auth/request-otp", headers=tenant, json={"email": "user@example.com"}
    )
    assert asked.status_code == 200, asked.text
    encrypted = services.auth("GET", keys, token=token, headers={"X-Encrypt-Response": "true"})
    [listed] = (await opened(encrypted, token))["keys"]
    assert (listed["keyId"], listed["status"]) == (made["keyId"], "active")
    assert made["apiKey"] not in json.dumps(listed)

    rotated = services.auth("POST", f"{keys}/{made['keyId']}/rotate", token=token).json()
    new = {"X-OTP-API-Key": rotated["apiKey"]}
    for headers in (tenant, new):
        used = services.auth(
            "POST", "/auth/request-otp", headers=headers, json={"email": "user2@example.com"}
        )
        assert used.status_code == 200, used.text

    revoked = services.auth("DELETE", f"{keys}/{rotated['keyId']}", token=token)
    assert revoked.status_code == 200, revoked.text
    after = services.auth(
        "POST", "/auth/request-otp", headers=new, json={"email": "user3@example.com"}
    )
    assert after.status_code == 401
    stranger = services.sign_in("stranger@example.com")["token"]
    assert services.auth("GET", keys, token=stranger).status_code == 403


def suspension_and_erasure(services: Any, me: dict[str, Any]) -> None:
    """An administrator suspends her, lets her in again, and at her wish forgets her."""
    admin = services.sign_in(ADMIN)["token"]
    customer = f"/admin/customers/{me['customerId']}"
    assert services.auth("POST", f"{customer}/suspend", token=admin).status_code == 200
    refused = services.verify(ALICE, services.code_for(ALICE))
    assert (refused.status_code, refused.json()["detail"]) == (403, "Account suspended")
    assert services.auth("POST", f"{customer}/activate", token=admin).status_code == 200

    user = f"/admin/users/{me['userId']}"
    export = services.auth("GET", f"{user}/export", token=admin)
    assert export.status_code == 200, export.text
    assert ALICE in export.text
    assert "Zoë" in export.text
    assert services.auth("DELETE", user, token=admin).status_code == 200
    gone = services.auth("GET", f"{user}/export", token=admin)
    assert gone.status_code == 404
    records = services.auth("GET", "/admin/customers", token=admin).text
    assert ALICE not in records
