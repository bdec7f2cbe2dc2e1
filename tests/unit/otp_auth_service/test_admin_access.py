"""Who may use the admin API, and how it refuses and encrypts."""

import json

import pytest

from identity import DecryptionError, ResponseCipher, issue_token

BOB = "bob@example.com"
SUPER_KEY = "the key of the super admin"
NOBODYS = "cust_000000000000"

OWN = [
    ("GET", "/admin/customers/{id}/api-keys"),
    ("POST", "/admin/customers/{id}/api-keys"),
    ("POST", "/admin/customers/{id}/api-keys/key_0123456789abcdef/rotate"),
    ("DELETE", "/admin/customers/{id}/api-keys/key_0123456789abcdef"),
    ("GET", "/admin/audit-logs?customerId={id}"),
    ("GET", "/admin/analytics?customerId={id}"),
    ("GET", "/admin/analytics/realtime?customerId={id}"),
    ("GET", "/admin/analytics/errors?customerId={id}"),
    ("GET", "/admin/config?customerId={id}"),
    ("PUT", "/admin/config?customerId={id}"),
    ("GET", "/admin/users/user_0123456789ab/export?customerId={id}"),
    ("DELETE", "/admin/users/user_0123456789ab?customerId={id}"),
]
FOR_SUPER_ADMINS = [
    ("GET", "/admin/customers"),
    ("POST", "/admin/customers/{id}/suspend"),
    ("POST", "/admin/customers/{id}/activate"),
]
READS_OF_OWN = [
    "/admin/customers/{id}/api-keys",
    "/admin/audit-logs",
    "/admin/analytics",
    "/admin/analytics/realtime",
    "/admin/analytics/errors",
    "/admin/config",
]


async def send(service, method: str, path: str, **options):
    body = {} if method in ("POST", "PUT") else None
    return await service.call(method, path, json=body, **options)


@pytest.mark.parametrize(("method", "path"), [*OWN, *FOR_SUPER_ADMINS])
async def test_nobody_gets_in_without_a_valid_token(service, method: str, path: str) -> None:
    path = path.format(id=NOBODYS)

    without = await send(service, method, path)
    wrong = await send(service, method, path, token="not.a.token")

    assert await service.read(without, 401) == {"error": "Authorization header required"}
    assert await service.read(wrong, 401) == {"error": "Invalid or expired token"}


@pytest.mark.parametrize(("method", "path"), OWN)
async def test_another_customer_is_out_of_reach(service, owner, method: str, path: str) -> None:
    other = await service.customers.create(BOB)

    answer = await send(service, method, path.format(id=other), token=owner["token"])

    assert await service.read(answer, 403) == {"error": "You can administer your own account only"}


@pytest.mark.parametrize(("method", "path"), FOR_SUPER_ADMINS)
async def test_some_things_are_for_super_admins(service, owner, method: str, path: str) -> None:
    answer = await send(service, method, path.format(id=owner["customerId"]), token=owner["token"])

    assert await service.read(answer, 403) == {"error": "Super admin access required"}


@pytest.mark.parametrize(("method", "path"), [*OWN, *FOR_SUPER_ADMINS[1:]])
@pytest.mark.parametrize("unknown", [NOBODYS, "me", "by-email", "cust_..%2F..", "x" * 600])
async def test_an_unknown_customer_is_not_found(service, method: str, path: str, unknown) -> None:
    answer = await send(service, method, path.format(id=unknown), token=SUPER_KEY)

    assert await service.read(answer, 404) == {"error": "Customer not found"}


async def test_a_super_admin_may_be_known_by_the_address(service) -> None:
    service.configure(SUPER_ADMIN_EMAILS="root@example.com, Admin@Example.com")
    other = await service.customers.create(BOB)
    token = await service.token("admin@example.com")

    answer = await service.call("GET", f"/admin/customers/{other}/api-keys", token=token)

    assert (await service.read(answer))["keys"] == []


async def test_a_key_that_is_not_set_is_nobodys(service) -> None:
    service.configure(SUPER_ADMIN_API_KEY=None)

    answer = await service.call("GET", "/admin/customers", token="")
    guessed = await service.call("GET", "/admin/customers", token=SUPER_KEY)

    assert (answer.status, guessed.status) == (401, 401)


async def test_a_token_that_names_another_customer_does_not_own_it(service) -> None:
    # As tokens of the original service do: the tenant's id beside the address of its user.
    tenant = await service.customers.create(BOB)
    token, _ = issue_token(
        service.env.JWT_SECRET,
        issuer="auth.idling.app",
        user_id="user_ff8d9819fc0e",
        email="alice@example.com",
        customer_id=tenant,
        now=service.clock(),
    )

    answer = await service.call("GET", f"/admin/customers/{tenant}/api-keys", token=token)

    assert await service.read(answer, 403) == {"error": "You can administer your own account only"}


