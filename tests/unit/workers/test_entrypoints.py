import pytest

from workers import DurableObject, Response, WorkerEntrypoint, WorkflowEntrypoint, handler


def test_an_entrypoint_has_ctx_and_env() -> None:
    class Default(WorkerEntrypoint):
        async def fetch(self, request: object) -> Response:
            return Response("x")

    ctx, env = object(), object()
    entrypoint = Default(ctx, env)

    assert entrypoint.ctx is ctx
    assert entrypoint.env is env


def test_a_subclass_may_have_an_init_of_its_own() -> None:
    class Default(WorkerEntrypoint):
        def __init__(self, ctx: object, env: object) -> None:
            super().__init__(ctx, env)
            self.count = 1

    assert Default("ctx", "env").count == 1
    assert Default("ctx", "env").env == "env"


@pytest.mark.parametrize(
    ("base", "message"),
    [
        (DurableObject, "Durable Objects come with edgestead 0.3"),
        (WorkflowEntrypoint, "Workflows come with edgestead 0.3"),
    ],
)
def test_what_comes_later_can_be_named_and_extended_but_not_made(base: type, message: str) -> None:
    later = type("Later", (base,), {})

    with pytest.raises(NotImplementedError, match=f"^{message}$"):
        later("ctx", "env")


async def test_handler_leaves_functions_as_they_are() -> None:
    @handler
    async def on_fetch(request: str, env: str) -> str:
        return f"{request} {env}"

    @handler
    def on_scheduled(controller: str) -> str:
        return controller

    assert await on_fetch("request", "env") == "request env"
    assert on_scheduled("controller") == "controller"
    assert on_fetch.__name__ == "on_fetch"
