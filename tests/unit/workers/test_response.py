import json
from collections.abc import AsyncIterator
from http import HTTPStatus

import pytest

from workers.blob import Blob
from workers.body import Body
from workers.formdata import FormData
from workers.headers import Headers
from workers.response import FetchResponse, Response, incoming_response, note_origin


async def stream() -> AsyncIterator[bytes]:
    yield b"a"
    yield b"b"


def test_defaults() -> None:
    response = Response()

    assert (response.status, response.status_text, response.ok) == (200, "OK", True)
    assert response.statusText == "OK"
    assert (response.url, response.redirected, response.type) == ("", False, "default")
    assert response.body is None and not response.body_used
    assert dict(response.headers) == {}
    assert list(response.header_pairs()) == []
    assert response.js_object is response
    assert isinstance(response, FetchResponse)


def test_repr_shows_what_there_is() -> None:
    assert repr(Response.json({})) == (
        "Response(status=200, status_text='OK', content_type='application/json')"
    )
    assert repr(Response(status=299)) == "Response(status=299)"
    fetched = incoming_response(404, "", lambda: [], None, "https://test.com/", False)
    assert repr(fetched) == (
        "Response(status=404, status_text='Not Found', url='https://test.com/')"
    )


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        ("ab", "text/plain;charset=UTF-8"),
        (b"ab", None),
        (memoryview(b"ab"), None),
        (Blob("ab", content_type="A/B"), "a/b"),
        (Blob("ab"), None),
        (iter([b"a", b"b"]), None),
    ],
)
async def test_takes_bodies_of_every_kind(body: str | bytes, content_type: str | None) -> None:
    response = Response(body)

    assert response.headers["content-type"] == content_type
    assert await response.text() == "ab"


async def test_streams_and_other_bodies_are_passed_on() -> None:
    assert await Response(stream()).bytes() == b"ab"
    assert await Response(Response(stream()).body).bytes() == b"ab"
    assert await Response(Response("ab").body).bytes() == b"ab"


async def test_sends_forms_as_multipart() -> None:
    response = Response(FormData({"a": "1"}))

    assert (response.headers["content-type"] or "").startswith("multipart/form-data; boundary=")
    assert (await response.form_data())["a"] == "1"


async def test_lone_surrogates_are_replaced() -> None:
    assert await Response("a\ud83d").text() == "a\ufffd"
    assert await Response("\ud83d\ude00").text() == "\U0001f600"


@pytest.mark.parametrize("body", [{"a": 1}, [b"a"], (b"a",), 3, object()])
def test_refuses_other_bodies(body: object) -> None:
    with pytest.raises(TypeError, match=f"^Unsupported type in Response: {type(body).__name__}$"):
        Response(body)


@pytest.mark.parametrize("status", [101, 200, 299, 599, HTTPStatus.NOT_FOUND])
def test_takes_statuses(status: int) -> None:
    response = Response(status=status)

    assert response.status == status
    assert type(response.status) is int
    assert response.ok == (200 <= status < 300)


@pytest.mark.parametrize("status", [0, 100, 102, 199, 600, -1, True, HTTPStatus.CONTINUE])
def test_refuses_other_statuses(status: int) -> None:
    with pytest.raises(ValueError, match="status must be 101 or one of 200 to 599"):
        Response(status=status)


def test_refuses_a_status_that_is_no_number() -> None:
    with pytest.raises(TypeError, match="got str"):
        Response(status="200")


@pytest.mark.parametrize("status", [101, 204, 205, 304])
def test_refuses_a_body_with_a_status_that_has_none(status: int) -> None:
    for body in ("x", iter([b"x"])):
        with pytest.raises(TypeError, match=f"status {status} cannot have a body"):
            Response(body, status=status)
    assert Response(None, status).body is None
    assert Response("", status).body is None
    assert Response(b"", status).body is None


def test_takes_a_status_text_without_control_characters() -> None:
    assert Response(status_text="Fine ☃").status_text == "Fine ☃"
    with pytest.raises(ValueError, match="control character"):
        Response(status_text="a\r\nb")


