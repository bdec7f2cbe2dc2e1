import pytest

from workerkit.cors import Cors, Origins, with_headers
from workers import Headers, Request, Response

SHOP = "https://shop.example.com"


def asked_from(origin: str | None) -> Request:
    headers = {} if origin is None else {"Origin": origin}
    return Request("https://api.example.com/", headers=headers)


def cors(*origins: str, credentials: bool = False) -> Cors:
    return Cors(
        origins=Origins.parse(origins),
        methods=("GET", "PUT"),
        headers=("Content-Type", "Authorization"),
        expose_headers=("X-Encrypted", "Location"),
        credentials=credentials,
    )


@pytest.mark.parametrize(
    ("item", "origin"),
    [
        (SHOP, SHOP),
        (" HTTPS://Shop.Example.com ", SHOP),
        (SHOP, "https://SHOP.example.com"),
        ("http://localhost:8787", "http://localhost:8787"),
        ("http://[::1]:8787", "http://[::1]:8787"),
        ("https://*.example.com", SHOP),
        ("https://*.example.com", "https://a.b-c.example.com"),
        ("https://*.example.com:8443", "https://a.example.com:8443"),
        ("*", SHOP),
        ("*", "null"),
    ],
)
def test_an_origin_is_allowed(item: str, origin: str) -> None:
    assert Origins.parse([item]).allow(origin)


@pytest.mark.parametrize(
    ("item", "origin"),
    [
        (SHOP, "http://shop.example.com"),
        (SHOP, "https://shop.example.com:8443"),
        (SHOP, "https://shop.example.com.evil.example"),
        ("https://*.example.com", "https://example.com"),
        ("https://*.example.com", "https://.example.com"),
        ("https://*.example.com", "http://a.example.com"),
        ("https://*.example.com", "https://evilexample.com"),
        ("https://*.example.com", "https://evil.test/.example.com"),
        ("https://*.example.com", "https://evil.test?.example.com"),
        ("https://*.example.com", "https://a.example.com.evil.test"),
        ("https://*.example.com", "https://a.example.com:8443"),
        ("https://*.example.com", "https://a\n.example.com"),
        (SHOP, "null"),
        (SHOP, ""),
    ],
)
def test_an_origin_is_not_allowed(item: str, origin: str) -> None:
    assert not Origins.parse([item]).allow(origin)


@pytest.mark.parametrize(
    "item", ["", "shop.example.com", "https://shop.example.com/", "https://*", "https://a.*.com"]
)
def test_what_could_never_match_is_refused(item: str) -> None:
    with pytest.raises(ValueError, match="is no origin"):
        Origins.parse([item])


def test_what_could_never_match_can_be_left_out() -> None:
    origins, left_out = Origins.parse_valid([SHOP, "nonsense", 5, " https://*.example.org "])

    assert left_out == 2
    assert origins == Origins.parse([SHOP, "https://*.example.org"])


def test_an_answer_to_an_allowed_origin_echoes_it() -> None:
    assert cors(SHOP).answer_headers(asked_from(SHOP)) == {
        "Vary": "Origin",
        "Access-Control-Allow-Origin": SHOP,
        "Access-Control-Expose-Headers": "X-Encrypted, Location",
    }


@pytest.mark.parametrize("origin", [None, "https://evil.example"])
def test_an_answer_to_anybody_else_says_nothing(origin: str | None) -> None:
    assert cors(SHOP).answer_headers(asked_from(origin)) == {"Vary": "Origin"}


def test_credentials_are_for_listed_origins() -> None:
    both = cors(SHOP, "*", credentials=True)

    listed = both.answer_headers(asked_from(SHOP))
    other = both.answer_headers(asked_from("https://evil.example"))

    assert listed["Access-Control-Allow-Credentials"] == "true"
    assert other["Access-Control-Allow-Origin"] == "https://evil.example"
    assert "Access-Control-Allow-Credentials" not in other


def test_a_preflight_says_what_is_allowed() -> None:
    response = cors(SHOP).preflight(asked_from(SHOP))

    assert (response.status, response.body) == (204, None)
    assert response.headers["access-control-allow-origin"] == SHOP
    assert response.headers["access-control-allow-methods"] == "GET, PUT"
    assert response.headers["access-control-allow-headers"] == "Content-Type, Authorization"
    assert response.headers["access-control-max-age"] == "86400"


def test_a_preflight_of_another_origin_is_answered_without_a_permission() -> None:
    response = cors(SHOP).preflight(asked_from("https://evil.example"))

    assert response.status == 204
    assert [name for name in response.headers if name.startswith("access-control")] == []


async def test_headers_are_added_and_replaced() -> None:
    response = Response("text", status=201, status_text="Made", headers={"A": "1", "B": "2"})

    changed = with_headers(response, [("b", "3"), ("C", "4")])

    assert (changed.status, changed.status_text) == (201, "Made")
    assert dict(changed.headers.items()) == {
        "a": "1",
        "content-type": "text/plain;charset=UTF-8",
        "b": "3",
        "c": "4",
    }
    assert await changed.text() == "text"


@pytest.mark.parametrize(
    ("before", "after"),
    [("Accept", "Accept, Origin"), ("origin", "origin"), ("Accept, Origin", "Accept, Origin")],
)
def test_vary_is_added_to(before: str, after: str) -> None:
    changed = with_headers(Response("", headers={"Vary": before}), [("Vary", "Origin")])

    assert changed.headers.get_all("vary") == [after]


def test_each_cookie_stays_one() -> None:
    response = Response("", headers=[("Set-Cookie", "a=1"), ("Set-Cookie", "b=2")])

    assert with_headers(response, [("X", "1")]).headers.get_all("set-cookie") == ["a=1", "b=2"]


class CopiedHeaders(Response):
    """A response as on Cloudflare, where what `headers` gives is a copy."""

    @property
    def headers(self) -> Headers:
        return Headers(super().headers)


async def test_headers_that_are_a_copy_make_another_response() -> None:
    headers = {"A": "1", "B": "2", "Vary": "Accept", "Content-Type": "text/x"}
    response = CopiedHeaders("text", status=201, headers=headers)

    changed = with_headers(response, [("b", "3"), ("Vary", "Origin")])

    assert changed is not response
    assert (changed.status, await changed.text()) == (201, "text")
    assert dict(changed.headers.items()) == {
        "a": "1",
        "content-type": "text/x",
        "b": "3",
        "vary": "Accept, Origin",
    }
    assert response.headers["b"] == "2"
