"""All that is held on a user: handed out, and erased."""

import asyncio
import json

import pytest

SUPER_KEY = "the key of the super admin"
ALICE = "alice@example.com"
BOB = "bob@example.com"
ALICE_ID = "user_ff8d9819fc0e"


async def export(service, user_id: str, token: str, query: str = "", status: int = 200, **options):
    path = f"/admin/users/{user_id}/export{query}"
    return await service.read(await service.call("GET", path, token=token, **options), status)


async def erase(service, user_id: str, token: str, query: str = "", status: int = 200, **options):
    path = f"/admin/users/{user_id}{query}"
    return await service.read(await service.call("DELETE", path, token=token, **options), status)


async def use_everything(service) -> dict:
    """Let Alice leave a trace in every record that there is; return her token response."""
    await service.call("POST", "/signup", json={"email": ALICE, "companyName": "Wonderland"})
    code = service.outbox.code(ALICE)
    answer = await service.call("POST", "/auth/verify-otp", json={"email": ALICE, "otp": code})
    owner = await service.read(answer)
    token = owner["token"]
    for path, body in (
        ("/user/display-name", {"displayName": "Alice L."}),
        ("/user/me/preferences", {"theme": "dark"}),
    ):
        await service.read(await service.call("PUT", path, json=body, token=token))
    await service.new_api_key(owner["customerId"])
    await service.call("POST", "/auth/verify-otp", json={"email": ALICE, "otp": "000000"})
    service.clock.advance(60)
    await service.request_code()
    return owner


def naming(stored: dict, *words: str) -> list[str]:
    """Return the keys of records that still say one of the words."""
    return [
        key for key, record in stored.items() if any(w in key + json.dumps(record) for w in words)
    ]


async def test_an_export_has_all_that_is_held(service) -> None:
    owner = await use_everything(service)

    data = await export(service, ALICE_ID, owner["token"])

    assert list(data) == [
        *("success", "exportedAt", "userId", "tenantId", "user", "session", "preferences"),
        *("code", "rateLimit", "statistics", "displayNameChange", "signup", "auditEvents"),
        *("apiKeys", "customer"),
    ]
    assert data["user"] == {
        "userId": ALICE_ID,
        "email": ALICE,
        "displayName": "Alice L.",
        "customerId": owner["customerId"],
        "createdAt": "2026-03-10T12:00:00.000Z",
        "lastLogin": "2026-03-10T12:00:00.000Z",
    }
    assert data["session"] == {
        "userId": ALICE_ID,
        "expiresAt": "2026-03-10T19:00:00.000Z",
        "createdAt": "2026-03-10T12:00:00.000Z",
    }
    assert (data["tenantId"], data["preferences"]) == (None, {"theme": "dark"})
    assert data["code"]["attempts"] == 0
    assert data["rateLimit"]["requests"] == 2
    assert (data["statistics"]["requests"], data["statistics"]["successes"]) == (2, 1)
    assert data["displayNameChange"] == {"changedAt": 1773144000}
    assert data["signup"]["companyName"] == "Wonderland"
    assert [event["eventType"] for event in data["auditEvents"]] == [
        *("otp_requested", "otp_failed", "login", "otp_requested")
    ]
    assert [key["status"] for key in data["apiKeys"]] == ["active"]
    assert list(data["customer"])[0] == "customerId"
    assert (data["customer"]["customerId"], data["customer"]["email"]) == (
        owner["customerId"],
        ALICE,
    )


async def test_who_has_the_id_of_another_gets_the_own_data(service) -> None:
    owner = await use_everything(service)
    own = f"user_{service.hash(ALICE)}"
    record = await service.kv.get(own, "json")
    # Made to have it, and listed first.
    other = f"user_{service.hash(ALICE)[:12]}{'0' * 52}"
    await service.kv.put(other, json.dumps({**record, "email": BOB}))

    data = await export(service, ALICE_ID, owner["token"])
    await erase(service, ALICE_ID, owner["token"])

    assert data["user"]["email"] == ALICE
    stored = await service.stored()
    assert own not in stored
    assert other in stored


async def test_an_export_has_nothing_that_lets_anybody_in(service) -> None:
    owner = await use_everything(service)
    stored = await service.stored()

    text = json.dumps(await export(service, ALICE_ID, owner["token"]))

    assert stored[f"otp_{service.hash()}"]["codeHash"] not in text
    assert stored[f"session_{ALICE_ID}"]["token"] not in text
    assert service.outbox.code() not in text