def test_takes_headers_and_keeps_repeated_ones() -> None:
    response = Response(
        "x", headers=[("a", "1"), ("A", "2"), ("set-cookie", "b=1, 2"), ("Set-Cookie", "c=3")]
    )

    assert list(response.header_pairs()) == [
        ("a", "1, 2"),
        ("set-cookie", "b=1, 2"),
        ("set-cookie", "c=3"),
        ("content-type", "text/plain;charset=UTF-8"),
    ]


def test_headers_are_the_responses_own() -> None:
    headers = Headers({"a": "1"})
    response = Response(headers=headers)

    response.headers["a"] = "2"

    assert headers["a"] == "1"
    assert list(response.header_pairs()) == [("a", "2")]


@pytest.mark.parametrize("headers", [{"a b": "x"}, {"a": "x\r\ny"}, [("a", "\0")]])
def test_refuses_bad_headers(headers: dict[str, str]) -> None:
    with pytest.raises(ValueError, match="header"):
        Response(headers=headers)


def test_headers_may_be_set_after_making() -> None:
    response = Response("x")

    response.headers["x-a"] = "1"

    assert list(response.header_pairs()) == [
        ("content-type", "text/plain;charset=UTF-8"),
        ("x-a", "1"),
    ]


def test_a_given_content_type_wins() -> None:
    assert Response("x", headers={"Content-Type": "a/b"}).headers.get_all("content-type") == ["a/b"]


def test_websockets_are_refused_by_name() -> None:
    with pytest.raises(NotImplementedError, match="WebSockets come with edgestead 0.2"):
        Response(None, status=101, web_socket=object())


@pytest.mark.parametrize("make", [Response.json, Response.from_json, FetchResponse.from_json])
async def test_json_makes_a_response(make: type[Response]) -> None:
    response = make({"a": "é"}, status=201, status_text="Made", headers={"x": "y"})

    assert (response.status, response.status_text) == (201, "Made")
    assert dict(response.headers) == {"x": "y", "content-type": "application/json"}
    assert await response.bytes() == b'{"a": "\\u00e9"}'


async def test_json_reads_a_response() -> None:
    assert await Response.json({"a": [1.5]}).json() == {"a": [1.5]}
    assert await Response("[1.5]").json(parse_float=str) == ["1.5"]
    with pytest.raises(json.JSONDecodeError):
        await Response("{").json()


def test_json_keeps_a_given_content_type() -> None:
    response = Response.json(data=None, headers={"Content-Type": "application/problem+json"})

    assert list(response.header_pairs()) == [("content-type", "application/problem+json")]
    assert list(Response.json(1).header_pairs()) == [("content-type", "application/json")]


def test_json_raises_pythons_own_error() -> None:
    with pytest.raises(TypeError, match="Object of type set is not JSON serializable"):
        Response.json({"a": {1}})


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308, HTTPStatus.SEE_OTHER])
def test_redirects(status: int) -> None:
    response = Response.redirect("https://test.com", status)

    assert response.status == status
    assert dict(response.headers) == {"location": "https://test.com/"}
    assert response.body is None
    assert Response.redirect("https://test.com/").status == 302


@pytest.mark.parametrize(("url", "status"), [("https://a/", 200), ("https://a/", 304), ("/a", 302)])
def test_refuses_other_redirects(url: str, status: int) -> None:
    with pytest.raises(ValueError, match="redirect has status|Invalid URL"):
        Response.redirect(url, status)


@pytest.mark.parametrize("make", [lambda: Response("ab"), lambda: Response(stream())])
async def test_a_clone_reads_the_same_body(make: type[Response]) -> None:
    response = make()
    response.headers["a"] = "1"

    twin = response.clone()
    twin.headers["a"] = "2"

    assert isinstance(twin, Response)
    assert await twin.text() == await response.text() == "ab"
    assert response.headers["a"] == "1"
    with pytest.raises(OSError, match="^Body already used$"):
        response.clone()


def test_a_clone_keeps_an_implied_content_type() -> None:
    assert list(Response("x").clone().header_pairs()) == [
        ("content-type", "text/plain;charset=UTF-8")
    ]


