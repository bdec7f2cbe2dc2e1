"""Display names that nobody chose: those that users have from their first sign-in on."""

import asyncio

import pytest

ALICE = "alice@example.com"
BOB = "bob@example.com"
DAY_S = 86_400


async def choose(service, name: str, token: str):
    return await service.call("PUT", "/user/display-name", json={"displayName": name}, token=token)


@pytest.mark.parametrize("change", [str, str.lower])
async def test_a_name_that_was_made_up_is_taken_as_well(service, owner, change) -> None:
    bob = await service.sign_in(BOB)

    answer = await choose(service, change(owner["displayName"]), bob["token"])

    assert await service.read(answer, 409) == {"error": "This display name is taken"}


async def test_preferences_are_kept_as_long_as_their_user_signs_in(service, owner) -> None:
    path = "/user/me/preferences"
    await service.call("PUT", path, json={"theme": "dark"}, token=owner["token"])
    service.clock.advance(300 * DAY_S)
    await service.sign_in()
    service.clock.advance(300 * DAY_S)

    token = await service.token()

    kept = await service.read(await service.call("GET", path, token=token))
    assert kept["preferences"] == {"theme": "dark"}


async def test_a_name_stays_taken_as_long_as_its_user_signs_in(service, owner) -> None:
    service.clock.advance(300 * DAY_S)
    assert (await service.sign_in())["displayName"] == owner["displayName"]
    service.clock.advance(300 * DAY_S)
    bob = await service.sign_in(BOB)

    answer = await choose(service, owner["displayName"], bob["token"])

    assert answer.status == 409


async def test_two_customers_of_one_name_are_users_of_two(service) -> None:
    await service.customers.create(ALICE, displayName="Queen")
    await service.customers.create(BOB, displayName="queen")

    alice, bob = await service.sign_in(), await service.sign_in(BOB)

    assert alice["displayName"] == "Queen"
    assert bob["displayName"].lower() != "queen"
    assert (await service.sign_in(BOB))["displayName"] == bob["displayName"]


async def test_a_name_may_be_somebody_elses_at_another_tenant(service, owner) -> None:
    api_key = await service.new_api_key(owner["customerId"])

    elsewhere = await service.sign_in(api_key=api_key)

    assert elsewhere["displayName"] == owner["displayName"]


async def test_a_name_given_up_by_an_erasure_is_free(service, owner) -> None:
    await service.call("DELETE", f"/admin/users/{owner['userId']}", token=owner["token"])
    bob = await service.sign_in(BOB)

    answer = await choose(service, owner["displayName"], bob["token"])

    assert answer.status == 200


async def test_a_name_chosen_during_a_sign_in_is_kept(service, owner) -> None:
    code = await service.request_code()
    kv, changes = service.kv, []

    class Slow:
        """Takes its time to store a user, while the name is changed."""

        def __getattr__(self, name: str):
            return getattr(kv, name)

        async def put(self, key: str, *args, **options) -> None:
            if key.startswith("user_") and not changes:
                changes.append(asyncio.create_task(choose(service, "Queen", owner["token"])))
                for _ in range(1000):
                    await asyncio.sleep(0)
            await kv.put(key, *args, **options)

    service.configure(OTP_AUTH_KV=Slow())
    await service.call("POST", "/auth/verify-otp", json={"email": ALICE, "otp": code})
    assert (await changes[0]).status == 200

    answer = await service.call("GET", "/user/display-name", token=owner["token"])
    assert (await service.read(answer))["displayName"] == "Queen"
