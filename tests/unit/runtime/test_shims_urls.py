import pytest

from runtime._loader.shims.js import URL, URLSearchParams
from runtime._loader.shims.pyodide_ffi import JsException

FULL = "https://user:pass@test.com:8443/a/b.c?q=1&r=2#frag"


def test_a_url_has_parts() -> None:
    url = URL.new(FULL)

    assert url.href == url.toString() == url.toJSON() == str(url) == FULL
    assert repr(url) == f"URL('{FULL}')"
    assert (url.protocol, url.username, url.password) == ("https:", "user", "pass")
    assert (url.host, url.hostname, url.port) == ("test.com:8443", "test.com", "8443")
    assert (url.pathname, url.search, url.hash) == ("/a/b.c", "?q=1&r=2", "#frag")
    assert url.origin == "https://test.com:8443"


def test_parts_that_are_not_there_are_empty() -> None:
    url = URL.new("HTTP://Test.com:80?#")

    assert url.href == "http://test.com/?#"
    assert (url.host, url.port, url.pathname, url.search, url.hash) == ("test.com", "", "/", "", "")
    assert (url.username, url.password) == ("", "")


@pytest.mark.parametrize(
    ("text", "pathname", "origin"),
    [
        ("mailto:a@b.c?d", "a@b.c", "null"),
        ("file:///a/b", "/a/b", "null"),
        ("http://[::1]:8080/x", "/x", "http://[::1]:8080"),
        ("custom://host/x", "/x", "null"),
    ],
)
def test_urls_of_every_scheme_are_taken(text: str, pathname: str, origin: str) -> None:
    url = URL.new(text)

    assert (url.href, url.pathname, url.origin) == (text, pathname, origin)


@pytest.mark.parametrize(
    ("relative", "expected"),
    [
        ("", "https://u:p@x:8/a/b;c?d"),
        ("#g", "https://u:p@x:8/a/b;c?d#g"),
        ("#", "https://u:p@x:8/a/b;c?d#"),
        ("?g", "https://u:p@x:8/a/b;c?g"),
        ("?", "https://u:p@x:8/a/b;c?"),
        ("g", "https://u:p@x:8/a/g"),
        ("./g?h#i", "https://u:p@x:8/a/g?h#i"),
        ("..", "https://u:p@x:8/"),
        ("../../../g", "https://u:p@x:8/g"),
        ("./g:h", "https://u:p@x:8/a/g:h"),
        ("/g", "https://u:p@x:8/g"),
        ("\\g\\h?\\", "https://u:p@x:8/g/h?\\"),
        ("//y:443/g", "https://y/g"),
        ("\\\\y", "https://y/"),
        ("  /g\n ", "https://u:p@x:8/g"),
        ("g//h", "https://u:p@x:8/a/g//h"),
        ("https:g", "https://u:p@x:8/a/g"),
        ("https:/g", "https://u:p@x:8/g"),
        ("HTTPS://y", "https://y/"),
        ("http:g", "http://g/"),
        ("mailto:a", "mailto:a"),
    ],
)
def test_a_relative_url_is_resolved_against_a_base(relative: str, expected: str) -> None:
    assert URL.new(relative, "https://u:p@x:8/a/b;c?d#e").href == expected
    assert URL.new(relative, URL.new("https://u:p@x:8/a/b;c?d#e")).href == expected


def test_a_path_with_doubled_slashes_is_kept_while_resolving() -> None:
    assert URL.new("../d", "https://x/a//b/c").href == "https://x/a//d"
    assert URL.new("/b", "file:///a").href == "file:///b"


@pytest.mark.parametrize(
    ("url", "base"),
    [
        ("", None),
        ("/path", None),
        ("https://", None),
        ("https://te st/", None),
        ("//[::1", "https://x/"),
        ("/a", "b"),
        ("a", "mailto:b"),
    ],
)
def test_what_is_no_url_is_refused(url: str, base: str | None) -> None:
    with pytest.raises(JsException, match="^Invalid URL: ") as caught:
        URL.new(url, base)

    assert caught.value.name == "TypeError"
    assert not URL.canParse(url, base)
    assert URL.parse(url, base) is None


def test_a_url_can_be_tried() -> None:
    assert URL.canParse("/a", "https://x/")
    assert URL.parse("/a", "https://x/").href == "https://x/a"


@pytest.mark.parametrize(
    ("part", "value", "href"),
    [
        ("protocol", "http", "http://user:pass@test.com:8443/a/b.c?q=1&r=2#frag"),
        ("protocol", "ftp://x", "ftp://user:pass@test.com:8443/a/b.c?q=1&r=2#frag"),
        ("username", "a b:%20", "https://a%20b%3A%20:pass@test.com:8443/a/b.c?q=1&r=2#frag"),
        ("password", "", "https://user@test.com:8443/a/b.c?q=1&r=2#frag"),
        ("host", "x.y:1", "https://user:pass@x.y:1/a/b.c?q=1&r=2#frag"),
        ("host", "X.y", "https://user:pass@x.y:8443/a/b.c?q=1&r=2#frag"),
        ("host", "[::2]:443", "https://user:pass@[::2]/a/b.c?q=1&r=2#frag"),
        ("hostname", "x.y:1/z", "https://user:pass@x.y:8443/a/b.c?q=1&r=2#frag"),
        ("hostname", "[::2]", "https://user:pass@[::2]:8443/a/b.c?q=1&r=2#frag"),
        ("port", 443, "https://user:pass@test.com/a/b.c?q=1&r=2#frag"),
        ("port", "", "https://user:pass@test.com/a/b.c?q=1&r=2#frag"),
        ("pathname", "x y?#", "https://user:pass@test.com:8443/x%20y%3F%23?q=1&r=2#frag"),
        ("search", "?a=#", "https://user:pass@test.com:8443/a/b.c?a=%23#frag"),
        ("search", "", "https://user:pass@test.com:8443/a/b.c#frag"),
        ("hash", "x y", "https://user:pass@test.com:8443/a/b.c?q=1&r=2#x%20y"),
        ("hash", "", "https://user:pass@test.com:8443/a/b.c?q=1&r=2"),
        ("href", "http://x", "http://x/"),
    ],
)
def test_a_part_can_be_set(part: str, value: object, href: str) -> None:
    url = URL.new(FULL)

    setattr(url, part, value)

    assert url.href == href


