import pytest

from identity import bearer_token, is_same_secret
from workers import Request


@pytest.mark.parametrize(
    ("header", "token"),
    [
        ("Bearer abc", "abc"),
        ("bEARER   abc ", "abc"),
        ("Bearer a b", "a b"),
        ("Bearer", None),
        ("Bearer ", None),
        ("Basic abc", None),
        ("abc", None),
        ("", None),
    ],
)
def test_a_bearer_token_is_read(header: str, token: str | None) -> None:
    request = Request("https://shop.example/", headers={"Authorization": header})

    assert bearer_token(request) == token


def test_without_the_header_there_is_no_token() -> None:
    assert bearer_token(Request("https://shop.example/")) is None


@pytest.mark.parametrize(
    ("given", "expected", "same"),
    [
        ("key", "key", True),
        ("kex", "key", False),
        ("key ", "key", False),
        ("", "key", False),
        ("", "", False),
        ("\udcff", "key", False),
        ("schlüssel", "schlüssel", True),
    ],
)
def test_a_secret_is_compared(given: str, expected: str, same: bool) -> None:
    assert is_same_secret(given, expected) is same