async def test_an_erasure_leaves_nothing_that_names_the_user(service) -> None:
    owner = await use_everything(service)
    await service.call("GET", f"/admin/users/{ALICE_ID}/export", token=SUPER_KEY)

    answered = await erase(service, ALICE_ID, owner["token"])

    assert answered["success"] is True
    assert answered["erased"] == {
        "records": 7,
        "auditEvents": 5,
        "apiKeys": 1,
        "customer": True,
    }
    words = (ALICE, ALICE_ID, service.hash(), owner["customerId"], "Alice L.", "Wonderland")
    # Only the log of the customer is still there, under its id; and nothing in it names the user.
    assert naming(await service.stored(), *words) == [f"audit_{owner['customerId']}_2026-03-10"]
    assert await service.customers.all() == []
    with pytest.raises(StopIteration):
        next(key for key in await service.stored() if key.startswith(("apikey_", "displayname_")))


async def test_the_audit_log_keeps_what_happened_but_not_to_whom(service) -> None:
    owner = await use_everything(service)

    await erase(service, ALICE_ID, owner["token"])

    log = await service.read(await service.call("GET", "/admin/audit-logs", token=SUPER_KEY))
    at = "2026-03-10T12:00:00.000Z"
    assert log["events"] == [
        {"eventType": "user_erased", "timestamp": "2026-03-10T12:01:00.000Z"},
        {"eventType": "otp_requested", "timestamp": "2026-03-10T12:01:00.000Z", "erased": True},
        {"eventType": "otp_failed", "timestamp": at, "erased": True},
        {"eventType": "login", "timestamp": at, "erased": True},
        {"eventType": "otp_requested", "timestamp": at, "erased": True},
    ]


async def test_a_token_of_an_erased_user_is_of_no_use(service) -> None:
    first = await service.token()
    service.clock.advance(60)
    latest = await service.token()
    api_key = await service.new_api_key((await service.customers.all())[0]["customerId"])

    await erase(service, ALICE_ID, SUPER_KEY)

    for token in (first, latest):
        assert (await service.call("GET", "/auth/me", token=token)).status in (401, 404)
        renewed = await service.call("POST", "/auth/refresh", json={"token": token})
        assert renewed.status == 401
    assert (await service.call("GET", "/admin/config", token=latest)).status == 401
    assert (await service.call("GET", "/health/live", api_key=api_key)).status == 401


async def test_the_token_that_asks_is_revoked_though_another_is_the_latest(service) -> None:
    first = await service.token()
    service.clock.advance(60)
    await service.token()

    await erase(service, ALICE_ID, first)

    assert (await service.call("GET", "/auth/me", token=first)).status == 401


async def test_an_erased_user_can_come_back_as_a_new_one(service, owner) -> None:
    await erase(service, ALICE_ID, owner["token"])

    again = await service.sign_in()

    assert again["customerId"] != owner["customerId"]
    assert [customer["customerId"] for customer in await service.customers.all()] == [
        again["customerId"]
    ]


async def test_others_keep_all_that_is_theirs(service, owner) -> None:
    bob = await service.sign_in(BOB)
    before = {k: v for k, v in (await service.stored()).items() if service.hash(BOB) in k}

    await erase(service, ALICE_ID, owner["token"])

    stored = await service.stored()
    assert {key: stored[key] for key in before} == before
    assert (await service.call("GET", "/auth/me", token=bob["token"])).status == 200
    assert (await service.customers.get(bob["customerId"]))["email"] == BOB


async def test_erasing_again_is_no_error_and_leaves_no_trace(service, owner) -> None:
    await erase(service, ALICE_ID, SUPER_KEY)
    before = await service.stored()

    again = await erase(service, ALICE_ID, SUPER_KEY)

    assert again["erased"] == {"records": 0, "auditEvents": 0, "apiKeys": 0, "customer": False}
    assert await service.stored() == before


async def test_an_erasure_waits_for_customer_api_and_can_be_repeated(service, owner) -> None:
    before = await service.stored()
    service.customers.is_down = True

    await erase(service, ALICE_ID, owner["token"], status=503)
    assert (await service.stored()).items() >= {
        key: record for key, record in before.items() if not key.startswith("errors_")
    }.items()
    service.customers.is_down = False
    answered = await erase(service, ALICE_ID, owner["token"])

    assert answered["erased"]["customer"] is True
    assert naming(await service.stored(), ALICE, ALICE_ID, service.hash()) == []


async def test_an_erasure_that_stopped_half_way_is_finished_by_the_next(service) -> None:
    owner = await use_everything(service)
    kv = service.kv

    class Failing:
        """Deletes twice, and then no more."""

        def __init__(self) -> None:
            self.deletes = 0

        def __getattr__(self, name: str):
            return getattr(kv, name)

        async def delete(self, key: str) -> None:
            self.deletes += 1
            if self.deletes > 5:
                raise OSError("the disk is full")
            await kv.delete(key)

    service.configure(OTP_AUTH_KV=Failing())
    await erase(service, ALICE_ID, owner["token"], status=500)
    service.configure(OTP_AUTH_KV=kv)

    await erase(service, ALICE_ID, owner["token"])

    words = (ALICE, ALICE_ID, service.hash(), "Alice L.", "Wonderland")
    assert naming(await service.stored(), *words) == []
    assert await service.customers.all() == []


