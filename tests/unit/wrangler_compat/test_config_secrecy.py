import pytest

from wrangler_compat.config.secrecy import looks_like_secret


@pytest.mark.parametrize(
    "name",
    [
        "SECRET",
        "API_KEY",
        "apikey",
        "apiKey",
        "authToken",
        "DB_PASSWORD",
        "JWT_SIGNING_KEY",
        "STRIPE_SECRET_KEY",
        "aws-secret-access-key",
        "PASSPHRASE",
        "DB_PASS",
        "JWT_KEY",
    ],
)
def test_text_with_the_name_of_a_secret_is_one(name: str) -> None:
    assert looks_like_secret(name, "hunter2")


@pytest.mark.parametrize(
    "name",
    ["BYPASS", "TOKEN_URL", "KEY", "MONKEY", "PUBLIC_KEY", "SORT_KEY", "SECRET_NAME", "MAX_TOKENS"],
)
def test_text_with_another_name_is_none(name: str) -> None:
    assert not looks_like_secret(name, "hunter2")


@pytest.mark.parametrize(
    "value",
    [
        "",
        " ",
        "…",
        "<set me>",
        "${API_KEY}",
        "xxxx",
        "changeme",
        "change-me",
        "your-key-here",
        "see .dev.vars",
        "https://id.example/token",
        "none",
        "no",
        "3600",
        5,
        True,
        None,
    ],
)
def test_placeholder_and_what_is_no_text_are_none(value: object) -> None:
    assert not looks_like_secret("API_KEY", value)


@pytest.mark.parametrize(
    "value",
    [
        "-----BEGIN RSA PRIVATE KEY-----\nabc",
        "sk_live_" + "a1" * 12,
        "ghp_" + "a1" * 18,
        "xoxb-" + "1" * 12,
        "sk-" + "a" * 20,
        "postgres://user:pa55@db.example/x",
    ],
)
def test_value_of_a_known_form_is_one_whatever_its_name(value: str) -> None:
    assert looks_like_secret("X", value)


@pytest.mark.parametrize(
    "value",
    [
        "postgres://postgres:postgres@localhost:5432/x",
        "redis://x:y@127.0.0.1",
        "https://example.com:8080/@x",
        "https://user:${PASSWORD}@example.com",
        "sk-",
        "skip-all-of-these-words-please",
        "-----BEGIN CERTIFICATE-----",
    ],
)
def test_value_of_another_form_is_none(value: str) -> None:
    assert not looks_like_secret("X", value)
