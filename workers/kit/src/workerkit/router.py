"""Router: from a request to the handler of its path and method."""

import re
from collections.abc import Awaitable, Callable, Iterable
from types import ModuleType
from typing import Any, Final, Literal, TypeAlias, TypeVar, get_args

from workerkit.errors import RouteLoadError
from workerkit.handlers import Handler, HandlerFunction, function_name, plan_handler
from workerkit.modules import load_route_modules
from workerkit.patterns import (
    CONTEXT_NAMES,
    decode_segments,
    parse_pattern,
    raw_path,
    with_other_slash,
)
from workerkit.table import Route, RouteTable
from workers import Context, Request, Response

__all__ = ["CallNext", "Middleware", "Router"]

CallNext: TypeAlias = Callable[[Request], Awaitable[Response]]
"""What a middleware awaits, with the request or another one, for what stands inside of it."""

Middleware: TypeAlias = HandlerFunction
"""A function that takes what it names of `request`, `call_next`, `env` and `ctx`."""

_TrailingSlash: TypeAlias = Literal["ignore", "strict", "redirect"]
_F = TypeVar("_F", bound=HandlerFunction)

# What some of them are given beside.
_TAKEN: Final = ("allow", "call_next", "error", "self")
# RFC 9110, 5.6.2.
_TOKEN: Final = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")


class Router:
    """Answers requests by the handlers of its routes.

    Routes are the modules of a package, functions under `route`, or both. Handlers, hooks and
    middleware may be sync or async and take what they name of `request`, `env`, `ctx` and what
    else there is for them. They return a Response; anything else is a TypeError naming them.
    """

    __slots__ = (
        "_bad_path",
        "_context",
        "_error",
        "_method_not_allowed",
        "_middleware",
        "_not_found",
        "_redirects",
        "_table",
    )

    def __init__(
        self,
        routes: ModuleType | None = None,
        *,
        context: Iterable[str] = (),
        middleware: Iterable[Middleware] = (),
        not_found: HandlerFunction | None = None,
        bad_path: HandlerFunction | None = None,
        method_not_allowed: HandlerFunction | None = None,
        error: HandlerFunction | None = None,
        trailing_slash: _TrailingSlash = "ignore",
    ) -> None:
        """Load the modules of the package `routes`, and check everything that can be checked.

        `context` names what `handle` is given beside `request`, `env` and `ctx`, for all to take.
        `middleware` runs around routes and hooks alike, the first one outermost; each may also
        take `call_next`. `not_found` answers an unknown path, `bad_path` a malformed escape,
        `method_not_allowed` (which may also take `allow`, the header's value) another method.
        `error` stands outermost and may also take `error`, an Exception that anything inside
        raised; without it the exception leaves `handle`. With `trailing_slash` "ignore" a slash
        at a path's end means nothing, with "strict" it makes another path, with "redirect" a
        request is sent on to the path as its route writes it.

        Raises RouteLoadError for a route, a hook or a middleware that cannot work, ValueError for
        another `trailing_slash`.
        """
        if trailing_slash not in get_args(_TrailingSlash):
            raise ValueError(
                f'trailing_slash must be "ignore", "strict" or "redirect", not {trailing_slash!r}'
            )
        self._context = (*CONTEXT_NAMES, *_checked_names(context))
        self._redirects = trailing_slash == "redirect"
        self._table = RouteTable(strict=trailing_slash == "strict")
        plan = self._plan
        self._middleware = [plan("middleware", function, "call_next") for function in middleware]
        self._not_found = plan("not_found hook", not_found or _answer_not_found)
        self._bad_path = plan("bad_path hook", bad_path or _answer_bad_path)
        self._method_not_allowed = plan(
            "method_not_allowed hook", method_not_allowed or _answer_method_not_allowed, "allow"
        )
        self._error = None if error is None else plan("error hook", error, "error")
        if routes is not None:
            for route in load_route_modules(routes, self._context):
                self._table.add(route)

    def route(self, path: str, *, methods: Iterable[str] = ("GET",)) -> Callable[[_F], _F]:
        """Return a decorator that makes a function the handler of `path` for `methods`.

        HEAD and OPTIONS are answered as for a module. Functions can share a path when each answers
        other methods. Raises RouteLoadError for a route that cannot work.
        """
        pattern = parse_pattern(path, "Router.route", self._context)
        names = _method_names(methods, path)

        def add(function: _F) -> _F:
            owner = function_name(function)
            handler = plan_handler(function, owner, (*self._context, *pattern.params))
            self._table.add(
                Route(
                    pattern=pattern,
                    owner=owner,
                    handlers=dict.fromkeys(names, handler),
                    is_open=True,
                )
            )
            return function

        return add

    async def handle(
        self, request: Request, env: Any = None, ctx: Context | None = None, **more: object
    ) -> Response:
        """Answer a request; the rest is for the handlers that name it.

        Raises TypeError unless `more` is exactly what the router's `context` names.
        """
        context = {"request": request, "env": env, "ctx": ctx, **more}
        if len(context) != len(self._context) or not all(map(context.__contains__, self._context)):
            wanted = ", ".join(self._context[len(CONTEXT_NAMES) :]) or "nothing"
            given = ", ".join(more) or "nothing"
            raise TypeError(f"Router.handle takes {wanted} beside env and ctx, but got {given}")
        try:
            return await (self._run(context, 0) if self._middleware else self._dispatch(context))
        except Exception as error:
            if self._error is None:
                raise
            return await self._error.call({**context, "error": error})

    def _plan(self, kind: str, function: HandlerFunction, *extra: str) -> Handler:
        return plan_handler(function, f"{kind} {function_name(function)}", (*self._context, *extra))

    async def _run(self, context: dict[str, Any], index: int) -> Response:
        """Run the middleware from `index` on, and what is inside of it."""
        if index == len(self._middleware):
            return await self._dispatch(context)

        async def call_next(request: Request) -> Response:
            return await self._run({**context, "request": request}, index + 1)

        return await self._middleware[index].call({**context, "call_next": call_next})

    async def _dispatch(self, context: dict[str, Any]) -> Response:
        request: Request = context["request"]
        url = request.url
        try:
            segments = decode_segments(raw_path(url))
        except ValueError:
            return await self._bad_path.call(context)
        route = self._table.find(segments)
        if route is None:
            return await self._not_found.call(context)
        if self._redirects and route.pattern.differs_in_slash(segments):
            return Response(None, status=308, headers={"Location": with_other_slash(url)})
        values = {**context, **route.pattern.values(segments)}
        handler = route.handlers.get(request.method)
        if handler is not None:
            return await handler.call(values)
        if request.method == "HEAD" and "GET" in route.handlers:
            return await _without_body(await route.handlers["GET"].call(values))
        if request.method == "OPTIONS":
            return Response(None, status=204, headers={"Allow": route.allow})
        return await self._method_not_allowed.call({**context, "allow": route.allow})


