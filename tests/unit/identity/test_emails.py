import pytest

from identity import hash_email, is_email, normalise_email


def test_an_address_is_compared_in_lower_case_and_without_space() -> None:
    assert normalise_email("  Alice@Example.COM\n") == "alice@example.com"


def test_the_hash_is_that_of_the_normalised_address() -> None:
    expected = "ff8d9819fc0e12bf0d24892e45987e249a28dce836a85cad60e28eaaa8c6d976"

    assert hash_email("alice@example.com") == hash_email(" ALICE@example.com ") == expected


@pytest.mark.parametrize(
    "text", ["a@b.c", "alice+shop@mail.example.com", "zoë@exämple.de", "x" * 242 + "@example.com"]
)
def test_looks_like_an_address(text: str) -> None:
    assert is_email(text)


@pytest.mark.parametrize(
    "text",
    ["", "alice", "@", "a@b", "a@b.", "a@.c@d", "a b@c.d", "a@b.c\n", "x" * 243 + "@example.com"],
)
def test_looks_like_no_address(text: str) -> None:
    assert not is_email(text)