@pytest.mark.parametrize(
    ("part", "value"),
    [
        ("protocol", "custom"),
        ("protocol", "1"),
        ("host", ""),
        ("host", ":80"),
        ("host", "a b"),
        ("hostname", ""),
        ("hostname", "/x"),
        ("hostname", "a%00b"),
        ("port", "99999"),
        ("port", "x"),
    ],
)
def test_a_part_that_is_set_to_nonsense_stays(part: str, value: str) -> None:
    url = URL.new(FULL)

    setattr(url, part, value)

    assert url.href == FULL


def test_a_scheme_without_hosts_stays_one() -> None:
    url = URL.new("mailto:a")
    url.protocol = "https"
    assert url.href == "mailto:a"
    url.search = "b=c"
    assert url.href == "mailto:a?b=c"

    file = URL.new("file:///x")
    file.protocol = "https"
    assert file.href == "file:///x"


def test_a_bad_href_is_refused() -> None:
    url = URL.new(FULL)

    with pytest.raises(JsException, match="Invalid URL"):
        url.href = "/x"

    assert url.href == FULL


def test_search_params_and_url_change_each_other() -> None:
    url = URL.new("https://test.com/a?q=1&q=2#f")
    params = url.searchParams
    assert url.searchParams is params
    assert params.getAll("q") == ["1", "2"]

    params.set("q", "a b")
    params.append("é", "&")
    assert url.href == "https://test.com/a?q=a+b&%C3%A9=%26#f"

    url.search = "x=1"
    assert list(params) == [("x", "1")]
    url.href = "https://test.com/?y=2"
    assert list(params) == [("y", "2")]
    params.delete("y")
    assert url.href == "https://test.com/"


@pytest.mark.parametrize(
    "init",
    [
        "a=1&b=2+3&a=",
        "?a=1&b=2+3&a=",
        [["a", 1], ("b", "2 3"), ["a", ""]],
        URLSearchParams.new("a=1&b=2+3&a="),
    ],
)
def test_params_are_made_of_a_query_and_of_pairs(init: object) -> None:
    params = URLSearchParams.new(init)

    assert list(params) == list(params.entries()) == [("a", "1"), ("b", "2 3"), ("a", "")]
    assert params.toString() == str(params) == "a=1&b=2+3&a="
    assert repr(params) == "URLSearchParams('a=1&b=2+3&a=')"
    assert (list(params.keys()), list(params.values())) == (["a", "b", "a"], ["1", "2 3", ""])
    assert params.size == len(params) == 3


def test_params_are_read_as_a_mapping_too() -> None:
    params = URLSearchParams.new({"a": 1, "b": "x"})
    params.append("a", 2)

    assert (params["a"], params.get("a"), params.get("c")) == ("1", "1", None)
    assert "a" in params and "c" not in params
    assert dict(params) == {"a": "1", "b": "x"}
    with pytest.raises(KeyError, match="c"):
        params["c"]


def test_params_are_empty_without_a_query() -> None:
    assert list(URLSearchParams.new()) == []
    assert URLSearchParams.new().toString() == ""


def test_setting_replaces_the_first_and_removes_the_others() -> None:
    params = URLSearchParams.new("a=1&b=2&a=3")

    params.set("a", 4)
    params.set("c", 5)

    assert params.toString() == "a=4&b=2&c=5"


def test_values_can_be_asked_for_and_deleted_one_by_one() -> None:
    params = URLSearchParams.new("a=1&a=2&b=1")

    assert params.has("a") and params.has("a", 2) and not params.has("a", 3)
    params.delete("a", 2)
    assert params.toString() == "a=1&b=1"
    params.delete("a")
    assert params.toString() == "b=1"


def test_params_are_sorted_by_name_and_stay_in_order_otherwise() -> None:
    params = URLSearchParams.new("b=1&a=2&a=1&\uff21=1&\U0001f600=1")

    params.sort()

    assert list(params.keys()) == ["a", "a", "b", "\U0001f600", "\uff21"]
    assert params.getAll("a") == ["2", "1"]


def test_each_pair_is_visited() -> None:
    visited: list[object] = []
    params = URLSearchParams.new("a=1&b=2")

    params.forEach(lambda *args: visited.append(args))

    assert visited == [("1", "a", params), ("2", "b", params)]


def test_params_are_written_as_forms_are() -> None:
    params = URLSearchParams.new([["a b", "é*~-._"], ["", "&=+%"]])

    assert params.toString() == "a+b=%C3%A9*%7E-._&=%26%3D%2B%25"
    assert params.body_and_type()[0] == params.toString().encode()