@pytest.mark.parametrize("gone", [("user_", "displayname_"), "session_", "stats_"])
async def test_what_is_left_without_the_rest_is_erased_too(service, owner, gone) -> None:
    for key in await service.stored():
        if key.startswith(gone):
            await service.kv.delete(key)

    await erase(service, ALICE_ID, SUPER_KEY)

    assert naming(await service.stored(), ALICE, ALICE_ID, service.hash()) == []


async def test_somebody_who_only_asked_for_a_code_can_be_exported_and_erased(service) -> None:
    await service.request_code()

    data = await export(service, ALICE_ID, SUPER_KEY)
    await erase(service, ALICE_ID, SUPER_KEY)

    assert (data["user"], data["customer"], data["apiKeys"]) == (None, None, [])
    assert data["rateLimit"]["requests"] == 1
    assert naming(await service.stored(), ALICE, ALICE_ID, service.hash()) == []


async def test_erasures_at_the_same_moment_are_one(any_service) -> None:
    service = any_service
    owner = await service.sign_in()

    answers = await asyncio.gather(
        *(
            service.call("DELETE", f"/admin/users/{ALICE_ID}", token=owner["token"])
            for _ in range(5)
        )
    )

    assert {answer.status for answer in answers} <= {200, 401}
    assert 200 in {answer.status for answer in answers}
    assert naming(await service.stored(), ALICE, ALICE_ID, service.hash()) == []


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("/user/me/preferences", {"theme": "dark"}, 401),
        ("/user/display-name", {"displayName": "Queen"}, 404),
    ],
)
async def test_a_change_that_arrives_after_the_erasure_leaves_nothing(
    service, owner, path, body, status
) -> None:
    async def late_body():
        await erase(service, ALICE_ID, SUPER_KEY)
        yield json.dumps(body).encode()

    answer = await service.call("PUT", path, body=late_body(), token=owner["token"])

    assert answer.status == status
    assert naming(await service.stored(), ALICE, ALICE_ID, service.hash()) == []


async def test_an_erasure_waits_for_a_change_that_is_being_stored(service, owner) -> None:
    kv, erasures = service.kv, []

    class Slow:
        """Takes its time to store preferences, while an erasure begins."""

        def __getattr__(self, name: str):
            return getattr(kv, name)

        async def put(self, key: str, *args, **options) -> None:
            if key.startswith("preferences_"):
                erasures.append(asyncio.create_task(erase(service, ALICE_ID, SUPER_KEY)))
                for _ in range(1000):
                    await asyncio.sleep(0)
            await kv.put(key, *args, **options)

    service.configure(OTP_AUTH_KV=Slow())
    await service.call("PUT", "/user/me/preferences", json={"a": 1}, token=owner["token"])
    await erasures[0]

    assert naming(await service.stored(), ALICE, ALICE_ID, service.hash()) == []


@pytest.mark.parametrize(
    "user_id", ["user_0123456789ab", "user_", "user_ff8d9819fc0", "user_FF8D9819FC0E", "alice"]
)
async def test_a_user_that_is_not_there_cannot_be_exported(service, owner, user_id: str) -> None:
    assert await export(service, user_id, SUPER_KEY, status=404) == {"error": "User not found"}


async def test_what_can_be_no_users_id_cannot_be_erased(service, owner) -> None:
    assert await erase(service, "user_*", SUPER_KEY, status=404) == {"error": "User not found"}


async def test_a_user_may_be_exported_and_erased_by_nobody_else(service, owner) -> None:
    bob = await service.sign_in(BOB)

    # Bob administers his own tenant, where there is no such user.
    await export(service, ALICE_ID, bob["token"], status=404)
    await erase(service, ALICE_ID, bob["token"])

    assert (await service.call("GET", "/auth/me", token=owner["token"])).status == 200


async def test_a_tenant_sees_and_erases_its_own_users_but_not_their_accounts(
    service, owner
) -> None:
    api_key = await service.new_api_key(owner["customerId"])
    bob = await service.sign_in(BOB, api_key=api_key)
    elsewhere = await service.sign_in(BOB)

    data = await export(service, bob["userId"], owner["token"])
    answered = await erase(service, bob["userId"], owner["token"])

    assert (data["tenantId"], data["user"]["email"]) == (owner["customerId"], BOB)
    # The account is Bob's own: what else he does with it is not for the tenant.
    assert (data["customer"], data["apiKeys"]) == (None, [])
    assert answered["erased"]["customer"] is False
    prefix = f"cust_{owner['customerId']}_"
    left = naming(await service.stored(), BOB, bob["userId"], service.hash(BOB))
    assert [key for key in left if key.startswith((prefix, f"audit_{owner['customerId']}"))] == []
    assert (await service.customers.get(elsewhere["customerId"]))["email"] == BOB
    assert (await service.call("GET", "/auth/me", token=elsewhere["token"])).status == 200


