from collections.abc import Mapping
from http import HTTPMethod

import pytest

from workers.headers import Headers


def test_names_compare_without_case() -> None:
    headers = Headers({"Content-Type": "text/html"})

    assert headers["content-TYPE"] == "text/html"
    assert headers.get("CONTENT-type") == "text/html"
    assert "content-type" in headers and headers.has("Content-Type")
    assert list(headers) == ["content-type"]


def test_a_missing_name_reads_as_none() -> None:
    headers = Headers()

    assert headers["x"] is None
    assert headers.get("x") is None
    assert headers.get("x", "y") == "y"
    assert headers.get_all("x") is None
    assert headers.get_all("x", []) == headers.getAll("x") == []
    assert "x" not in headers and 3 not in headers


@pytest.mark.parametrize("given", ["dict", "pairs", "generator", "lists", "headers", "raw"])
def test_is_made_of_mappings_pairs_and_headers(given: str) -> None:
    pairs = [("A", "1"), ("b", "2")]
    sources = {
        "dict": dict(pairs),
        "pairs": pairs,
        "generator": (pair for pair in pairs),
        "lists": [list(pair) for pair in pairs],
        "headers": Headers(pairs),
    }

    headers = Headers.from_raw(pairs) if given == "raw" else Headers(sources[given])

    assert dict(headers) == {"a": "1", "b": "2"}
    assert headers == Headers(pairs)
    assert headers != Headers() and headers != {"a": "1", "b": "2"}


@pytest.mark.parametrize("source", ["ab", 3, ["ab"], [("a",)], [5], b"ab"])
def test_refuses_what_are_not_headers(source: object) -> None:
    with pytest.raises(TypeError, match="headers must be a mapping or pairs"):
        Headers(source)


@pytest.mark.parametrize("make", [Headers, Headers.from_raw])
def test_repeated_headers_read_as_one_value_in_the_place_of_the_first(make: type[Headers]) -> None:
    headers = make([("Accept-Encoding", "deflate"), ("x", "y"), ("accept-encoding", "gzip")])

    assert headers.get_all("accept-encoding") == ["deflate, gzip"]
    assert list(headers.items()) == [("accept-encoding", "deflate, gzip"), ("x", "y")]


@pytest.mark.parametrize("make", [Headers, Headers.from_raw])
def test_each_cookie_stays_apart_with_its_commas(make: type[Headers]) -> None:
    first = "a=1; Expires=Wed, 21 Oct 2026 07:28:00 GMT"
    headers = make([("Set-Cookie", first), ("x", "y"), ("set-cookie", "b=2")])

    assert headers.get_all("Set-Cookie") == headers.getSetCookie() == [first, "b=2"]
    assert headers["set-cookie"] == first
    assert list(headers.raw_items()) == [("set-cookie", first), ("set-cookie", "b=2"), ("x", "y")]
    assert len(headers) == 3
    assert list(headers.keys()) == ["set-cookie", "set-cookie", "x"]
    assert list(headers.values()) == [first, "b=2", "y"]
    assert list(headers.entries()) == list(headers.items())


def test_setting_replaces_and_appending_adds() -> None:
    headers = Headers({"a": "1", "set-cookie": "x=1"})

    headers["A"] = "2"
    headers.append("a", "3")
    headers.append("b", "4")
    headers.append("set-cookie", "y=2")
    assert list(headers.items()) == [
        ("a", "2, 3"),
        ("set-cookie", "x=1"),
        ("set-cookie", "y=2"),
        ("b", "4"),
    ]

    headers.set("set-cookie", "z=3")
    headers.set("a", "5")
    assert headers.getSetCookie() == ["z=3"] and headers["a"] == "5"


def test_deleting_a_missing_name_is_no_error() -> None:
    headers = Headers({"a": "1"})

    headers.delete("A")
    del headers["a"]

    assert len(headers) == 0


def test_setdefault_and_update() -> None:
    headers = Headers({"a": "1"})

    assert headers.setdefault("a", "2") == "1"
    assert headers.setdefault("b", 2) == "2"
    headers.update({"A": "3", "c": "4"})
    headers.update(None)

    assert dict(headers) == {"a": "3", "b": "2", "c": "4"}


def test_a_copy_is_independent() -> None:
    headers = Headers([("set-cookie", "a=1"), ("x", "1")])

    copied = headers.copy()
    copied.append("set-cookie", "b=2")
    copied["x"] = "2"

    assert headers.getSetCookie() == ["a=1"] and headers["x"] == "1"


def test_numbers_become_text_and_blanks_around_values_go() -> None:
    headers = Headers({"a": 1, "b": 1.5, "c": True, "d": " \tx y\t ", "e": HTTPMethod.GET})

    assert dict(headers) == {"a": "1", "b": "1.5", "c": "true", "d": "x y", "e": "GET"}
    assert type(headers["e"]) is str


@pytest.mark.parametrize("name", ["", "a b", "a:b", "é", "a\n", "a\r\nb"])
def test_a_name_that_is_no_token_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="Invalid header name"):
        Headers({name: "x"})
    with pytest.raises(ValueError, match="Invalid header name"):
        Headers().append(name, "x")


@pytest.mark.parametrize("character", ["\r", "\n", "\0", "\ud800"])
@pytest.mark.parametrize("place", ["{}", "se{}cret", "secret{}"])
def test_a_value_that_could_break_the_message_is_refused_and_not_shown(
    character: str, place: str
) -> None:
    with pytest.raises(ValueError, match="'Authorization'") as caught:
        Headers()["Authorization"] = place.format(character)

    assert "cret" not in str(caught.value)


@pytest.mark.parametrize("value", [None, b"x", ["x"]])
def test_a_value_of_another_type_is_refused(value: object) -> None:
    with pytest.raises(TypeError, match=f"'x-a'.*{type(value).__name__}"):
        Headers({"x-a": value})


def test_a_name_of_another_type_is_refused() -> None:
    with pytest.raises(TypeError, match="header name must be a str, got int"):
        Headers({3: "x"})


def test_values_may_have_any_other_character() -> None:
    assert Headers({"x": "grün ☃ a\tb"})["x"] == "grün ☃ a\tb"


def test_is_a_mapping_for_those_who_ask_and_shows_no_values() -> None:
    headers = Headers({"Cookie": "secret", "a": "b"})

    assert isinstance(headers, Mapping)
    assert repr(headers) == "<Headers cookie, a>"
