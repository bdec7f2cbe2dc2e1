import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from workerkit import CallNext, RouteLoadError, Router
from workers import Request, Response

Ask = Callable[..., Awaitable[Response]]

OPTIONS = ("not_found", "bad_path", "method_not_allowed")


def router_with(**options: Any) -> Router:
    router = Router(**options)

    @router.route("/a")
    def get() -> Response:
        return Response("a")

    @router.route("/fails")
    def fail() -> Response:
        raise LookupError("failed")

    return router


def respond(text: str) -> Callable[[], Response]:
    return lambda: Response(text)


def tag(name: str) -> Callable[..., Awaitable[Response]]:
    """Make a middleware that notes its name on the response."""

    async def middleware(request: Request, call_next: CallNext) -> Response:
        response = await call_next(request)
        response.headers.append("x-passed", name)
        return response

    return middleware


@pytest.mark.parametrize(
    ("option", "path", "method"),
    [
        ("not_found", "/unknown", "GET"),
        ("not_found", "/unknown", "OPTIONS"),
        ("bad_path", "/%", "GET"),
        ("method_not_allowed", "/a", "PUT"),
        ("error", "/fails", "GET"),
    ],
)
async def test_a_hook_answers_sync_or_async(ask: Ask, option: str, path: str, method: str) -> None:
    async def later() -> Response:
        return Response("later", status=418)

    for hook, answer in ((respond("now"), (200, "now")), (later, (418, "later"))):
        response = await ask(router_with(**{option: hook}), path, method, raw=True)

        assert (response.status, await response.text()) == answer


async def test_hooks_take_what_they_name(ask: Ask) -> None:
    def missing(env: object, request: Request) -> Response:
        return Response(f"{request.url} {env}")

    def other(allow: str, ctx: object) -> Response:
        return Response(f"{allow} {ctx}")

    def failed(error: Exception, env: object) -> Response:
        return Response(f"{error!r} {env}")

    router = router_with(
        not_found=missing, bad_path=missing, method_not_allowed=other, error=failed
    )

    answers = [
        await (await ask(router, path, method, raw=True, env="E")).text()
        for path, method in (("/x", "GET"), ("/%", "GET"), ("/a", "PUT"), ("/fails", "GET"))
    ]

    assert answers == [
        "https://shop.example/x E",
        "https://shop.example/% E",
        "GET, HEAD, OPTIONS None",
        "LookupError('failed') E",
    ]


async def test_default_answers_say_what_is_wrong(ask: Ask) -> None:
    router = router_with(**dict.fromkeys((*OPTIONS, "error")))

    answers = [
        await ask(router, path, method, raw=True)
        for path, method in (("/x", "GET"), ("/%", "GET"), ("/a", "PUT"))
    ]

    assert [(answer.status, await answer.text()) for answer in answers] == [
        (404, "Not Found\n"),
        (400, "Bad Request: malformed escape in the path\n"),
        (405, "Method Not Allowed\n"),
    ]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"not_found": "text"}, "not_found hook None.str must be a function, not str"),
        ({"bad_path": lambda allow: None}, "takes 'allow', which nothing gives it; there is req"),
        ({"method_not_allowed": lambda error: None}, "takes 'error', which nothing gives it"),
        ({"error": lambda exc: None}, "there is request, env, ctx, error"),
        ({"error": lambda *args: None}, "takes *args; name what it needs: request, env, ctx, err"),
        ({"middleware": [lambda next: None]}, "there is request, env, ctx, call_next"),
    ],
)
def test_a_hook_or_middleware_that_cannot_work_is_a_load_error(
    options: dict[str, Any], message: str
) -> None:
    with pytest.raises(RouteLoadError) as caught:
        Router(**options)

    assert message in str(caught.value)
    assert str(caught.value).startswith(next(iter(options)))


@pytest.mark.parametrize(
    ("option", "path", "method"),
    [
        ("not_found", "/unknown", "GET"),
        ("bad_path", "/%", "GET"),
        ("method_not_allowed", "/a", "PUT"),
        ("error", "/fails", "GET"),
        ("middleware", "/a", "GET"),
    ],
)
async def test_a_hook_or_middleware_without_a_response_is_a_type_error_naming_it(
    ask: Ask, option: str, path: str, method: str
) -> None:
    def forgetful() -> None:
        return None

    router = router_with(**{option: [forgetful] if option == "middleware" else forgetful})

    with pytest.raises(TypeError) as caught:
        await ask(router, path, method, raw=True)

    kind = option if option == "middleware" else f"{option} hook"
    assert str(caught.value).startswith(f"{kind} test_middleware_and_hooks.")
    assert str(caught.value).endswith(
        "forgetful must return a workers.Response, it returned NoneType"
    )


@pytest.mark.parametrize(
    ("path", "method", "status"),
    [
        ("/a", "GET", 200),
        ("/a", "HEAD", 200),
        ("/a", "OPTIONS", 204),
        ("/a", "PUT", 405),
        ("/a/", "GET", 308),
        ("/unknown", "GET", 404),
        ("/%", "GET", 400),
    ],
)
async def test_middleware_runs_around_everything_the_first_outermost(
    ask: Ask, path: str, method: str, status: int
) -> None:
    router = router_with(middleware=iter([tag("outer"), tag("inner")]), trailing_slash="redirect")

    response = await ask(router, path, method, raw=True)

    assert (response.status, response.headers["x-passed"]) == (status, "inner, outer")


