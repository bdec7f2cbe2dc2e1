import json
from collections.abc import AsyncIterator, Iterator
from http import HTTPMethod

import pytest

from workers.blob import Blob, File
from workers.body import Body
from workers.formdata import FormData
from workers.headers import Headers
from workers.request import Request, incoming_request
from workers.types import Body as BodySource

URL = "https://test.com/"


def test_defaults_are_those_of_fetch() -> None:
    request = Request("https://test.com")

    assert request.method == HTTPMethod.GET == "GET"
    assert request.url == URL
    assert dict(request.headers) == {}
    assert request.body is None and not request.body_used and not request.bodyUsed
    assert request.cf is None and request.signal is None
    assert request.redirect == "follow"
    assert request.cache == "default"
    assert request.credentials == "same-origin"
    assert request.mode == "cors"
    assert request.referrer == "about:client"
    assert (request.destination, request.referrer_policy, request.integrity) == ("", "", "")
    assert not request.keepalive and not request.is_history_navigation
    assert request.js_object is request


def test_repr_names_method_and_url() -> None:
    request = Request("https://test.com", method=HTTPMethod.POST)

    assert repr(request) == "Request(method='POST', url='https://test.com/')"


@pytest.mark.parametrize("method", ["post", "POST", "Post", HTTPMethod.POST])
def test_known_methods_are_meant_in_capitals(method: str) -> None:
    request = Request(URL, method=method)

    assert request.method is HTTPMethod.POST
    assert str(request.method) == "POST"


def test_extension_methods_are_kept_as_written() -> None:
    method = Request(URL, method="Purge").method

    assert method == "Purge"
    assert type(method) is str


@pytest.mark.parametrize("method", ["", "A B", "connect", "TRACE", "Track"])
def test_refuses_forbidden_methods(method: str) -> None:
    with pytest.raises(TypeError, match="method"):
        Request(URL, method=method)


@pytest.mark.parametrize("url", ["/relative", "", "https://"])
def test_refuses_urls_that_are_not_absolute(url: str) -> None:
    with pytest.raises(ValueError, match="^Invalid URL: "):
        Request(url)


def test_refuses_credentials_in_the_url_without_showing_them() -> None:
    with pytest.raises(TypeError, match="test.com has a user name") as caught:
        Request("https://user:secret@test.com/")

    assert "secret" not in str(caught.value)
    assert Request("https://test.com/@x").url == "https://test.com/@x"
    assert Request("https://test.com?a@x").url == "https://test.com/?a@x"


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_refuses_a_body_where_there_is_none(method: str) -> None:
    with pytest.raises(TypeError, match="GET or HEAD cannot have a body"):
        Request(URL, method=method, body="")


def test_refuses_other_redirect_modes() -> None:
    assert Request(URL, redirect="manual").redirect == "manual"
    with pytest.raises(ValueError, match="'never'"):
        Request(URL, redirect="never")


def test_takes_headers_of_every_form() -> None:
    for headers in ({"A": "1"}, [("a", 1)], Headers({"a": "1"})):
        assert Request(URL, headers=headers).headers["a"] == "1"


async def stream() -> AsyncIterator[bytes]:
    yield b"a"
    yield b"b"


def generator() -> Iterator[bytes]:
    yield b"a"
    yield b"b"


class Query:
    def body_and_type(self) -> tuple[bytes, str]:
        return b"ab", "application/x-www-form-urlencoded;charset=UTF-8"


@pytest.mark.parametrize(
    ("make", "content_type"),
    [
        (lambda: "ab", "text/plain;charset=UTF-8"),
        (lambda: b"ab", None),
        (lambda: bytearray(b"ab"), None),
        (lambda: memoryview(b"ab"), None),
        (lambda: Blob("ab"), None),
        (lambda: Blob("ab", content_type="a/b"), "a/b"),
        (Query, "application/x-www-form-urlencoded;charset=UTF-8"),
        (lambda: Body(b"ab"), None),
        (stream, None),
        (generator, None),
    ],
)
async def test_takes_bodies_of_every_kind(make: object, content_type: str | None) -> None:
    source: BodySource = make()

    request = Request(URL, method="POST", body=source)

    assert request.headers["content-type"] == content_type
    assert await request.bytes() == b"ab"


def test_a_given_content_type_wins() -> None:
    request = Request(URL, method="POST", body="{}", headers={"Content-Type": "a/b"})

    assert request.headers.get_all("content-type") == ["a/b"]


@pytest.mark.parametrize("body", [{"a": 1}, [b"a"], 3, object()])
def test_refuses_other_bodies(body: object) -> None:
    with pytest.raises(TypeError, match=f"^Unsupported type in Request: {type(body).__name__}$"):
        Request(URL, method="POST", body=body)


