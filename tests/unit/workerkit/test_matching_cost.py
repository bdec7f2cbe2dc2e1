"""The work of a request must not depend on how many routes there are."""

import sys
import time
from collections.abc import Callable, Coroutine
from types import FrameType
from typing import Any

import pytest

from workerkit import Router
from workers import Request, Response

FEW, MANY = 10, 10_000
PATHS = ["/static/5/page", "/customer/42/orders", "/static/5/nowhere", "/unknown", "/x/y/z"]


def router_of(static_routes: int) -> Router:
    router = Router()

    def answer() -> Response:
        return Response(None)

    router.route("/customer/:id/orders")(answer)
    router.route("/x/*rest")(answer)
    for number in range(static_routes):
        router.route(f"/static/{number}/page")(answer)
        router.route(f"/static-{number}")(answer)
    return router


@pytest.fixture(scope="module")
def routers() -> dict[int, Router]:
    return {count: router_of(count) for count in (FEW, MANY)}


def run(coroutine: Coroutine[Any, Any, Response]) -> None:
    """Run what never waits to its end, without a loop's own work."""
    with pytest.raises(StopIteration):
        coroutine.send(None)


def lines_run(function: Callable[[], None]) -> int:
    count = 0

    def trace(frame: FrameType, event: str, argument: object) -> Any:
        nonlocal count
        count += event == "line" and "workerkit" in frame.f_code.co_filename
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        function()
    finally:
        sys.settrace(before)
    return count


def seconds(function: Callable[[], None]) -> float:
    """Return the least of several timings: what the machine's other work adds is left out."""
    timings = []
    for _ in range(15):
        start = time.perf_counter()
        for _ in range(100):
            function()
        timings.append(time.perf_counter() - start)
    return min(timings)


@pytest.mark.parametrize("path", PATHS)
def test_a_request_runs_as_many_lines_with_many_static_routes(
    routers: dict[int, Router], path: str
) -> None:
    request = Request(f"https://shop.example{path}")
    few, many = routers[FEW], routers[MANY]

    with_few = lines_run(lambda: run(few.handle(request)))
    with_many = lines_run(lambda: run(many.handle(request)))

    assert with_few == with_many > 10


@pytest.mark.parametrize("path", PATHS)
def test_a_request_takes_as_long_with_many_static_routes(
    routers: dict[int, Router], path: str
) -> None:
    """Lines do not show a search in C, such as `in` on a list; time does."""
    request = Request(f"https://shop.example{path}")
    few, many = routers[FEW], routers[MANY]

    ratio = seconds(lambda: run(many.handle(request))) / seconds(lambda: run(few.handle(request)))

    assert ratio < 3