async def test_middleware_can_answer_itself_sync_or_async(ask: Ask) -> None:
    async def later() -> Response:
        return Response("closed")

    for closed in (respond("closed"), later):
        response = await ask(router_with(middleware=[closed, tag("inner")]), "/a")

        assert await response.text() == "closed"
        assert "x-passed" not in response.headers


async def test_middleware_can_pass_on_another_request(ask: Ask) -> None:
    async def rewrite(request: Request, call_next: CallNext) -> Response:
        return await call_next(Request(request.url.replace("/old", "/a")))

    assert await (await ask(router_with(middleware=[rewrite]), "/old")).text() == "a"


async def test_middleware_can_call_what_is_inside_again(ask: Ask) -> None:
    attempts: list[str] = []

    async def retry(request: Request, call_next: CallNext) -> Response:
        try:
            return await call_next(request)
        except ConnectionError:
            return await call_next(request)

    router = router_with(middleware=[retry, tag("inner")])

    @router.route("/flaky")
    def flaky() -> Response:
        attempts.append("attempt")
        if len(attempts) == 1:
            raise ConnectionError
        return Response("done")

    response = await ask(router, "/flaky")

    assert (await response.text(), attempts) == ("done", ["attempt", "attempt"])
    assert response.headers["x-passed"] == "inner"


async def test_middleware_can_take_env_and_ctx(ask: Ask) -> None:
    async def show(call_next: CallNext, env: object, ctx: object, request: Request) -> Response:
        response = await call_next(request)
        response.headers["x-env"] = f"{env} {ctx}"
        return response

    response = await ask(router_with(middleware=[show]), "/a", env="E")

    assert response.headers["x-env"] == "E None"


async def test_the_error_hook_gets_what_a_handler_raises(ask: Ask) -> None:
    seen: list[Exception] = []

    def failed(error: Exception) -> Response:
        seen.append(error)
        return Response("sorry", status=500)

    response = await ask(router_with(error=failed, middleware=[tag("outer")]), "/fails")

    assert (response.status, [str(error) for error in seen]) == (500, ["failed"])
    assert "x-passed" not in response.headers


async def test_middleware_can_catch_an_error_before_the_hook(ask: Ask) -> None:
    async def catch(request: Request, call_next: CallNext) -> Response:
        try:
            return await call_next(request)
        except LookupError:
            return Response("caught")

    router = router_with(error=respond("hook"), middleware=[catch])

    assert await (await ask(router, "/fails")).text() == "caught"


@pytest.mark.parametrize("option", [*OPTIONS, "middleware"])
async def test_the_error_hook_gets_what_a_hook_or_a_middleware_raises(
    ask: Ask, option: str
) -> None:
    def broken() -> Response:
        raise ArithmeticError(option)

    options: dict[str, Any] = {option: [broken] if option == "middleware" else broken}
    router = router_with(error=lambda error: Response(repr(error)), **options)
    paths = {"bad_path": ("/%", "GET"), "method_not_allowed": ("/a", "PUT")}

    response = await ask(router, *paths.get(option, ("/x", "GET")), raw=True)

    assert await response.text() == f"ArithmeticError({option!r})"


async def test_the_error_hook_gets_the_type_error_of_a_forgetful_handler(ask: Ask) -> None:
    router = router_with(error=lambda error: Response(type(error).__name__))

    @router.route("/forgets")
    async def forget():
        return None

    assert await (await ask(router, "/forgets")).text() == "TypeError"


async def test_the_error_hook_gets_the_request_as_it_came(ask: Ask) -> None:
    async def rewrite(call_next: CallNext) -> Response:
        return await call_next(Request("https://shop.example/fails"))

    router = router_with(middleware=[rewrite], error=lambda request: Response(request.url))

    assert await (await ask(router, "/old")).text() == "https://shop.example/old"


async def test_without_an_error_hook_the_exception_leaves_the_router(ask: Ask) -> None:
    with pytest.raises(LookupError, match="failed"):
        await ask(router_with(middleware=[tag("outer")]), "/fails")


async def test_what_the_error_hook_raises_leaves_the_router_with_its_cause(ask: Ask) -> None:
    def worse() -> Response:
        raise ArithmeticError("worse")

    with pytest.raises(ArithmeticError, match="worse") as caught:
        await ask(router_with(error=worse), "/fails")

    assert isinstance(caught.value.__context__, LookupError)


async def test_a_cancellation_is_no_error(ask: Ask) -> None:
    router = router_with(error=respond("hook"))
    begun = asyncio.Event()

    @router.route("/waits")
    async def wait() -> Response:
        begun.set()
        return await asyncio.Future()

    task = asyncio.ensure_future(ask(router, "/waits"))
    await begun.wait()
    task.cancel()

    with pytest.raises(asyncio.CancelledError):
        await task


async def test_requests_at_the_same_time_do_not_see_each_other(ask: Ask) -> None:
    router = router_with(middleware=[tag("outer")])
    all_begun = asyncio.Barrier(3)

    @router.route("/wait/:name")
    async def wait(name: str, request: Request) -> Response:
        await all_begun.wait()
        return Response(f"{name} {request.url.rpartition('/')[2]}")

    responses = await asyncio.gather(*[ask(router, f"/wait/{name}") for name in "abc"])

    assert [await response.text() for response in responses] == ["a a", "b b", "c c"]