async def test_reads_the_body_in_every_form() -> None:
    def request(body: bytes = b"\xef\xbb\xbf[1.50]") -> Request:
        return Request(URL, method="POST", body=body, headers={"content-type": "A/B"})

    assert await request().text() == "[1.50]"
    assert await request().json() == [1.5]
    assert await request().json(parse_float=str) == ["1.50"]
    assert await request(b"x").bytes() == b"x"
    assert (await request(b"x").buffer()).to_bytes() == b"x"
    assert (await request(b"x").arrayBuffer()).byteLength == 1
    blob = await request(b"x").blob()
    assert (blob.content_type, await blob.text()) == ("a/b", "x")
    assert await request(b"\xff").text() == "\ufffd"
    with pytest.raises(json.JSONDecodeError):
        await request(b"{").json()


async def test_reads_forms() -> None:
    form = FormData({"a": "1"})
    form.append("f", File("x", "x.txt"))
    request = Request(URL, method="POST", body=form)
    assert (request.headers["content-type"] or "").startswith("multipart/form-data; boundary=")

    received = await request.form_data()

    assert received["a"] == "1"
    assert isinstance(received["f"], File)
    encoded = incoming_request(
        "POST",
        URL,
        lambda: [("Content-Type", "application/x-www-form-urlencoded")],
        Body([b"a=", b"2"]),
    )
    assert (await encoded.formData())["a"] == "2"
    with pytest.raises(TypeError, match="missing"):
        await Request(URL, method="POST", body=b"a=1").form_data()


@pytest.mark.parametrize("body", [b"x", Body([b"x"])])
async def test_a_body_is_read_once(body: BodySource) -> None:
    request = Request(URL, method="POST", body=Body(body))
    await request.text()

    assert request.body_used
    assert request.body is not None and request.body.used
    for read in (request.text, request.bytes, request.json, request.blob, request.form_data):
        with pytest.raises(OSError, match="^Body already used$"):
            await read()
    with pytest.raises(OSError, match="^Body already used$"):
        request.clone()
    with pytest.raises(OSError, match="^Body already used$"):
        request.take_body()


async def test_bytes_are_read_once_through_the_body_too() -> None:
    request = Request(URL, method="POST", body=b"x")
    body = request.body
    assert body is not None and request.body is body

    assert [chunk async for chunk in body] == [b"x"]

    assert request.body_used
    with pytest.raises(OSError, match="Body already used"):
        await request.text()
    with pytest.raises(OSError, match="Body already used"):
        request.clone()


async def test_used_bytes_show_in_a_body_asked_for_later() -> None:
    request = Request(URL, method="POST", body=b"x")
    await request.text()

    assert request.body is not None
    with pytest.raises(OSError, match="Body already used"):
        await request.body.read()


async def test_without_a_body_every_read_is_empty() -> None:
    request = Request(URL)

    assert await request.text() == ""
    assert await request.bytes() == b""
    assert not request.body_used
    assert request.take_body() is None and request.body_length == 0


@pytest.mark.parametrize("body", [b"ab", Body([b"a", b"b"])])
async def test_a_clone_reads_the_same_body(body: BodySource) -> None:
    request = Request(URL, method="POST", headers={"a": "1"}, body=body, redirect="error")

    twin = request.clone()
    twin.headers["a"] = "2"

    assert await twin.text() == await request.text() == "ab"
    assert request.headers["a"] == "1"
    assert (twin.method, twin.url, twin.redirect) == ("POST", URL, "error")


async def test_a_request_of_a_request_takes_over_what_is_not_given() -> None:
    signal = object()
    original = Request(
        URL,
        method="PUT",
        headers={"a": "1"},
        body=Body([b"x"]),
        cf={"colo": "VIE"},
        redirect="manual",
        signal=signal,
        cache="no-store",
    )

    request = Request(original, headers={"b": "2"}, redirect="error")

    assert (request.method, request.url, dict(request.headers)) == ("PUT", URL, {"b": "2"})
    assert request.cf.colo == "VIE"
    assert (request.redirect, request.cache, request.signal) == ("error", "no-store", signal)
    assert original.redirect == "manual"
    assert original.body_used
    assert await request.text() == "x"
    with pytest.raises(OSError, match="Body already used"):
        Request(original)


async def test_a_request_with_another_body_leaves_the_originals() -> None:
    original = Request(URL, method="POST", headers={"a": "1"}, body=b"old")

    request = Request(original, body="new", method="PATCH", cf={"colo": "X"})
    request.headers["a"] = "2"

    assert await request.text() == "new"
    assert request.method == "PATCH"
    assert request.headers["content-type"] == "text/plain;charset=UTF-8"
    assert await original.text() == "old"
    assert original.headers["a"] == "1" and original.cf is None


async def test_bytes_move_to_a_request_of_a_request() -> None:
    original = Request(URL, method="POST", body=b"x")

    request = Request(original)

    assert original.body_used
    assert await request.text() == "x"
    with pytest.raises(TypeError, match="GET or HEAD"):
        Request(Request(URL, method="POST", body=b"x"), method="GET")


