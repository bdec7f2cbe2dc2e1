"""Keeping addresses out of problems and logs."""

import pytest

from identity import public_path, without_emails

URL = "https://customer.idling.app"


@pytest.mark.parametrize(
    ("path", "shown"),
    [
        ("/", "/"),
        ("/customer/me?email=alice@example.com#alice@example.com", "/customer/me"),
        ("/customer/by-email/alice@example.com", "/customer/by-email"),
        ("/customer/by-email/alice", "/customer/by-email"),
        ("/customer/%62y-email/alice%2540example.com/x", "/customer/%62y-email"),
        ("/auth/alice@example.com/x", "/auth"),
        ("/auth/alice%40example.com", "/auth"),
        ("/auth/alice%252540example.com", "/auth"),
        ("/alice@example.com", "/"),
        ("/auth/%zz", "/auth/%zz"),
        (f"/auth/%{'25' * 6}41", f"/auth/%{'25' * 6}41"),
        (f"/auth/%{'25' * 9}41", "/auth"),
    ],
)
def test_a_path_is_told_up_to_an_address(path: str, shown: str) -> None:
    assert public_path(f"{URL}{path}") == shown


@pytest.mark.parametrize(
    "text",
    ["alice@example.com", "<alice@example.com>", "to=alice%40example.com&x", "'alice@example.com'"],
)
def test_an_address_in_a_text_is_struck_out(text: str) -> None:
    told = without_emails(f"before {text} after")

    assert "alice" not in told
    assert "[e-mail]" in told
    assert told.startswith("before ")
    assert told.endswith(" after")


def test_a_path_that_is_encoded_many_times_takes_no_longer_than_it_must() -> None:
    assert public_path(f"{URL}/auth/%{'25' * 100_000}40") == "/auth"


@pytest.mark.parametrize("text", ["x" * 500_000, "x%4" * 200_000, "x@" * 200_000])
def test_a_long_text_takes_no_longer_than_it_must(text: str) -> None:
    assert len(without_emails(text)) > 0