async def test_a_body_is_read_once() -> None:
    response = Response("x")
    await response.text()

    assert response.body_used
    for read in (response.text, response.string, response.json, response.buffer):
        with pytest.raises(OSError, match="^Body already used$"):
            await read()


async def test_another_body_keeps_the_rest() -> None:
    response = Response("old", 201, "Made", {"x": "y"})

    replaced = response.replace_body(Blob("new", content_type="a/b"))

    assert (replaced.status, replaced.status_text) == (201, "Made")
    assert dict(replaced.headers) == {"x": "y", "content-type": "text/plain;charset=UTF-8"}
    assert await replaced.text() == "new"
    assert await response.text() == "old"


def test_another_body_brings_its_type_where_there_is_none() -> None:
    assert Response(None).replace_body("x").headers["content-type"] == "text/plain;charset=UTF-8"
    assert Response(None).replace_body(None).body is None
    with pytest.raises(TypeError, match="status 204 cannot have a body"):
        Response(None, 204).replace_body("x")


async def test_a_response_of_a_response_takes_it_over() -> None:
    original = Response("x", 201, "Made", {"a": "1"})

    response = Response(original)

    assert (response.status, response.status_text, response.headers["a"]) == (201, "Made", "1")
    assert original.body_used
    assert await response.text() == "x"
    assert Response(Response(None)).body is None


@pytest.mark.parametrize(
    "options", [{"status": 201}, {"status_text": "x"}, {"headers": {}}, {"headers": {"a": "1"}}]
)
def test_a_response_of_a_response_takes_nothing_else(options: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="no further arguments"):
        Response(Response("x"), **options)


async def test_an_incoming_response_is_parsed_when_asked() -> None:
    asked: list[str] = []

    def headers() -> list[tuple[str, str]]:
        asked.append("headers")
        return [("A", "1"), ("a", "2")]

    response = incoming_response(
        200, "Fine", headers, Body([b"x"], length=1), "https://test.com/", True
    )
    assert asked == []

    assert response.headers["a"] == "1, 2"
    assert (response.status_text, response.url, response.redirected) == (
        "Fine",
        "https://test.com/",
        True,
    )
    assert response.body_length == 1
    assert response.clone().url == "https://test.com/"
    assert response.replace_body("y").url == ""


def test_raises_for_bad_statuses_on_request() -> None:
    Response(status=304).raise_for_status()

    with pytest.raises(OSError, match="404 Not Found"):
        Response(status=404).raise_for_status()


def test_takes_the_body_for_what_sends_it() -> None:
    response = Response("abc")

    assert response.body_length == 3
    assert response.take_body() == b"abc"
    assert response.body_used
    with pytest.raises(OSError, match="Body already used"):
        response.take_body()


def test_a_client_that_followed_redirects_notes_where_it_came_to() -> None:
    response = Response("x")

    note_origin(response, "https://test.com/end", redirected=True)

    assert (response.url, response.redirected) == ("https://test.com/end", True)
    assert response.clone().redirected
    note_origin(response, "https://test.com/", redirected=False)
    assert (response.url, response.redirected) == ("https://test.com/", False)


def test_a_status_of_none_is_the_default() -> None:
    assert Response("x", status=None).status == 200


async def test_a_buffered_body_is_what_can_be_sent_twice() -> None:
    response = Response("ab")

    assert response.buffered_body == b"ab"
    await response.text()
    assert response.buffered_body is None
    assert Response(stream()).buffered_body is None
    assert Response().buffered_body is None


async def test_a_subclass_makes_and_reads_json_too() -> None:
    class Problem(Response):
        pass

    assert await Problem.json({"a": 1}).text() == '{"a": 1}'
    assert await Problem("[1]").json() == [1]


def test_a_new_body_keeps_the_content_type_that_stands() -> None:
    response = Response("<p>", headers={"content-type": "text/html", "set-cookie": "a=1"})

    replaced = response.replace_body(FormData({"a": "1"}))

    assert replaced.headers["content-type"] == "text/html"
    assert replaced.headers.get_all("set-cookie") == ["a=1"]
