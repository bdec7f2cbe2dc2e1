"""Following redirects, by the rules of the Fetch standard."""

from collections.abc import AsyncIterator, Callable

import pytest

from runtime._dispatch.outbound import MAX_REDIRECTS, follow_redirects
from workers import Request, Response

SECRETS = {"authorization": "a", "cookie": "c", "proxy-authorization": "p", "x-other": "o"}


class Hops:
    """Answers with one redirect after the other, then 200; keeps what was sent, and its body."""

    def __init__(self, *locations: tuple[int, str | None]) -> None:
        self.requests: list[Request] = []
        self.bodies: list[bytes | None] = []
        self._locations = list(locations)

    async def __call__(self, request: Request) -> Response:
        self.requests.append(request)
        body = request.take_body()
        self.bodies.append(body if isinstance(body, bytes | None) else b"stream")
        if not self._locations:
            return Response("end")
        status, location = self._locations.pop(0)
        headers = {} if location is None else {"location": location}
        return Response(None, status, headers=headers)

    def sent(self) -> list[str]:
        return [f"{request.method} {request.url}" for request in self.requests]


async def test_a_plain_response_is_handed_on_with_its_url() -> None:
    response = await follow_redirects(Request("http://a/x"), Hops())

    assert (response.url, response.redirected) == ("http://a/x", False)


@pytest.mark.parametrize(
    ("location", "url"),
    [
        ("/y", "http://a/y"),
        ("z?q", "http://a/dir/z?q"),
        ("//b/", "http://b/"),
        ("https://b/c", "https://b/c"),
        ("#part", "http://a/dir/x#part"),
        ("/y#own", "http://a/y#own"),
    ],
)
async def test_locations_are_resolved(location: str, url: str) -> None:
    hops = Hops((302, location))

    response = await follow_redirects(Request("http://a/dir/x"), hops)

    assert hops.sent() == ["GET http://a/dir/x", f"GET {url}"]
    assert response.redirected
    assert await response.text() == "end"


async def test_a_fragment_is_kept_where_the_location_has_none() -> None:
    hops = Hops((302, "/y"))

    await follow_redirects(Request("http://a/x#part"), hops)

    assert hops.sent()[1] == "GET http://a/y#part"


@pytest.mark.parametrize(
    ("status", "method", "following", "keeps_body"),
    [
        (301, "POST", "GET", False),
        (302, "POST", "GET", False),
        (303, "POST", "GET", False),
        (303, "PUT", "GET", False),
        (301, "PUT", "PUT", True),
        (302, "DELETE", "DELETE", True),
        (307, "POST", "POST", True),
        (308, "POST", "POST", True),
    ],
)
async def test_what_becomes_of_method_and_body(
    status: int, method: str, following: str, keeps_body: bool
) -> None:
    hops = Hops((status, "/y"), (307, "/z"))

    await follow_redirects(Request("http://a/x", method=method, body="data"), hops)

    last = hops.requests[-1]
    assert hops.sent()[1:] == [f"{following} http://a/y", f"{following} http://a/z"]
    assert hops.bodies == [b"data", *([b"data" if keeps_body else None] * 2)]
    assert ("content-type" in last.headers) is keeps_body


async def test_head_stays_head() -> None:
    hops = Hops((303, "/y"), (302, "/z"))

    await follow_redirects(Request("http://a/x", method="HEAD"), hops)

    assert [text.split()[0] for text in hops.sent()] == ["HEAD"] * 3


@pytest.mark.parametrize(
    ("location", "kept"),
    [
        ("/y", True),
        ("http://a:80/y", True),
        ("HTTP://A/y", True),
        ("http://b/y", False),
        ("https://a/y", False),
        ("http://a:81/y", False),
    ],
)
async def test_credentials_are_dropped_across_origins(location: str, kept: bool) -> None:
    hops = Hops((302, location), (302, "http://a/back"))

    await follow_redirects(Request("http://a/x", headers=SECRETS), hops)

    expected = SECRETS if kept else {"x-other": "o"}
    assert dict(hops.requests[1].headers.items()) == expected
    assert dict(hops.requests[2].headers.items()) == expected