@pytest.mark.parametrize("path", READS_OF_OWN)
async def test_an_answer_is_encrypted_where_that_is_asked_for(service, owner, path: str) -> None:
    path = path.format(id=owner["customerId"])
    headers = {"X-Encrypt-Response": "true"}

    plain = await service.call("GET", path, token=owner["token"])
    sealed = await service.call("GET", path, token=owner["token"], headers=headers)

    assert (sealed.headers["x-encrypted"], plain.headers.get("x-encrypted")) == ("true", None)
    body, cipher = await service.read(sealed), ResponseCipher()
    assert list(body) == [
        *("version", "encrypted", "algorithm", "iv", "salt", "tokenHash", "data", "timestamp")
    ]
    assert await cipher.decrypt(body, owner["token"]) == await service.read(plain)
    with pytest.raises(DecryptionError):
        await cipher.decrypt(body, f"{owner['token']}x")


async def test_errors_and_answers_to_the_super_admins_key_are_never_encrypted(service) -> None:
    headers = {"X-Encrypt-Response": "true"}

    refused = await service.call("GET", "/admin/config", token="none", headers=headers)
    answered = await service.call("GET", "/admin/customers", token=SUPER_KEY, headers=headers)

    assert await service.read(refused, 401) == {"error": "Invalid or expired token"}
    assert (await service.read(answered))["customers"] == []


async def test_answers_are_not_to_be_kept(service, owner) -> None:
    answer = await service.call("GET", "/admin/config", token=owner["token"])

    assert (answer.headers["cache-control"], answer.headers["pragma"]) == ("no-store", "no-cache")


@pytest.mark.parametrize("body", ["{", "[]", '"text"'])
async def test_a_body_that_is_no_object_is_refused_plainly(service, owner, body: str) -> None:
    path = f"/admin/customers/{owner['customerId']}/api-keys"

    answer = await service.call("POST", path, body=body, token=owner["token"])

    assert answer.headers["content-type"] == "application/json"
    assert "error" in await service.read(answer, 400)


async def test_a_customer_api_that_is_down_is_told_plainly(service, owner) -> None:
    service.customers.is_down = True

    answer = await service.call("GET", "/admin/config", token=owner["token"])

    assert answer.headers["retry-after"] == "5"
    assert await service.read(answer, 503) == {
        "error": "Customer accounts are unavailable at the moment. Please try again shortly."
    }


async def test_a_customer_api_that_crashes_is_as_good_as_down(service, owner, caplog) -> None:
    service.customers.answer = lambda request: 1 / 0

    answer = await service.call("GET", "/admin/config", token=owner["token"])

    assert answer.status == 503
    assert "customer-api answered 503: has failed: ZeroDivisionError" in caplog.text


async def test_a_failure_is_told_plainly(service, owner) -> None:
    class Broken:
        """A namespace that cannot be read."""

        put = list = service.kv.put

        async def get(self, key: str) -> None:
            raise OSError("the disk is on fire")

    service.configure(OTP_AUTH_KV=Broken())

    answer = await service.call("GET", "/admin/config", token=owner["token"])

    assert await service.read(answer, 500) == {"error": "An internal server error occurred"}


async def test_a_suspended_customer_reads_but_does_not_write(service, owner) -> None:
    customer_id, token = owner["customerId"], owner["token"]
    await service.customers.change(customer_id, status="suspended")
    keys = f"/admin/customers/{customer_id}/api-keys"

    read = await service.call("GET", keys, token=token)
    made = await service.call("POST", keys, json={}, token=token)
    changed = await service.call("PUT", "/admin/config", json={"a": 1}, token=token)

    await service.read(read)
    assert await service.read(made, 403) == {"error": "Account suspended"}
    assert await service.read(changed, 403) == {"error": "Account suspended"}


async def test_an_api_key_is_no_way_in(service, owner) -> None:
    api_key = await service.new_api_key(owner["customerId"])

    answer = await service.call("GET", "/admin/config", token=api_key)

    assert await service.read(answer, 401) == {"error": "Authorization header required"}


async def test_a_revoked_token_is_refused(service, owner) -> None:
    await service.call("POST", "/auth/logout", token=owner["token"])

    answer = await service.call("GET", "/admin/config", token=owner["token"])

    assert await service.read(answer, 401) == {"error": "Invalid or expired token"}


async def test_an_error_of_the_admin_api_has_the_security_headers(service) -> None:
    answer = await service.call("GET", "/admin/config")

    assert answer.headers["x-frame-options"] == "DENY"
    assert json.loads(await answer.text()) == {"error": "Authorization header required"}


@pytest.mark.parametrize("path", ["/admin/config", "/admin/no-such-path", "/auth/me", "/signup"])
async def test_an_error_has_one_content_type(service, path: str) -> None:
    answer = await service.call("PATCH", path)

    assert [name for name, _ in answer.headers.items()].count("content-type") == 1


async def test_a_path_of_the_admin_api_that_is_none_is_refused_plainly(service) -> None:
    unknown = await service.call("GET", "/admin/nothing")
    other_method = await service.call("PATCH", "/admin/config")

    assert await service.read(unknown, 404) == {
        "error": "The requested endpoint was not found",
        "code": "endpoint_not_found",
    }
    assert other_method.headers["allow"] == "GET, HEAD, OPTIONS, PUT"
    assert "error" in await service.read(other_method, 405)
