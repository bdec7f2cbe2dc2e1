"""What the holder of a token gets, only he can read; services get plain JSON."""

import base64
import hashlib
import json

import pytest

ALICE = "alice@example.com"
MEMBERS = ["version", "encrypted", "algorithm", "iv", "salt", "tokenHash", "data", "timestamp"]


async def test_success_is_encrypted_for_the_holder_of_a_token(api) -> None:
    token = api.token()
    body = {"email": ALICE, "name": "Zoë ☕"}

    created = await api.send("POST", "/customer", token=token, json_body=body)
    location = created.headers["location"]
    answers = [
        created,
        await api.send("GET", "/customer/me", token=token),
        await api.send("PUT", "/customer/me", token=token, json_body={"displayName": "zoë"}),
        await api.send("GET", location, token=token),
        await api.send("PUT", location, token=token, json_body={"companyName": "Tea"}),
        await api.send("GET", f"/customer/by-email/{ALICE}", token=token),
    ]

    for response in answers:
        text = await response.clone().text()
        sealed = json.loads(text)
        assert list(sealed) == MEMBERS
        assert (sealed["version"], sealed["encrypted"]) == (3, True)
        assert sealed["algorithm"] == "AES-GCM-256"
        assert sealed["tokenHash"] == hashlib.sha256(token.encode()).hexdigest()
        assert response.headers["x-encrypted"] == "true"
        assert response.headers["content-type"] == "application/json"
        assert (await api.opened(response, token))["name"] == "Zoë ☕"
        assert "Zoë" not in text
    assert [response.status for response in answers] == [201, 200, 200, 200, 200, 200]


async def test_a_key_is_derived_once_a_token_and_every_iv_is_new(api) -> None:
    await api.create()
    token = api.token()

    sealed = [
        json.loads(await (await api.send("GET", "/customer/me", token=token)).text())
        for _ in range(10)
    ]

    assert len({body["salt"] for body in sealed}) == 1
    assert len({body["iv"] for body in sealed}) == 10
    assert len(base64.b64decode(sealed[0]["salt"])) == 16
    assert len(base64.b64decode(sealed[0]["iv"])) == 12


async def test_services_get_plain_json(api) -> None:
    created = await api.create()

    response = await api.send("GET", f"/customer/{created['customerId']}", service=True)

    assert "x-encrypted" not in response.headers
    assert json.loads(await response.text())["email"] == ALICE


async def test_problems_and_empty_answers_are_never_encrypted(api) -> None:
    await api.create()
    token = api.token()
    bad = {"name": 5}

    refused = await api.send("PUT", "/customer/me", token=token, json_body=bad)
    deleted = await api.send("DELETE", "/customer/me", token=token)

    assert json.loads(await refused.text())["status"] == 400
    assert "x-encrypted" not in refused.headers
    assert (deleted.status, deleted.body) == (204, None)
    assert "x-encrypted" not in deleted.headers


@pytest.mark.parametrize("status", [200, 201])
async def test_where_encryption_fails_nothing_plain_is_sent(
    api, monkeypatch, caplog, status: int
) -> None:
    def refuse(size: int) -> bytes:
        raise NotImplementedError("no entropy")

    token = api.token()
    monkeypatch.setattr("os.urandom", refuse)
    if status == 200:
        await api.create()
        response = await api.send("GET", "/customer/me", token=token)
    else:
        response = await api.send("POST", "/customer", token=token, json_body={"email": ALICE})

    text = await response.text()
    assert response.status == 500
    assert json.loads(text)["detail"] == "An internal server error occurred"
    assert "alice" not in text
    assert "no entropy" in caplog.text
