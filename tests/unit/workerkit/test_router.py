import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workerkit import RouteLoadError, Router
from workers import Request, Response

Ask = Callable[..., Awaitable[Response]]


async def test_a_handler_gets_request_env_ctx_and_parameters_by_name() -> None:
    router = Router()
    request, env, ctx = Request("https://shop.example/a/1/b/c?d=e"), object(), object()

    @router.route("/a/:id/*rest")
    async def get(rest, ctx, id, env, request):
        return Response.json([rest, id, [ctx is given[2], env is given[1], request is given[0]]])

    given = (request, env, ctx)

    response = await router.handle(request, env, ctx)

    assert await response.json() == ["b/c", "1", [True, True, True]]


async def test_env_and_ctx_are_none_unless_given() -> None:
    router = Router()

    @router.route("/")
    def get(env: object, ctx: object) -> Response:
        return Response(f"{env} {ctx}")

    response = await router.handle(Request("https://shop.example/"))

    assert await response.text() == "None None"


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("/by/alice%40example.com", "alice@example.com"),
        ("/by/alice@example.com", "alice@example.com"),
        ("/by/a%2Fb", "a/b"),
        ("/by/a%252Fb", "a%2Fb"),
        ("/by/a+b?x=1", "a+b"),
        ("/by/%F0%9F%90%8D", "🐍"),
    ],
)
async def test_parameters_are_decoded_once(ask: Ask, path: str, value: str) -> None:
    router = Router()
    router.route("/by/:email")(lambda email: Response(email))

    assert await (await ask(router, path)).text() == value


@given(st.text(st.characters(exclude_categories=("Cs",)), min_size=1))
def test_any_text_reaches_the_handler_as_it_was_before_quoting(text: str) -> None:
    router = Router()
    seen: list[str] = []

    @router.route("/by/:name/x")
    def get(name: str) -> Response:
        seen.append(name)
        return Response(None)

    # Dot segments are resolved by clients, quoted or not.
    value = f"{text}~" if text in (".", "..") else text
    asyncio.run(router.handle(Request(f"https://shop.example/by/{quote(value, safe='')}/x")))

    assert seen == [value]


@pytest.mark.parametrize("path", ["/by/%", "/by/%zz", "/%C3", "/\udcff", "/unknown/%2"])
@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS", "PUT"])
async def test_a_malformed_escape_is_400(ask: Ask, path: str, method: str) -> None:
    router = Router()
    router.route("/by/:email")(lambda email: Response(email))

    assert (await ask(router, path, method, raw=True)).status == 400


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS", "PUT", "PROPFIND"])
@pytest.mark.parametrize("path", ["/", "/customer", "/customer/", "/customer/1/2", "/Customer/1"])
async def test_an_unknown_path_is_404(ask: Ask, path: str, method: str) -> None:
    router = Router()
    router.route("/customer/:id")(lambda id: Response(id))

    response = await ask(router, path, method)

    assert (response.status, response.headers.get("allow")) == (404, None)


@pytest.mark.parametrize("method", ["DELETE", "HEAD", "PROPFIND", "get"])
async def test_another_method_is_405_with_what_is_allowed(ask: Ask, method: str) -> None:
    router = Router()
    router.route("/a", methods=["PUT", "POST"])(lambda: Response("put"))

    response = await ask(router, "/a", method, raw=True)

    assert response.status == 405
    assert response.headers["allow"] == "OPTIONS, POST, PUT"
    assert await response.text() == "Method Not Allowed\n"


async def test_allow_lists_head_where_there_is_get(ask: Ask) -> None:
    router = Router()
    router.route("/a", methods=["PUT", "GET"])(lambda: Response("put"))

    response = await ask(router, "/a", "DELETE")

    assert response.headers["allow"] == "GET, HEAD, OPTIONS, PUT"


async def test_the_path_chooses_the_route_before_the_method_does(ask: Ask) -> None:
    router = Router()
    router.route("/customer/:id", methods=["PUT"])(lambda: Response("one"))
    router.route("/customer/me")(lambda: Response("me"))

    assert (await ask(router, "/customer/me", "PUT")).status == 405


async def test_options_is_answered_with_what_is_allowed(ask: Ask) -> None:
    router = Router()
    router.route("/a/:id")(lambda: Response("a"))

    response = await ask(router, "/a/1", "OPTIONS")

    assert (response.status, response.body) == (204, None)
    assert response.headers["allow"] == "GET, HEAD, OPTIONS"


