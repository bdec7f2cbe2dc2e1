from http import HTTPMethod

import pytest

from workers import Request, Response, fetch

URL = "https://test.com/a"


async def test_sends_a_request_through_the_host(host) -> None:
    response = await fetch(URL)

    assert isinstance(response, Response)
    assert await response.text() == "answer"
    [request] = host.requests
    assert (request.method, request.url, request.redirect) == ("GET", URL, "follow")
    assert request.body is None


async def test_takes_every_option_by_name(host) -> None:
    signal = object()

    await fetch(
        URL,
        method=HTTPMethod.PUT,
        headers={"x-number": 123, "x-float": 1.5, "x-text": "a"},
        body="content",
        redirect="manual",
        cf={"cacheTtl": 5},
        signal=signal,
    )

    [request] = host.requests
    assert request.method is HTTPMethod.PUT
    assert dict(request.headers) == {
        "x-number": "123",
        "x-float": "1.5",
        "x-text": "a",
        "content-type": "text/plain;charset=UTF-8",
    }
    assert await request.text() == "content"
    assert (request.redirect, request.cf.cacheTtl, request.signal) == ("manual", 5, signal)


async def test_a_request_is_sent_as_it_is(host) -> None:
    request = Request(URL, method="POST", body=b"x")

    await fetch(request)

    assert host.requests == [request]
    assert not request.body_used


async def test_options_win_over_those_of_a_request(host) -> None:
    request = Request(URL, method="POST", headers={"a": "1"}, body=b"x")

    await fetch(request, headers={"b": "2"}, redirect="error")

    [sent] = host.requests
    assert (sent.method, dict(sent.headers), sent.redirect) == ("POST", {"b": "2"}, "error")
    assert await sent.bytes() == b"x"
    assert request.body_used


async def test_takes_one_positional_argument(host) -> None:
    message = r"^fetch\(\) takes 1 positional argument but 2 were given$"

    with pytest.raises(TypeError, match=message):
        await fetch(URL, {"headers": {"a": "1"}})

    assert host.requests == []


async def test_options_of_browsers_and_unknown_ones_are_passed_over(
    host, caplog: pytest.LogCaptureFixture
) -> None:
    await fetch(URL, mode="cors", credentials="include", keepalive=True, haeders={})

    assert len(host.requests) == 1
    assert [record.getMessage() for record in caplog.records] == [
        "a request has no option 'haeders'; it is passed over"
    ]


@pytest.mark.parametrize("error", [OSError("network is down"), TypeError("not http")])
async def test_what_the_host_raises_arrives(host, error: Exception) -> None:
    def fail(request: Request) -> Response:
        raise error

    host.answer = fail

    with pytest.raises(type(error), match=str(error)):
        await fetch(URL)


async def test_a_bad_url_is_refused_before_anything_is_sent(host) -> None:
    with pytest.raises(ValueError, match="^Invalid URL: /relative$"):
        await fetch("/relative")

    assert host.requests == []


async def test_works_only_inside_a_worker() -> None:
    with pytest.raises(RuntimeError, match="fetch works only inside a running worker"):
        await fetch(URL)