def test_cf_reads_by_attribute() -> None:
    cf = Request(URL, cf={"botManagement": {"score": 99}, "colo": "VIE"}).cf

    assert cf.botManagement.score == 99
    assert cf["colo"] == cf.get("colo") == "VIE"
    with pytest.raises(AttributeError, match="'country'"):
        cf.country  # noqa: B018  # the point of the test


def test_takes_further_attributes() -> None:
    request = Request(URL)

    request.params = {"id": "1"}

    assert vars(request) == {"params": {"id": "1"}}


async def test_an_incoming_request_is_parsed_when_asked() -> None:
    asked: list[str] = []

    def url() -> str:
        asked.append("url")
        return "https://test.com/x"

    def headers() -> list[tuple[str, str]]:
        asked.append("headers")
        return [("Accept-Encoding", "deflate"), ("accept-encoding", "gzip"), ("Host", "test.com")]

    request = incoming_request("GET", url, headers, Body(b"x"), {"colo": "VIE"})
    assert asked == []

    assert request.url == request.url == "https://test.com/x"
    assert request.headers.get_all("accept-encoding") == ["deflate, gzip"]
    assert request.headers["host"] == "test.com"
    assert asked == ["url", "headers"]
    assert request.method is HTTPMethod.GET
    assert request.cf == {"colo": "VIE"}
    assert await request.text() == "x"


async def test_a_clone_of_an_incoming_request_is_parsed_by_itself() -> None:
    request = incoming_request("GET", lambda: URL, lambda: [("a", "1")])

    twin = request.clone()
    request.headers["a"] = "2"

    assert twin.headers["a"] == "1"
    assert twin.url == URL and twin.body is None


async def test_takes_the_body_for_what_sends_it() -> None:
    data = b"x" * 10
    fixed = Request(URL, method="POST", body=data)
    streamed = Request(URL, method="POST", body=stream())
    sized = Request(URL, method="POST", body=Body(stream(), length=2))

    assert fixed.body_length == 10
    assert streamed.body_length is None and sized.body_length == 2
    assert fixed.take_body() is data and fixed.body_used
    taken = streamed.take_body()
    assert isinstance(taken, AsyncIterator)
    assert [chunk async for chunk in taken] == [b"a", b"b"]


def test_header_pairs_are_those_of_the_headers() -> None:
    request = incoming_request("GET", URL, lambda: [("A", "1"), ("a", "2")])

    assert list(request.header_pairs()) == [("A", "1"), ("a", "2")]
    assert request.headers["a"] == "1, 2"
    assert list(request.header_pairs()) == [("a", "1, 2")]


async def test_wrapping_the_stream_leaves_bytes() -> None:
    async def shouted(inner: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        async for chunk in inner:
            yield chunk.upper()

    streamed = Request(URL, method="POST", body=stream())
    fixed = Request(URL, method="POST", body=b"ab")
    for request in (streamed, fixed):
        request.wrap_stream(shouted)

    assert await streamed.text() == "AB"
    assert await fixed.text() == "ab"


async def test_a_buffered_body_can_be_looked_at_before_it_is_sent() -> None:
    data = b"x" * 10
    plain = Request(URL, method="POST", body=data)
    through_body = Request(URL, method="POST", body=data)
    assert through_body.body is not None

    for request in (plain, through_body):
        assert request.buffered_body is data
        assert not request.body_used
        await request.bytes()
        assert request.buffered_body is None
    assert Request(URL, method="POST", body=stream()).buffered_body is None
    assert Request(URL).buffered_body is None


def test_options_of_browsers_are_passed_over() -> None:
    request = Request(URL, mode="no-cors", credentials="omit", referrerPolicy="origin")

    assert (request.mode, request.credentials) == ("cors", "same-origin")


def test_an_option_that_nobody_knows_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    Request(URL, heaeders={"a": "1"})

    [record] = caplog.records
    assert (record.name, record.levelname) == ("workers.request", "WARNING")
    assert record.getMessage() == "a request has no option 'heaeders'; it is passed over"


def test_takes_one_positional_argument() -> None:
    with pytest.raises(TypeError, match="takes 2 positional arguments but 3 were given"):
        Request(URL, {"method": "POST"})


@pytest.mark.parametrize(
    ("sent", "url"),
    [
        ("http://Test.com:80", "http://test.com/"),
        ("http://test.com/a/../b?q=a b", "http://test.com/b?q=a%20b"),
        ("http://test.com/gr\xfcn?\xfc", "http://test.com/gr%C3%BCn?%C3%BC"),
        ("http://test.com/gr\udcfcn", "http://test.com/gr%FCn"),
    ],
)
def test_the_url_of_an_incoming_request_is_made_normal(sent: str, url: str) -> None:
    for given in (sent, lambda: sent):
        request = incoming_request("GET", given, lambda: [])
        twin = request.clone()
        assert request.url == request.url == twin.url == url


def test_an_incoming_request_with_a_host_that_is_none_says_so() -> None:
    request = incoming_request("GET", lambda: "http://te st/", lambda: [])

    with pytest.raises(ValueError, match="^Invalid URL: http://te st/$"):
        request.url  # noqa: B018  # the point of the test