async def test_a_handler_of_options_wins(ask: Ask) -> None:
    router = Router()
    router.route("/a", methods=["OPTIONS"])(lambda: Response("mine"))

    assert await (await ask(router, "/a", "OPTIONS")).text() == "mine"
    assert (await ask(router, "/a")).headers["allow"] == "OPTIONS"


async def test_head_is_get_without_its_body(ask: Ask) -> None:
    router = Router()

    @router.route("/a")
    def get(request: Request) -> Response:
        return Response(f"{request.method}", 203, headers={"X-A": "b", "Content-Length": "4"})

    response = await ask(router, "/a", "HEAD")

    assert (response.status, response.body) == (203, None)
    assert response.headers["x-a"] == "b"
    assert response.headers["content-length"] == "4"
    assert response.headers["content-type"] == "text/plain;charset=UTF-8"
    assert await (await ask(router, "/a")).text() == "GET"


async def test_head_closes_a_stream_unread(ask: Ask) -> None:
    router = Router()
    events: list[str] = []

    class Chunks:
        def __aiter__(self) -> AsyncIterator[bytes]:
            return self

        async def __anext__(self) -> bytes:
            events.append("read")
            return b"x"

        async def aclose(self) -> None:
            events.append("closed")

    router.route("/a")(lambda: Response(Chunks(), headers={"Content-Type": "text/x"}))

    response = await ask(router, "/a", "HEAD")

    assert (response.body, response.headers["content-type"]) == (None, "text/x")
    assert events == ["closed"]


async def test_head_of_a_response_without_a_body_is_that_response(ask: Ask) -> None:
    router = Router()
    empty = Response(None, status=204)
    router.route("/a")(lambda: empty)

    assert await ask(router, "/a", "HEAD") is empty


async def test_head_of_a_response_that_was_read_has_no_body_either(ask: Ask) -> None:
    router = Router()

    @router.route("/a")
    async def get() -> Response:
        response = Response("read", headers={"X-A": "b"})
        await response.text()
        return response

    response = await ask(router, "/a", "HEAD")

    assert (response.body, response.headers["x-a"]) == (None, "b")


class LockedResponse(Response):
    """A response as Cloudflare has it after its body was read."""

    @property
    def body(self):
        return self

    @property
    def body_used(self) -> bool:
        return True

    async def cancel(self) -> None:
        raise TypeError("the stream is locked")


async def test_head_does_not_cancel_a_body_that_is_locked(ask: Ask) -> None:
    router = Router()
    router.route("/a")(lambda: LockedResponse("read"))

    assert (await ask(router, "/a", "HEAD")).body is None


async def test_a_handler_of_head_wins(ask: Ask) -> None:
    router = Router()
    router.route("/a")(lambda: Response("get"))
    router.route("/a", methods=["HEAD"])(lambda: Response(None, headers={"X-By": "head"}))

    assert (await ask(router, "/a", "HEAD")).headers["x-by"] == "head"


async def test_functions_can_share_a_path(ask: Ask) -> None:
    router = Router()
    router.route("/a/:id")(lambda id: Response(f"get {id}"))
    router.route("/a/:id", methods=["put", "POST"])(lambda id: Response(f"put {id}"))

    assert await (await ask(router, "/a/1")).text() == "get 1"
    assert await (await ask(router, "/a/1", "PUT")).text() == "put 1"
    assert (await ask(router, "/a/1", "DELETE")).headers["allow"] == "GET, HEAD, OPTIONS, POST, PUT"


def one() -> Response:
    return Response("one")


def two() -> Response:
    return Response("two")


def three() -> Response:
    return Response("three")


def test_functions_that_answer_one_method_are_refused_naming_both() -> None:
    router = Router()
    router.route("/a")(one)
    router.route("/a", methods=["PUT", "POST"])(two)

    with pytest.raises(RouteLoadError) as caught:
        router.route("/a/", methods=["PATCH", "PUT"])(three)

    assert str(caught.value) == (
        "test_router.two and test_router.three both answer PUT /a/; only one of them can"
    )


def test_functions_that_share_a_path_write_its_parameters_alike() -> None:
    router = Router()
    router.route("/a/:x")(one)

    with pytest.raises(RouteLoadError) as caught:
        router.route("/a/:y", methods=["PUT"])(two)

    assert str(caught.value) == (
        "test_router.one ('/a/:x') and test_router.two ('/a/:y') have the same path; "
        "only one of them can have it"
    )


def test_a_function_and_a_module_cannot_share_a_path(import_routes) -> None:
    router = Router(import_routes({"a": "path = '/a'\n\ndef put(): ...\n"}))

    with pytest.raises(RouteLoadError, match=r"^routes\.a \('/a'\) and test_router\.one \('/a'\)"):
        router.route("/a")(one)


