import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workerkit import RouteLoadError
from workerkit.patterns import Pattern, decode_segments, parse_pattern
from workerkit.table import Route, RouteTable


def table_of(*paths: str, strict: bool = False) -> RouteTable:
    table = RouteTable(strict=strict)
    for path in paths:
        table.add(Route(pattern=parse_pattern(path, path), owner=path, handlers={}, is_open=False))
    return table


def found(table: RouteTable, path: str) -> tuple[str, dict[str, str]] | None:
    segments = decode_segments(path)
    route = table.find(segments)
    return None if route is None else (route.owner, route.pattern.values(segments))


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/", ("/", {})),
        ("/a", ("/a", {})),
        ("/b", ("/:x", {"x": "b"})),
        ("/a/b", ("/a/b", {})),
        ("/a/c", ("/a/:x", {"x": "c"})),
        ("/a/b/c", ("/a/:x/c", {"x": "b"})),
        ("/a/b/d", ("/a/b/d", {})),
        ("/a/b/e", ("/a/*rest", {"rest": "b/e"})),
        ("/b/c", ("/:x/c", {"x": "b"})),
        ("/a/b/c/d", ("/a/*rest", {"rest": "b/c/d"})),
        ("/b/c/d", ("/*all", {"all": "b/c/d"})),
        ("/a//c", ("/a/*rest", {"rest": "/c"})),
        ("//", ("/*all", {"all": "/"})),
    ],
)
def test_what_is_written_out_wins_and_a_dead_end_is_left_again(
    path: str, expected: tuple[str, dict[str, str]]
) -> None:
    patterns = ["/", "/a", "/:x", "/a/b", "/a/:x", "/a/:x/c", "/a/b/d", "/:x/c", "/a/*rest"]
    patterns.append("/*all")

    assert found(table_of(*patterns), path) == expected
    assert found(table_of(*reversed(patterns)), path) == expected


@pytest.mark.parametrize("path", ["/customer/", "/customer//", "//x", "/customer//x"])
@pytest.mark.parametrize("strict", [False, True])
def test_a_parameter_is_never_empty(path: str, strict: bool) -> None:
    table = table_of("/customer/:id", "/:x/x", "/customer/:id/x", strict=strict)

    assert found(table, path) is None


@pytest.mark.parametrize("path", ["/", "/a", "/a/b/c", "/a/b/", "/A/b", "/a%2Fb"])
def test_another_path_is_not_found(path: str) -> None:
    assert found(table_of("/a/b", strict=True), path) is None


def test_an_encoded_slash_is_part_of_a_segment() -> None:
    table = table_of("/a%2Fb", "/a/b", "/x/:name")

    assert found(table, "/a%2fb") == ("/a%2Fb", {})
    assert found(table, "/a/b") == ("/a/b", {})
    assert found(table, "/x/c%2Fd") == ("/x/:name", {"name": "c/d"})


def test_a_rest_without_a_slash_is_empty_unless_strict() -> None:
    lenient, strict = table_of("/f/*rest"), table_of("/f/*rest", strict=True)

    assert found(lenient, "/f") == ("/f/*rest", {"rest": ""})
    assert found(strict, "/f") is None
    assert found(lenient, "/f/") == found(strict, "/f/") == ("/f/*rest", {"rest": ""})
    assert found(lenient, "/f/a/") == found(strict, "/f/a/") == ("/f/*rest", {"rest": "a/"})


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("/a/:x", "/a/:y"),
        ("/a/*x", "/a/*y"),
        ("/:x/b/:y", "/:y/b/:x"),
        ("/caf%C3%A9", "/café"),
        ("/a", "/a/"),
        ("/a/:x/", "/a/:y"),
    ],
)
def test_two_routes_of_one_path_are_refused_naming_both(one: str, other: str) -> None:
    with pytest.raises(RouteLoadError) as caught:
        table_of(one, other)

    assert str(caught.value) == (
        f"{one} ({one!r}) and {other} ({other!r}) have the same path; only one of them can have it"
    )


