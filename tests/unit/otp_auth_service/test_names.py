"""Display names and preferences."""

import asyncio
import json

import pytest

ALICE = "alice@example.com"
BOB = "bob@example.com"
DAYS_30 = 30 * 86_400


async def rename(service, token, name):
    return await service.call("PUT", "/user/display-name", json={"displayName": name}, token=token)


async def test_the_name_is_told_and_changed(service) -> None:
    signed_in = await service.sign_in()
    token = signed_in["token"]

    before = await service.read(await service.call("GET", "/user/display-name", token=token))
    changed = await service.read(await rename(service, token, "  Zoë ☕ "))

    assert before == {"success": True, "displayName": signed_in["displayName"]}
    assert changed == {"success": True, "displayName": "Zoë ☕"}
    me = await service.read(await service.call("GET", "/auth/me", token=token))
    assert me["displayName"] == "Zoë ☕"
    again = await service.sign_in()
    assert again["displayName"] == "Zoë ☕"


@pytest.mark.parametrize(
    "name", [None, 5, "", "ab", "a" * 33, "a\x00bc", "a\u202ebc", " ab "], ids=repr
)
async def test_what_is_no_name_is_refused(service, name) -> None:
    token = await service.token()

    answer = await rename(service, token, name)

    assert "displayName must" in (await service.read(answer, 400))["error"]


@pytest.mark.parametrize("name", ["abc", "a" * 32, "名前です", "☕☕☕"])
async def test_three_to_thirty_two_characters_are_a_name(service, name: str) -> None:
    token = await service.token()

    assert (await service.read(await rename(service, token, name)))["displayName"] == name


@pytest.mark.parametrize("same", ["Alice A", "alice a", "ALICE  A", "Ａlice A"])
async def test_a_name_that_looks_like_anothers_is_taken(service, same: str) -> None:
    await service.read(await rename(service, await service.token(ALICE), "Alice A"))

    answer = await rename(service, await service.token(BOB), same)

    assert await service.read(answer, 409) == {"error": "This display name is taken"}


async def test_one_name_goes_to_one_of_those_who_ask_at_once(any_service) -> None:
    tokens = [await any_service.token(f"user{n}@example.com", ip=f"192.0.2.{n}") for n in range(10)]

    answers = await asyncio.gather(*(rename(any_service, token, "The One") for token in tokens))

    assert sorted(answer.status for answer in answers) == [200] + [409] * 9


async def test_a_name_is_changed_once_in_thirty_days(service, clock) -> None:
    token = await service.token()
    await service.read(await rename(service, token, "First"))
    clock.advance(3600)

    refused = await service.read(await rename(service, token, "Second"), 429)
    same = await rename(service, token, "First")

    assert refused == {
        "error": "The display name can be changed once in 30 days",
        "nextChangeAt": "2026-04-09T12:00:00.000Z",
        "retry_after": DAYS_30 - 3600,
    }
    await service.read(same)
    clock.advance(DAYS_30 - 3600)
    await service.read(await rename(service, await service.token(), "Second"))


async def test_a_name_that_was_given_up_is_free(service, clock) -> None:
    await service.read(await rename(service, await service.token(), "First"))
    clock.advance(DAYS_30)
    await service.read(await rename(service, await service.token(), "Second"))

    await service.read(await rename(service, await service.token(BOB), "First"))


async def test_a_name_is_made_up(service) -> None:
    signed_in = await service.sign_in()

    answer = await service.call("POST", "/user/display-name/regenerate", token=signed_in["token"])

    name = (await service.read(answer))["displayName"]
    assert name != signed_in["displayName"]
    assert 3 <= len(name) <= 32
    await service.read(
        await service.call("POST", "/user/display-name/regenerate", token=signed_in["token"]), 429
    )


async def test_preferences_are_kept_and_merged(service) -> None:
    token = await service.token()
    path = "/user/me/preferences"

    empty = await service.read(await service.call("GET", path, token=token))
    await service.call("PUT", path, json={"theme": "dark", "size": 1}, token=token)
    merged = await service.read(
        await service.call("PUT", path, json={"size": 2, "ä": [None]}, token=token)
    )
    stored = await service.read(await service.call("GET", path, token=token))

    assert empty == {"success": True, "preferences": {}}
    assert merged == {"success": True, "preferences": {"theme": "dark", "size": 2, "ä": [None]}}
    assert stored == merged


async def test_preferences_are_bounded(service) -> None:
    token = await service.token()

    answer = await service.call(
        "PUT", "/user/me/preferences", json={"x": "y" * 16_384}, token=token
    )

    assert answer.status == 413
    stored = await service.read(await service.call("GET", "/user/me/preferences", token=token))
    assert stored["preferences"] == {}


async def test_preferences_changed_at_once_lose_nothing(any_service) -> None:
    token = await any_service.token()

    await asyncio.gather(
        *(
            any_service.call("PUT", "/user/me/preferences", json={f"p{n}": n}, token=token)
            for n in range(50)
        )
    )

    stored = await any_service.read(
        await any_service.call("GET", "/user/me/preferences", token=token)
    )
    assert json.dumps(stored["preferences"], sort_keys=True) == json.dumps(
        {f"p{n}": n for n in range(50)}, sort_keys=True
    )