def _checked_names(names: Iterable[str]) -> Iterable[str]:
    listed = [names] if isinstance(names, str) else list(names)
    for name in listed:
        if not name.isidentifier() or name in (*CONTEXT_NAMES, *_TAKEN) or listed.count(name) > 1:
            raise RouteLoadError(f"Router: {name!r} in context is no name for an argument")
    return listed


def _method_names(methods: Iterable[str], path: str) -> list[str]:
    names = [] if isinstance(methods, str) else list(methods)
    if not names:
        raise RouteLoadError(
            f'Router.route: methods of {path!r} is a list such as ["GET"], not {methods!r}'
        )
    for name in names:
        if not isinstance(name, str) or not _TOKEN.fullmatch(name):
            raise RouteLoadError(f"Router.route: {name!r} for {path!r} is no method")
    return [name.upper() for name in names]


async def _without_body(response: Response) -> Response:
    body = response.body
    if body is None:
        return response
    # What a generator holds open must not wait for the garbage collector. A body that was read has
    # nothing to close, and on Cloudflare is locked: it could not be cancelled.
    if not response.body_used:
        await body.cancel()
    return response.replace_body(None)


def _answer_not_found() -> Response:
    return Response("Not Found\n", status=404)


def _answer_bad_path() -> Response:
    return Response("Bad Request: malformed escape in the path\n", status=400)


def _answer_method_not_allowed(allow: str) -> Response:
    return Response("Method Not Allowed\n", status=405, headers={"Allow": allow})
