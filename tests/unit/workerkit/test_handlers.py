import functools
from collections.abc import Callable
from typing import Any

import pytest

from workerkit import RouteLoadError
from workerkit.handlers import function_name, plan_handler
from workers import FetchResponse, Response

VALUES = {"request": "R", "env": "E", "ctx": "C", "id": "7", "rest": "a/b"}
TAKEN: list[object] = []


@pytest.fixture(autouse=True)
def taken() -> list[object]:
    TAKEN.clear()
    return TAKEN


def note(*values: object) -> Response:
    TAKEN.extend(values)
    return Response(None)


def nothing() -> Response:
    return note()


def in_another_order(rest: str, env: object, id: str, ctx: object, request: object) -> Response:
    return note(rest, env, id, ctx, request)


def by_position_only(id: str, request: object, /) -> Response:
    return note(id, request)


def by_keyword_only(*, request: object, id: str) -> Response:
    return note(request, id)


def of_all_kinds(id: str, /, request: object, *, env: object) -> Response:
    return note(id, request, env)


def with_default_that_is_offered(id: str = "none", *, rest: str = "none") -> Response:
    return note(id, rest)


async def asynchronous(id: str) -> Response:
    return note(id)


def decorated(function: Callable[..., Response]) -> Callable[..., Response]:
    @functools.wraps(function)
    def inner(*args: Any, **kwargs: Any) -> Response:
        return function(*args, **kwargs)

    return inner


class Greeter:
    def greet(self, id: str) -> Response:
        return note(id)

    def __call__(self, env: object) -> Response:
        return note(env)


@pytest.mark.parametrize(
    ("function", "expected"),
    [
        (nothing, []),
        (in_another_order, ["a/b", "E", "7", "C", "R"]),
        (by_position_only, ["7", "R"]),
        (by_keyword_only, ["R", "7"]),
        (of_all_kinds, ["7", "R", "E"]),
        (with_default_that_is_offered, ["7", "a/b"]),
        (asynchronous, ["7"]),
        (decorated(in_another_order), ["a/b", "E", "7", "C", "R"]),
        (Greeter().greet, ["7"]),
        (Greeter(), ["E"]),
        (functools.partial(in_another_order, "x", ctx="c"), ["x", "E", "7", "C", "R"]),
    ],
)
async def test_a_handler_is_given_what_it_names(
    function: Callable[..., Response], expected: list[object], taken: list[object]
) -> None:
    handler = plan_handler(function, "routes.x.get", VALUES)

    await handler.call(VALUES)

    assert taken == expected


async def test_an_optional_name_that_is_not_offered_keeps_its_default(taken: list[object]) -> None:
    def get(request: object, year: str = "all", env: object = None, *, id: str = "") -> Response:
        return note(request, year, env, id)

    handler = plan_handler(get, "routes.x.get", VALUES, {"id", "year"})

    await handler.call(VALUES)

    assert taken == ["R", "all", "E", "7"]


def spreads(*args: object) -> Response:
    return note(args)


def spreads_keywords(request: object, **kwargs: object) -> Response:
    return note(request, kwargs)


def misspells(request: object, ident: str) -> Response:
    return note(request, ident)


def misspells_with_default(request: object, limit: int = 5) -> Response:
    return note(request, limit)


def lacks_a_default(year: str) -> Response:
    return note(year)


def cannot_be_called_by_position(year: str = "all", request: object = None, /) -> Response:
    return note(year, request)


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (spreads, "takes *args: object; name what it needs: request, id"),
        (spreads_keywords, "takes **kwargs: object; name what it needs: request, id"),
        (misspells, "takes 'ident', which nothing gives it; there is request, id"),
        (misspells_with_default, "takes 'limit', which nothing gives it; there is request, id"),
        (
            lacks_a_default,
            "takes 'year', which is not in every path of its module; give it a default",
        ),
        (
            cannot_be_called_by_position,
            "takes 'request' by position only, after a parameter that is not in every path of "
            "its module; put it first",
        ),
        ("text", "must be a function, not str"),
        (dict, ": the parameters of <class 'dict'> cannot be read; write a function around it"),
    ],
)
def test_what_cannot_work_is_refused_when_it_is_loaded(function: object, message: str) -> None:
    with pytest.raises(RouteLoadError) as caught:
        plan_handler(function, "routes.x.get", ["request", "id"], {"id", "year"})

    assert str(caught.value) == f"routes.x.get{'' if message[0] == ':' else ' '}{message}"


@pytest.mark.parametrize("result", [None, "text", 204, {"a": 1}])
async def test_what_is_no_response_is_a_type_error_naming_the_handler(result: object) -> None:
    async def get() -> object:
        return result

    handlers = [
        plan_handler(lambda: result, "routes.x.get", ()),
        plan_handler(get, "routes.x.get", ()),
    ]

    for handler in handlers:
        with pytest.raises(TypeError) as caught:
            await handler.call({})
        assert str(caught.value) == (
            f"routes.x.get must return a workers.Response, it returned {type(result).__name__}"
        )


async def test_what_fetch_brings_on_cloudflare_passes_for_a_response() -> None:
    response = FetchResponse.__new__(FetchResponse)

    assert await plan_handler(lambda: response, "routes.x.get", ()).call({}) is response


def test_a_function_is_named_as_its_author_knows_it() -> None:
    assert function_name(nothing) == "test_handlers.nothing"
    assert function_name(Greeter().greet) == "test_handlers.Greeter.greet"
    assert function_name(Greeter()) == "test_handlers.Greeter"
    assert function_name("text") == "None.str"
