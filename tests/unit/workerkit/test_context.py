import pytest

from workerkit import RouteLoadError, Router
from workers import Request, Response

URL = "https://shop.example/orders/7"


async def test_handlers_hooks_and_middleware_take_what_handle_is_given() -> None:
    seen = []

    async def log(request, call_next, caller):
        seen.append(caller)
        return await call_next(request)

    def answer_404(caller):
        return Response(f"{caller}?", status=404)

    router = Router(context=["caller"], middleware=[log], not_found=answer_404)

    @router.route("/orders/:number")
    def order(number, caller):
        return Response(f"{number} of {caller}")

    found = await router.handle(Request(URL), caller="alice")
    missing = await router.handle(Request("https://shop.example/x"), caller="bob")

    assert await found.text() == "7 of alice"
    assert await missing.text() == "bob?"
    assert seen == ["alice", "bob"]


async def test_modules_take_it_too(import_routes, ask) -> None:
    module = 'path = "/orders/:number"\n\ndef get(caller, number):\n    return caller(number)\n'
    router = Router(import_routes({"order": module}), context=["caller"])

    response = await router.handle(Request(URL), caller=lambda number: Response(number))

    assert await response.text() == "7"


@pytest.mark.parametrize(
    ("context", "given", "message"),
    [
        (["caller"], {}, "takes caller beside env and ctx, but got nothing"),
        ([], {"caller": 1}, "takes nothing beside env and ctx, but got caller"),
        (["a", "b"], {"a": 1, "c": 2}, "takes a, b beside env and ctx, but got a, c"),
    ],
)
async def test_what_is_given_is_what_was_named(context, given, message: str) -> None:
    with pytest.raises(TypeError, match=message):
        await Router(context=context).handle(Request(URL), **given)


@pytest.mark.parametrize(
    "context", [["request"], ["error"], ["self"], ["not a name"], ["a", "a"], "a b"]
)
def test_a_name_that_cannot_be_given_is_refused(context) -> None:
    with pytest.raises(RouteLoadError, match="in context is no name for an argument"):
        Router(context=context)


def test_a_parameter_of_a_path_cannot_have_the_name() -> None:
    router = Router(context=["caller"])

    with pytest.raises(RouteLoadError, match="other than request, env, ctx, caller"):
        router.route("/:caller")