async def test_manual_mode_gives_the_redirect_itself() -> None:
    hops = Hops((302, "/y"))

    response = await follow_redirects(Request("http://a/x", redirect="manual"), hops)

    assert (response.status, response.headers["location"]) == (302, "/y")
    assert (response.url, len(hops.requests)) == ("http://a/x", 1)


async def test_error_mode_raises_on_a_redirect_alone() -> None:
    plain = await follow_redirects(Request("http://a/x", redirect="error"), Hops())

    assert await plain.text() == "end"
    with pytest.raises(OSError, match="http://a/x redirects, and redirect mode is 'error'"):
        await follow_redirects(Request("http://a/x?secret", redirect="error"), Hops((302, "/y")))


@pytest.mark.parametrize(("status", "location"), [(302, None), (304, "/y"), (201, "/y")])
async def test_what_is_no_redirect_is_not_followed(status: int, location: str | None) -> None:
    response = await follow_redirects(Request("http://a/x"), Hops((status, location)))

    assert response.status == status


async def test_twenty_redirects_are_followed_and_no_more() -> None:
    twenty = Hops(*[(302, f"/{hop}") for hop in range(MAX_REDIRECTS)])
    more = Hops(*[(302, f"/{hop}") for hop in range(MAX_REDIRECTS + 1)])

    response = await follow_redirects(Request("http://a/x"), twenty)

    assert MAX_REDIRECTS == 20
    assert response.url == "http://a/19"
    with pytest.raises(OSError, match="over 20 redirects, the last to http://a/20"):
        await follow_redirects(Request("http://a/x"), more)
    assert len(more.requests) == 21


@pytest.mark.parametrize(
    ("location", "reason"),
    [
        ("ftp://b/y?secret", "redirects to ftp://b/y, which is not http"),
        ("javascript:alert(1)", "which is not http"),
        ("http://user:secret@b/y", "redirects to http://b/y, which cannot be requested"),
        ("http://b:99999/?secret", "which cannot be requested"),
        ("http://[secret", "redirects to what is no URL"),
    ],
)
async def test_a_redirect_that_leads_nowhere_is_an_error_without_secrets(
    location: str, reason: str
) -> None:
    with pytest.raises(OSError, match=reason) as caught:
        await follow_redirects(Request("http://a/x?secret"), Hops((302, location)))

    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("status", [301, 307, 308])
async def test_a_streamed_body_cannot_be_sent_twice(status: int) -> None:
    async def chunks() -> AsyncIterator[bytes]:
        yield b"part"

    request = Request("http://a/x", method="PUT", body=chunks())

    with pytest.raises(OSError, match=f"redirects with {status}, and a streamed body cannot be"):
        await follow_redirects(request, Hops((status, "/y")))


async def test_a_streamed_body_does_not_matter_where_it_is_dropped() -> None:
    async def chunks() -> AsyncIterator[bytes]:
        yield b"part"

    hops = Hops((303, "/y"))

    await follow_redirects(Request("http://a/x", method="PUT", body=chunks()), hops)

    assert hops.bodies == [b"stream", None]


@pytest.mark.parametrize("mode", ["follow", "error"])
async def test_the_body_of_a_redirect_is_closed(mode: str) -> None:
    closed: list[bool] = []

    async def body() -> AsyncIterator[bytes]:
        try:
            yield b"moved"
        finally:
            closed.append(True)

    answers: list[Callable[[], Response]] = [
        lambda: Response(started, 302, headers={"location": "/y"}),
        lambda: Response("end"),
    ]
    started = body()
    await anext(started)

    async def send(request: Request) -> Response:
        return answers.pop(0)()

    try:
        await follow_redirects(Request("http://a/x", redirect=mode), send)
    except OSError:
        assert mode == "error"

    assert closed == [True]
