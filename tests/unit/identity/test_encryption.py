import asyncio
import base64
import hashlib
import json
import time
from datetime import UTC, datetime
from typing import Any

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from identity import DecryptionError, ResponseCipher, compact_json
from identity.encryption import seal

TOKEN = "a token that is long enough"
LATER = time.time() + 3600


def derived(token: str, salt: bytes) -> bytes:
    return hashlib.pbkdf2_hmac("sha256", token.encode(), salt, 100_000, 32)


async def encrypted(cipher: ResponseCipher, data: object, token: str, *, expires_at: float) -> Any:
    return json.loads(await cipher.encrypt(data, token, expires_at=expires_at))


def test_compact_json_is_that_of_the_vectors(vectors) -> None:
    assert compact_json(vectors["plain"]) == vectors["plainText"]


def test_seals_byte_for_byte_as_the_vectors(vectors) -> None:
    expected = vectors["enc"]
    salt, iv = (base64.b64decode(expected[name]) for name in ("salt", "iv"))

    text = seal(
        vectors["plainText"],
        token_hash=expected["tokenHash"],
        salt=salt,
        key=AESGCM(derived(vectors["token"], salt)),
        iv=iv,
        now=datetime(2025, 12, 26, tzinfo=UTC),
    )

    assert text == compact_json(body := json.loads(text))
    # The vectors leave out when they were made.
    assert body.pop("timestamp") == "2025-12-26T00:00:00.000Z"
    assert list(body.items()) == list(expected.items())


async def test_opens_the_vectors(vectors) -> None:
    assert await ResponseCipher().decrypt(vectors["enc"], vectors["token"]) == vectors["plain"]


async def test_opens_what_it_has_encrypted() -> None:
    cipher = ResponseCipher()
    data = {"name": "Zoë ☕", "list": [1, None, True]}

    body = await encrypted(cipher, data, TOKEN, expires_at=LATER)

    assert body["version"] == 3
    assert body["encrypted"] is True
    assert len(base64.b64decode(body["iv"])) == 12
    assert len(base64.b64decode(body["salt"])) == 16
    assert await ResponseCipher().decrypt(body, TOKEN) == data


async def test_the_timestamp_is_that_of_the_clock_in_milliseconds() -> None:
    cipher = ResponseCipher(clock=lambda: 1_766_707_200.0625)

    body = await encrypted(cipher, {}, TOKEN, expires_at=LATER)

    assert body["timestamp"] == "2025-12-26T00:00:00.062Z"


async def test_a_key_is_derived_once_and_every_iv_is_new() -> None:
    cipher = ResponseCipher()

    bodies = await asyncio.gather(
        *(encrypted(cipher, {}, TOKEN, expires_at=LATER) for _ in range(20)),
    )
    bodies.append(await encrypted(cipher, {}, TOKEN, expires_at=LATER))

    assert len({body["salt"] for body in bodies}) == 1
    assert len({body["iv"] for body in bodies}) == 21


async def test_a_key_is_forgotten_when_its_token_expires() -> None:
    now = [1000.0]
    cipher = ResponseCipher(clock=lambda: now[0])
    first = await encrypted(cipher, {}, TOKEN, expires_at=1010)

    now[0] = 1009.9
    second = await encrypted(cipher, {}, TOKEN, expires_at=1010)
    now[0] = 1010.0
    third = await encrypted(cipher, {}, TOKEN, expires_at=1020)

    assert first["salt"] == second["salt"] != third["salt"]


async def test_keys_are_bounded_and_the_least_used_goes() -> None:
    cipher = ResponseCipher(max_keys=2)

    async def salt_of(name: str) -> str:
        body = await encrypted(cipher, {}, f"token of {name}", expires_at=LATER)
        return str(body["salt"])

    alice, bob = await salt_of("alice"), await salt_of("bob")
    assert await salt_of("alice") == alice
    await salt_of("carol")

    assert await salt_of("alice") == alice
    assert await salt_of("bob") != bob


async def test_one_that_goes_away_does_not_take_the_key_from_the_others() -> None:
    cipher = ResponseCipher()
    gone = asyncio.create_task(encrypted(cipher, {}, TOKEN, expires_at=LATER))
    await asyncio.sleep(0)
    other = asyncio.create_task(encrypted(cipher, {"a": 1}, TOKEN, expires_at=LATER))
    await asyncio.sleep(0)

    gone.cancel()

    assert await cipher.decrypt(await other, TOKEN) == {"a": 1}


async def test_deriving_a_key_leaves_the_loop_free() -> None:
    cipher = ResponseCipher()
    turns = 0
    work = asyncio.create_task(encrypted(cipher, {}, TOKEN, expires_at=LATER))

    while not work.done():
        await asyncio.sleep(0)
        turns += 1

    assert turns > 20


async def test_works_where_there_are_no_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*args: object) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr("concurrent.futures.ThreadPoolExecutor.submit", refuse)
    cipher = ResponseCipher(has_threads=False)

    bodies = [await encrypted(cipher, {"a": 1}, TOKEN, expires_at=LATER) for _ in range(2)]

    assert await cipher.decrypt(bodies[0], TOKEN) == {"a": 1}
    assert bodies[0]["salt"] == bodies[1]["salt"]


def test_no_request_waits_for_another_one_there() -> None:
    cipher = ResponseCipher(has_threads=False)

    # Runs without a loop: there is nothing in it that could wait.
    with pytest.raises(StopIteration) as ended:
        cipher.encrypt({"a": 1}, TOKEN, expires_at=LATER).send(None)

    assert json.loads(ended.value.value)["encrypted"] is True


async def test_a_short_token_is_refused() -> None:
    with pytest.raises(ValueError, match="10 characters"):
        await encrypted(ResponseCipher(), {}, "123456789", expires_at=LATER)


@pytest.mark.parametrize("body", [{"a": 1}, {"encrypted": False, "data": 1}, [1], None, "text"])
async def test_what_is_not_encrypted_is_returned_as_it_is(body) -> None:
    assert await ResponseCipher().decrypt(body, TOKEN) is body


async def test_another_token_is_told_apart_before_anything_else(vectors) -> None:
    with pytest.raises(DecryptionError) as caught:
        await ResponseCipher().decrypt({"encrypted": True, "tokenHash": "0"}, TOKEN)
    assert str(caught.value) == "Decryption failed - token does not match."

    with pytest.raises(DecryptionError) as caught:
        await ResponseCipher().decrypt(vectors["enc"], TOKEN)
    assert str(caught.value) == "Decryption failed - token does not match."


@pytest.mark.parametrize(
    "change",
    [
        {"data": "AAAA"},
        {"data": ""},
        {"data": "no base64!"},
        {"data": None},
        {"iv": "AAAA"},
        {"iv": ""},
        {"salt": "AAAA"},
        {"salt": 5},
    ],
    ids=str,
)
async def test_damaged_data_is_refused(vectors, change) -> None:
    with pytest.raises(DecryptionError) as caught:
        await ResponseCipher().decrypt({**vectors["enc"], **change}, vectors["token"])

    assert str(caught.value) == "Decryption failed - incorrect token or corrupted data."


@pytest.mark.parametrize("missing", ["data", "iv", "salt"])
async def test_missing_data_is_refused(vectors, missing: str) -> None:
    body = {name: value for name, value in vectors["enc"].items() if name != missing}

    with pytest.raises(DecryptionError, match="corrupted"):
        await ResponseCipher().decrypt(body, vectors["token"])
