from urllib.parse import quote, unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workerkit import RouteLoadError
from workerkit.patterns import (
    decode_segments,
    parse_pattern,
    raw_path,
    with_other_slash,
)

TEXT = st.text(st.characters(exclude_categories=("Cs",)), max_size=8)


@pytest.mark.parametrize(
    ("path", "segments", "params", "has_rest"),
    [
        ("/", ("",), (), False),
        ("/customer/me", ("customer", "me"), (), False),
        ("/customer/", ("customer", ""), (), False),
        ("/customer/:id", ("customer", None), ("id",), False),
        ("/:a/x/:b/", (None, "x", None, ""), ("a", "b"), False),
        ("/files/*rest", ("files",), ("rest",), True),
        ("/:user/*path", (None,), ("user", "path"), True),
        ("/*rest", (), ("rest",), True),
        ("/caf%C3%A9/100%25", ("café", "100%"), (), False),
        ("/a%2Fb", ("a/b",), (), False),
        ("/a:b/c*", ("a:b", "c*"), (), False),
    ],
)
def test_pattern_is_taken_apart(
    path: str, segments: tuple[str | None, ...], params: tuple[str, ...], has_rest: bool
) -> None:
    pattern = parse_pattern(path, "routes.x")

    assert pattern.path == path
    assert (pattern.segments, pattern.params, pattern.has_rest) == (segments, params, has_rest)


@pytest.mark.parametrize(
    ("path", "message"),
    [
        (5, "a path is a str that starts with a slash, not 5"),
        ("", "a path is a str that starts with a slash, not ''"),
        ("customer", "a path is a str that starts with a slash, not 'customer'"),
        ("/a?b=c", "the path '/a?b=c' has a query or a fragment; leave it out"),
        ("/a#b", "the path '/a#b' has a query or a fragment; leave it out"),
        ("//a", "the path '//a' has an empty segment; leave it out"),
        ("/a//", "the path '/a//' has an empty segment; leave it out"),
        ("/a//*rest", "the path '/a//*rest' has an empty segment; leave it out"),
        ("/*rest/a", "'*rest' in '/*rest/a' can stand only at the end"),
        ("/*rest/", "'*rest' in '/*rest/' can stand only at the end"),
        ("/100%", "the path '/100%' has a malformed escape; write a percent sign as %25"),
        ("/%ff", "the path '/%ff' has a malformed escape; write a percent sign as %25"),
        ("/a/../b", "'..' in '/a/../b' is resolved before a request arrives; leave it out"),
        ("/a/%2E", "'%2E' in '/a/%2E' is resolved before a request arrives; leave it out"),
        ("/:", "'' in '/:' cannot be a parameter; it must be a Python name other than"),
        ("/*", "'' in '/*' cannot be a parameter"),
        ("/:id.json", "'id.json' in '/:id.json' cannot be a parameter"),
        ("/:from", "'from' in '/:from' cannot be a parameter"),
        ("/:env", "'env' in '/:env' cannot be a parameter; it must be a Python name other than"),
        ("/*request", "'request' in '/*request' cannot be a parameter"),
        ("/:a/:a", "the parameter 'a' is twice in '/:a/:a'"),
        ("/:a/*a", "the parameter 'a' is twice in '/:a/*a'"),
    ],
)
def test_what_cannot_be_a_path_is_refused_naming_its_owner(path: object, message: str) -> None:
    with pytest.raises(RouteLoadError) as caught:
        parse_pattern(path, "routes.x")

    assert str(caught.value).startswith(f"routes.x: {message}")


@pytest.mark.parametrize(
    ("path", "segments", "values"),
    [
        ("/a", ["a"], {}),
        ("/:x/b/:y", ["1", "b", "2"], {"x": "1", "y": "2"}),
        ("/:x/*rest", ["1", "b", "", "c", ""], {"x": "1", "rest": "b//c/"}),
        ("/f/*rest", ["f"], {"rest": ""}),
        ("/f/*rest", ["f", ""], {"rest": ""}),
    ],
)
def test_values_are_those_of_the_path_by_name(
    path: str, segments: list[str], values: dict[str, str]
) -> None:
    assert parse_pattern(path, "routes.x").values(segments) == values


@pytest.mark.parametrize(
    ("url", "path"),
    [
        ("https://shop.example/", "/"),
        ("https://shop.example", "/"),
        ("https://shop.example/a/b%20c/", "/a/b%20c/"),
        ("https://shop.example:8787//a", "//a"),
        ("https://shop.example/a?b=/c", "/a"),
        ("https://shop.example/a#/c?d", "/a"),
        ("https://shop.example/a?x=https://other.example/b", "/a"),
    ],
)
def test_raw_path_is_what_stands_between_host_and_query(url: str, path: str) -> None:
    assert raw_path(url) == path


@pytest.mark.parametrize(
    ("url", "location"),
    [
        ("https://shop.example/a/", "/a"),
        ("https://shop.example/a", "/a/"),
        ("https://shop.example/a/?b=c/&d=%2F", "/a?b=c/&d=%2F"),
        ("https://shop.example/a?", "/a/?"),
        ("https://shop.example/a/?b=1?2#part?", "/a?b=1?2"),
        ("https://shop.example/a%2Fb%20c/", "/a%2Fb%20c"),
        ("https://shop.example/\\other.example/", "/%5Cother.example"),
        ("https://shop.example/\t/a", "/%09/a/"),
        ("https://shop.example/é\udcff/", "/%C3%A9%FF"),
    ],
)
def test_other_slash_gives_a_location_on_the_same_host(url: str, location: str) -> None:
    assert with_other_slash(url) == location


@pytest.mark.parametrize(
    ("path", "segments"),
    [
        ("/", [""]),
        ("/a/b", ["a", "b"]),
        ("/a//b/", ["a", "", "b", ""]),
        ("/a%2fb/c", ["a/b", "c"]),
        ("/%2541", ["%41"]),
        ("/caf%C3%A9", ["café"]),
        ("/café", ["café"]),
        ("/a+b", ["a+b"]),
    ],
)
def test_segments_are_split_first_and_decoded_once(path: str, segments: list[str]) -> None:
    assert decode_segments(path) == segments


@pytest.mark.parametrize("path", ["/%", "/a%2", "/%zz", "/a/%C3/b", "/%ff", "/\udcff", "/a%%41"])
def test_what_cannot_be_decoded_is_a_value_error(path: str) -> None:
    with pytest.raises(ValueError, match="malformed escape|codec can't"):
        decode_segments(path)


@given(st.lists(TEXT, min_size=1))
def test_quoted_segments_come_back(segments: list[str]) -> None:
    path = "".join(f"/{quote(segment, safe='')}" for segment in segments)

    assert decode_segments(path) == segments


@given(st.text(st.sampled_from("/a%20fFzé"), max_size=12))
def test_decoding_agrees_with_a_strict_unquote_where_that_is_unambiguous(tail: str) -> None:
    path = f"/{tail}"
    try:
        expected = [unquote(part, errors="strict") for part in path.split("/")[1:]]
    except UnicodeDecodeError:
        expected = None

    try:
        decoded = decode_segments(path)
    except ValueError:
        decoded = None

    # unquote leaves a malformed escape as it is.
    escapes_are_whole = len(path.split("%")) - 1 == sum(
        len(part) >= 2 and set(part[:2]) <= set("0123456789abcdefABCDEF")
        for part in path.split("%")[1:]
    )
    assert decoded == (expected if escapes_are_whole else None)
