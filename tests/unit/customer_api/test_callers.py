"""Who is calling: keys, tokens, and what is missing."""

import asyncio
import base64
import json

import jwt
import pytest

from customer_api.revocation import Revocation
from identity import issue_token
from workers import Response

SECRET = "a secret of at least thirty-two bytes"
KEY = "the key of the services"
ALICE = "alice@example.com"
LATER = 4_102_444_800


def signed(claims: dict[str, object], secret: str = SECRET, algorithm: str = "HS256") -> str:
    base = {"sub": "u", "iss": "auth.idling.app", "exp": LATER, "email": ALICE}
    given = {name: value for name, value in (base | claims).items() if value is not None}
    return jwt.encode(given, secret, algorithm=algorithm)


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER"])
async def test_the_scheme_is_known_in_any_case(api, scheme: str) -> None:
    await api.create()

    response = await api.send(
        "GET", "/customer/me", headers={"Authorization": f"{scheme} {api.token()}"}
    )

    assert response.status == 200


@pytest.mark.parametrize(
    "token",
    [
        pytest.param(signed({}, secret="another secret of thirty-two bytes"), id="other secret"),
        pytest.param(signed({"exp": 1_000_000_000}), id="expired"),
        pytest.param(signed({"exp": None}), id="no exp"),
        pytest.param(signed({"sub": None}), id="no sub"),
        pytest.param(signed({"iss": None}), id="no iss"),
        pytest.param(signed({"iss": "evil.example"}), id="other iss"),
        pytest.param(signed({}, secret=SECRET * 2, algorithm="HS512"), id="other algorithm"),
        pytest.param(jwt.encode({"sub": "u", "exp": LATER}, None, algorithm="none"), id="none"),
        pytest.param("a.b.c", id="garbage"),
        pytest.param("x", id="short"),
        pytest.param("é" * 20, id="not ASCII"),
    ],
)
async def test_a_token_that_is_not_valid_is_nobody(api, token: str) -> None:
    await api.create()

    response = await api.send("GET", "/customer/me", token=token)

    problem = json.loads(await response.text())
    assert response.status == 401
    assert token not in json.dumps(problem)
    assert response.headers["www-authenticate"] == "Bearer"


@pytest.mark.parametrize(
    "header", ["", "Bearer", "Bearer ", "Basic YTpi", "Token abc", "e30.e30.x"]
)
async def test_a_header_without_a_token_is_nobody(api, header: str) -> None:
    response = await api.send("GET", "/customer/me", headers={"Authorization": header})

    assert response.status == 401


async def test_a_token_expires_without_leeway(api) -> None:
    await api.create()
    now = 1_000_000_000
    token, claims = issue_token(
        SECRET, issuer="auth.idling.app", user_id="u", email=ALICE, customer_id=None, now=now
    )

    assert claims.exp == now + 25_200
    assert (await api.send("GET", "/customer/me", token=token)).status == 401


async def test_the_issuer_can_be_set(api) -> None:
    await api.create()
    api.env.JWT_ISSUER = "login.example"

    ours = await api.send("GET", "/customer/me", token=api.token(issuer="login.example"))
    other = await api.send("GET", "/customer/me", token=api.token())

    assert (ours.status, other.status) == (200, 401)


async def test_a_faulty_signature_of_the_original_service_verifies(api) -> None:
    await api.create()
    token = next(
        token
        for number in range(1000)
        if "_" in (token := signed({"jti": str(number)})).rpartition(".")[2]
    )
    head, _, signature = token.rpartition(".")
    faulty = f"{head}.{signature.replace('_', '/')}"

    response = await api.send("GET", "/customer/me", token=faulty)

    # And what it opens is encrypted with the token as it was sent.
    assert response.status == 200
    assert (await api.opened(response, faulty))["email"] == ALICE


async def test_only_the_signature_is_mended(api) -> None:
    head, payload, signature = signed({}).split(".")
    padded = base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4))
    changed = base64.urlsafe_b64encode(padded.replace(b"alice", b"carol")).decode().rstrip("=")

    response = await api.send("GET", "/customer/me", token=f"{head}.{changed}.{signature}")

    assert response.status == 401


@pytest.mark.parametrize("key", ["wrong", "", KEY.upper(), KEY + "x", "é"])
async def test_a_wrong_key_is_refused_whatever_else_is_sent(api, key: str) -> None:
    await api.create()

    alone = await api.send("GET", "/customer", headers={"X-Service-Key": key})
    with_token = await api.send(
        "GET", "/customer/me", token=api.token(), headers={"X-Service-Key": key}
    )

    assert (alone.status, with_token.status) == (401, 401)


async def test_a_service_stays_one_whatever_token_it_sends_along(api) -> None:
    created = await api.create()

    response = await api.send(
        "GET", f"/customer/{created['customerId']}", service=True, token="expired or not"
    )

    assert response.status == 200
    assert "x-encrypted" not in response.headers


