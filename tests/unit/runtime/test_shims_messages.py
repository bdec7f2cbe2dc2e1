import pytest

import workers
from runtime._loader.shims import js
from runtime._loader.shims.pyodide_ffi import to_js

URL = "https://test.com/"


async def test_makes_responses() -> None:
    response = js.Response.new("x", status=201, statusText="Made", headers={"a": "b"})

    assert isinstance(response, workers.Response)
    assert (response.status, response.status_text, response.headers["a"]) == (201, "Made", "b")
    assert await response.text() == "x"
    assert js.Response.new().status == 200


@pytest.mark.parametrize(
    "init",
    [
        {"status": 404, "headers": [["a", "b"]]},
        to_js({"status": 404, "headers": {"a": "b"}}, dict_converter=js.Object.fromEntries),
        js.Object.fromEntries({"status": 404, "headers": js.Headers.new({"a": "b"})}),
        workers.Response(None, 404, headers={"a": "b"}),
    ],
)
def test_options_may_be_an_object(init: object) -> None:
    response = js.Response.new("x", init)

    assert (response.status, response.headers["a"]) == (404, "b")


def test_keywords_win_over_the_object() -> None:
    assert js.Response.new("x", {"status": 404}, status=201).status == 201


async def test_makes_json_and_redirects() -> None:
    response = js.Response.json({"a": [1.0, None]}, {"status": 201})
    typed = js.Response.json("é", headers={"Content-Type": "a/b"})
    redirect = js.Response.redirect(js.URL.new("/b", URL), 301)

    assert (response.status, response.headers["content-type"]) == (201, "application/json")
    assert await response.text() == '{"a":[1,null]}'
    assert (typed.headers["content-type"], await typed.text()) == ("a/b", '"é"')
    assert (redirect.status, redirect.headers["location"]) == (301, "https://test.com/b")


async def test_makes_requests() -> None:
    request = js.Request.new(URL, {"method": "PUT", "body": "x", "cf": {"colo": "VIE"}})

    assert isinstance(request, workers.Request)
    assert (request.method, request.cf.colo) == ("PUT", "VIE")
    assert await request.text() == "x"
    assert js.Request.new(js.URL.new(URL)).url == URL
    assert js.Request.new(request, method="POST", body="y").method == "POST"


def test_knows_the_objects_that_it_makes() -> None:
    made = {
        js.Response: workers.Response(),
        js.Request: workers.Request(URL),
        js.Headers: workers.Headers(),
        js.FormData: workers.FormData(),
        js.Blob: workers.Blob("x"),
        js.File: workers.File("x", "a"),
    }

    for constructor, value in made.items():
        assert isinstance(value, constructor)
        assert not isinstance("x", constructor)
    assert isinstance(made[js.File], js.Blob)
    assert repr(js.Headers) == "<js.Headers>"


def test_headers_have_javascripts_methods() -> None:
    headers = js.Headers.new()
    headers.append("Accept-Encoding", "deflate")
    headers.append("accept-encoding", "gzip")
    headers.set("x", "y")

    assert headers.get("accept-encoding") == "deflate, gzip"
    assert headers.has("X") and headers.get("missing") is None
    request = workers.Request(URL, headers=headers)
    assert request.headers.get_all("Accept-encoding") == ["deflate, gzip"]


async def test_forms_have_javascripts_methods() -> None:
    data = js.FormData.new()
    data.append("foobar", 123)
    data.append("key", "lorem ipsum")
    data.append("key", "dolor sit amet")

    form = workers.FormData(data)

    assert form["foobar"] == "123"
    assert form.get_all("key") == data.getAll("key") == ["lorem ipsum", "dolor sit amet"]
    request = workers.Request(URL, body=data, method="POST")
    assert (await request.form_data())["foobar"] == "123"


async def test_makes_blobs_and_files() -> None:
    blob = js.Blob.new(["a", b"b"], {"type": "A/B"})
    file = js.File.new(to_js(["x"]), "x.txt", type="text/plain", lastModified=5)

    assert (await blob.text(), blob.type, blob.size) == ("ab", "a/b", 2)
    assert (file.name, file.type, file.last_modified) == ("x.txt", "text/plain", 5)
    assert js.Blob.new().size == 0


async def test_bodies_may_be_javascripts_types() -> None:
    for body in (js.Uint8Array.new([97]), js.Blob.new(["a"])):
        assert await workers.Response(body).text() == "a"
    response = workers.Response(js.URLSearchParams.new({"a": "1 2"}))
    assert await response.text() == "a=1+2"
    assert response.headers["content-type"] == "application/x-www-form-urlencoded;charset=UTF-8"


async def test_fetch_takes_options_as_an_object_or_by_name(host) -> None:
    await js.fetch(URL, {"method": "POST", "body": "x"})
    await js.fetch(js.URL.new(URL), method="PUT", redirect="manual")
    await js.fetch(workers.Request(URL, method="DELETE"))

    assert [(str(sent.method), sent.redirect) for sent in host.requests] == [
        ("POST", "follow"),
        ("PUT", "manual"),
        ("DELETE", "follow"),
    ]


def test_websockets_are_refused_by_name() -> None:
    with pytest.raises(NotImplementedError, match="^WebSockets come with edgestead 0.2$"):
        js.WebSocketPair.new()
    with pytest.raises(NotImplementedError, match="^WebSockets come with edgestead 0.2$"):
        js.Response.new(None, status=101, webSocket=object())