async def test_a_user_may_ask_at_the_tenant_with_its_key_or_its_name(service, owner) -> None:
    tenant = owner["customerId"]
    api_key = await service.new_api_key(tenant)
    bob = await service.sign_in(BOB, api_key=api_key)
    token = bob["token"]

    by_key = await export(service, bob["userId"], token, headers={"X-OTP-API-Key": api_key})
    by_name = await export(service, bob["userId"], token, f"?customerId={tenant}")

    assert by_key["tenantId"] == by_name["tenantId"] == tenant
    assert by_key["customer"]["email"] == BOB
    await export(service, bob["userId"], token, status=404)
    await export(service, bob["userId"], token, "?customerId=default", status=404)
    assert await export(service, bob["userId"], token, "?customerId=x", status=404) == {
        "error": "Customer not found"
    }


async def test_a_super_admin_says_whose_user_it_is(service, owner) -> None:
    tenant = owner["customerId"]
    bob = await service.sign_in(BOB, api_key=await service.new_api_key(tenant))

    await export(service, bob["userId"], SUPER_KEY, status=404)
    data = await export(service, bob["userId"], SUPER_KEY, f"?customerId={tenant}")
    await erase(service, bob["userId"], SUPER_KEY, f"?customerId={tenant}")

    assert data["customer"]["customerId"] == bob["customerId"]
    assert [customer["email"] for customer in await service.customers.all()] == [ALICE]


async def test_a_suspended_customer_cannot_come_back_by_an_erasure(service, owner) -> None:
    await service.customers.change(owner["customerId"], status="suspended")

    refused = await erase(service, ALICE_ID, owner["token"], status=403)
    await export(service, ALICE_ID, owner["token"])

    assert refused == {"error": "Account suspended"}
    await erase(service, ALICE_ID, SUPER_KEY)


async def test_an_export_is_logged_with_who_asked(service, owner) -> None:
    await export(service, ALICE_ID, SUPER_KEY)

    log = await service.read(
        await service.call("GET", "/admin/audit-logs?eventType=user_exported", token=SUPER_KEY)
    )
    assert log["events"] == [
        {
            "eventType": "user_exported",
            "timestamp": "2026-03-10T12:00:00.000Z",
            "userId": ALICE_ID,
            "by": "super-admin",
        }
    ]


async def test_an_erasure_is_logged_without_the_user_but_with_who_asked(service, owner) -> None:
    await erase(service, ALICE_ID, SUPER_KEY)

    log = await service.read(
        await service.call("GET", "/admin/audit-logs?eventType=user_erased", token=SUPER_KEY)
    )
    assert log["events"] == [
        {
            "eventType": "user_erased",
            "timestamp": "2026-03-10T12:00:00.000Z",
            "by": "super-admin",
        }
    ]


async def test_an_account_of_another_address_is_not_the_users(service, owner) -> None:
    # As the original service stored it: the tenant's id beside an address of its user.
    other = await service.customers.create(BOB)
    key = f"user_{service.hash()}"
    record = {**(await service.stored())[key], "customerId": other}
    await service.kv.put(key, json.dumps(record))

    data = await export(service, ALICE_ID, owner["token"])
    await erase(service, ALICE_ID, owner["token"])

    assert data["customer"]["customerId"] == owner["customerId"]
    assert [customer["customerId"] for customer in await service.customers.all()] == [other]


async def test_the_keys_of_another_address_outlive_the_user(service, owner) -> None:
    other = await service.customers.create(BOB)
    api_key = await service.new_api_key(other)
    await service.customers.send("DELETE", f"/customer/{owner['customerId']}")
    key = f"user_{service.hash()}"
    record = {**(await service.stored())[key], "customerId": other}
    await service.kv.put(key, json.dumps(record))

    answered = await erase(service, ALICE_ID, owner["token"])

    assert (answered["erased"]["apiKeys"], answered["erased"]["customer"]) == (0, False)
    assert (await service.call("GET", "/health/live", api_key=api_key)).status == 200


async def test_keys_of_an_account_that_is_gone_already_are_erased(service, owner) -> None:
    await service.new_api_key(owner["customerId"])
    await service.customers.send("DELETE", f"/customer/{owner['customerId']}")

    answered = await erase(service, ALICE_ID, owner["token"])

    assert (answered["erased"]["apiKeys"], answered["erased"]["customer"]) == (1, False)