@pytest.mark.parametrize("key", ["", None])
@pytest.mark.parametrize("sent", ["", KEY, "None"])
async def test_without_a_service_key_services_are_refused(api, key, sent: str) -> None:
    if key is None:
        del api.env.SERVICE_API_KEY
    else:
        api.env.SERVICE_API_KEY = key

    refused = await api.send("GET", "/customer", headers={"X-Service-Key": sent})
    ready = await api.send("GET", "/health/ready")

    assert (refused.status, ready.status) == (401, 503)
    assert json.loads(await ready.text())["checks"]["SERVICE_API_KEY"] == "missing"


@pytest.mark.parametrize("secret", ["", None])
@pytest.mark.parametrize("token", [None, "garbage", signed({})])
async def test_without_a_jwt_secret_the_server_is_to_blame(api, secret, token) -> None:
    if secret is None:
        del api.env.JWT_SECRET
    else:
        api.env.JWT_SECRET = secret

    response = await api.send("GET", "/customer/me", token=token)

    problem = json.loads(await response.text())
    assert (response.status, problem["title"]) == (500, "Server Configuration Error")
    assert problem["type"] == "https://tools.ietf.org/html/rfc7231#section-6.6.1"


async def test_without_a_jwt_secret_services_go_on(api) -> None:
    del api.env.JWT_SECRET

    assert (await api.create())["email"] == ALICE
    assert (await api.send("GET", "/customer", headers={"X-Service-Key": "no"})).status == 401


async def test_a_secret_that_is_set_counts_at_once(api) -> None:
    api.env.SERVICE_API_KEY = ""
    before = await api.send("GET", "/customer", service=True)

    api.env.SERVICE_API_KEY = KEY

    after = await api.send("GET", "/customer", service=True)
    assert (before.status, after.status) == (401, 200)


# Revoked tokens


async def test_a_token_that_its_issuer_has_revoked_is_refused(api, issuer) -> None:
    await api.create()
    revoked, other = api.token(), api.token()
    issuer.revoked.add(revoked)

    assert (await api.send("GET", "/customer/me", token=revoked)).status == 401
    assert (await api.send("GET", "/customer/me", token=other)).status == 200


async def test_the_issuer_is_asked_as_a_service(api, issuer) -> None:
    token = api.token()

    await api.send("GET", "/customer/me", token=token)

    request = issuer.asked[0]
    assert (request.method, request.url) == ("POST", "https://otp-auth-service/auth/introspect")
    assert request.headers["x-service-key"] == KEY
    assert (await request.form_data())["token"] == token


async def test_an_answer_is_believed_for_30_s(api, issuer) -> None:
    await api.create()
    token = api.token()

    async def status() -> int:
        return (await api.send("GET", "/customer/me", token=token)).status

    assert await status() == 200
    issuer.revoked.add(token)
    api.clock.ahead_s = 29
    assert await status() == 200
    api.clock.ahead_s = 31
    assert await status() == 401
    assert len(issuer.asked) == 2


async def test_services_and_invalid_tokens_are_not_introspected(api, issuer) -> None:
    await api.create()
    await api.send("GET", "/customer/me", token="garbage")

    assert issuer.asked == []


@pytest.mark.parametrize(
    ("status", "text"),
    [(401, '{"active": true}'), (500, "oops"), (200, "[]"), (200, '{"active": 1}'), (200, "")],
)
async def test_a_token_that_cannot_be_checked_is_refused_for_now(
    api, issuer, caplog, status: int, text: str
) -> None:
    await api.create()
    issuer.answer = Response(text, status=status)
    token = api.token()

    response = await api.send("GET", "/customer/me", token=token)

    assert (response.status, response.headers["retry-after"]) == (503, "5")
    issuer.answer, api.clock.ahead_s = None, 5
    assert (await api.send("GET", "/customer/me", token=token)).status == 200
    assert token not in caplog.text


async def test_an_issuer_that_fails_stops_nobody_in_development(api, issuer, caplog) -> None:
    await api.create()
    issuer.failure = RuntimeError(f"no worker for {ALICE}")

    closed = await api.send("GET", "/customer/me", token=api.token())
    api.env.ENVIRONMENT = "development"
    opened = await api.send("GET", "/customer/me", token=api.token())

    assert (closed.status, opened.status) == (503, 200)
    assert "RuntimeError" in caplog.text
    assert ALICE not in caplog.text


async def test_answers_are_kept_for_a_bounded_number_of_tokens(issuer) -> None:
    revocation = Revocation(clock=lambda: 0, max_answers=2)

    for token in ("first", "second", "third", "third", "first"):
        await revocation.is_active(token, issuer, KEY)

    # The third was known; the first had made way for it.
    assert len(issuer.asked) == 4


async def test_an_issuer_that_hangs_is_not_waited_for_without_end(api, monkeypatch) -> None:
    class Hanging:
        async def fetch(self, url: str, **options: object) -> None:
            await asyncio.Event().wait()

    monkeypatch.setattr("customer_api.revocation._TIMEOUT_S", 0.01)
    api.env.AUTH = Hanging()

    assert (await api.send("GET", "/customer/me", token=api.token())).status == 503