@pytest.mark.parametrize("openness", [(False, False), (False, True), (True, False)])
def test_only_routes_that_are_both_open_share_a_path(openness: tuple[bool, bool]) -> None:
    table = RouteTable(strict=False)
    one, other = [
        Route(pattern=parse_pattern("/a", name), owner=name, handlers={}, is_open=is_open)
        for name, is_open in zip(("one", "other"), openness, strict=True)
    ]
    table.add(one)

    with pytest.raises(RouteLoadError, match=r"^one \('/a'\) and other \('/a'\) have the same"):
        table.add(other)


def test_a_slash_at_the_end_makes_another_path_when_strict() -> None:
    table = table_of("/a", "/a/", "/b/:x", "/b/:x/", strict=True)

    assert found(table, "/a") == ("/a", {})
    assert found(table, "/a/") == ("/a/", {})
    assert found(table, "/b/1") == ("/b/:x", {"x": "1"})
    assert found(table, "/b/1/") == ("/b/:x/", {"x": "1"})


def test_a_parameter_and_a_rest_are_not_one_path() -> None:
    table = table_of("/a/:x", "/a/*y", "/a")

    assert found(table, "/a/1") == ("/a/:x", {"x": "1"})
    assert found(table, "/a/1/2") == ("/a/*y", {"y": "1/2"})
    assert found(table, "/a") == ("/a", {})


def naive(patterns: list[Pattern], path: str, strict: bool) -> tuple[str, dict[str, str]] | None:
    """Try every pattern as a regular expression and rank those that fit."""
    fitting = []
    for pattern in patterns:
        text, rank = "", []
        heads = pattern.path.split("/")[1:]
        for head in heads:
            if head.startswith("*"):
                # Without a slash there is nothing for the rest, which only lenient tables allow.
                rest = f"(?P<{head[1:]}>.*)"
                text += f"/{rest}" if strict or not text else f"(?:/{rest})?"
                rank.append(2)
            elif head.startswith(":"):
                text += f"/(?P<{head[1:]}>[^/]+)"
                rank.append(1)
            else:
                text += f"/{re.escape(head)}"
                rank.append(0)
        if not strict and not pattern.has_rest:
            text = text.removesuffix("/") + "/?"
            rank = rank[: len([head for head in heads if head])]
        match = re.fullmatch(text, path)
        if match is not None:
            values = {name: value or "" for name, value in match.groupdict().items()}
            fitting.append((rank, pattern.path, values))
    if not fitting:
        return None
    _, owner, values = min(fitting, key=lambda fit: fit[0])
    return owner, values


SEGMENT = st.sampled_from(["a", "b", ":x", ":y"])


@st.composite
def pattern_sets(draw: st.DrawFn) -> list[str]:
    paths = []
    for segments in draw(st.lists(st.lists(SEGMENT, max_size=4), max_size=8)):
        # A parameter's name can be there once only.
        named = [
            f":{segment[1]}{index}" if segment[0] == ":" else segment
            for index, segment in enumerate(segments)
        ]
        end = draw(st.sampled_from(["", "", "/", "/*rest"]))
        paths.append(("".join(f"/{segment}" for segment in named) + end) or "/")
    return paths


@given(
    pattern_sets(),
    st.lists(st.lists(st.sampled_from(["a", "b", "c", ""]), min_size=1, max_size=5), max_size=8),
    st.booleans(),
)
def test_the_table_agrees_with_trying_every_pattern(
    texts: list[str], requests: list[list[str]], strict: bool
) -> None:
    table = RouteTable(strict=strict)
    patterns = []
    for text in texts:
        pattern = parse_pattern(text, text)
        try:
            table.add(Route(pattern=pattern, owner=text, handlers={}, is_open=False))
        except RouteLoadError:
            continue
        patterns.append(pattern)

    for segments in requests:
        path = "/" + "/".join(segments)
        assert found(table, path) == naive(patterns, path, strict), (texts, path)