async def test_the_decorator_returns_the_function(ask: Ask) -> None:
    router = Router()

    decorated = router.route("/a")(router.route("/b")(one))

    assert decorated is one
    assert await (await ask(router, "/a")).text() == await (await ask(router, "/b")).text() == "one"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"path": "a"}, "Router.route: a path is a str that starts with a slash, not 'a'"),
        ({"path": one}, "Router.route: a path is a str that starts with a slash, not <function"),
        (
            {"path": "/a", "methods": "GET"},
            "Router.route: methods of '/a' is a list such as [\"GET\"], not 'GET'",
        ),
        ({"path": "/a", "methods": []}, "Router.route: methods of '/a' is a list such as"),
        ({"path": "/a", "methods": ["GET "]}, "Router.route: 'GET ' for '/a' is no method"),
        ({"path": "/a", "methods": [1]}, "Router.route: 1 for '/a' is no method"),
    ],
)
def test_a_mistake_in_the_decorators_arguments_is_a_load_error_at_once(
    arguments: dict[str, object], message: str
) -> None:
    with pytest.raises(RouteLoadError) as caught:
        Router().route(**arguments)

    assert str(caught.value).startswith(message)


def test_a_function_that_cannot_work_is_a_load_error_naming_it() -> None:
    def get(ident: str) -> Response:
        return Response(ident)

    with pytest.raises(RouteLoadError, match=r"^test_router\..*get takes 'ident', which nothing"):
        Router().route("/:id")(get)


async def test_a_result_that_is_no_response_is_a_type_error_naming_the_function(ask: Ask) -> None:
    def get() -> str:
        return "text"

    router = Router()
    router.route("/")(get)

    with pytest.raises(TypeError, match=r"get must return a workers\.Response, it returned str$"):
        await ask(router, "/")


@pytest.mark.parametrize(
    ("mode", "path", "answer"),
    [
        ("ignore", "/a", (200, None)),
        ("ignore", "/a/", (200, None)),
        ("ignore", "/b", (200, None)),
        ("ignore", "/f", (200, None)),
        ("ignore", "/a//", (404, None)),
        ("strict", "/a", (200, None)),
        ("strict", "/a/", (404, None)),
        ("strict", "/b", (404, None)),
        ("strict", "/b/", (200, None)),
        ("strict", "/f", (404, None)),
        ("strict", "/f/", (200, None)),
        ("redirect", "/", (200, None)),
        ("redirect", "/a", (200, None)),
        ("redirect", "/a/?x=/y/&z", (308, "/a?x=/y/&z")),
        ("redirect", "/b?", (308, "/b/?")),
        ("redirect", "/b/", (200, None)),
        ("redirect", "/c/d%2Fe%20/", (308, "/c/d%2Fe%20")),
        ("redirect", "/f?x", (308, "/f/?x")),
        ("redirect", "/f/", (200, None)),
        ("redirect", "/f/g/", (200, None)),
        ("redirect", "/unknown/", (404, None)),
        ("redirect", "/a//", (404, None)),
    ],
)
@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS", "DELETE"])
async def test_a_slash_at_the_end_is_treated_as_chosen(
    ask: Ask, mode: str, path: str, answer: tuple[int, str | None], method: str
) -> None:
    router = Router(trailing_slash=mode)
    for route in ("/", "/a", "/b/", "/c/:x", "/f/*rest"):
        router.route(route, methods=["GET", "HEAD", "OPTIONS"])(one)

    response = await ask(router, path, method)

    expected = 405 if (answer[0], method) == (200, "DELETE") else answer[0]
    assert (response.status, response.headers.get("location")) == (expected, answer[1])


async def test_a_redirect_cannot_lead_to_another_host(ask: Ask) -> None:
    router = Router(trailing_slash="redirect")
    router.route("/:a")(one)
    router.route("/:a/:b")(one)

    answers = [
        await ask(router, path, raw=True)
        for path in (
            "/\\evil.example/",
            "//evil.example/",
            "/\t/evil.example/",
            "/%5Cevil.example/",
        )
    ]

    assert [(answer.status, answer.headers.get("location")) for answer in answers] == [
        (404, None),
        (404, None),
        (404, None),
        (308, "/%5Cevil.example"),
    ]


def test_another_trailing_slash_is_a_value_error() -> None:
    with pytest.raises(ValueError, match=r'^trailing_slash must be "ignore", .*, not "?\'never'):
        Router(trailing_slash="never")
