"""Handlers: which arguments each wants, decided once when it is loaded."""

import inspect
from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias, cast

from workerkit.errors import RouteLoadError
from workers import FetchResponse, Response

__all__ = ["Handler", "HandlerFunction", "function_name", "plan_handler"]

HandlerFunction: TypeAlias = Callable[..., FetchResponse | Awaitable[FetchResponse]]
"""A route's function, a hook or a middleware, sync or async; its parameters' names say its wish."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Handler:
    """A function and the names of what it takes, positional ones first."""

    function: HandlerFunction
    name: str
    positional: tuple[str, ...]
    keywords: tuple[str, ...]

    async def call(self, values: Mapping[str, Any]) -> Response:
        """Call the function with its share of `values`; raise TypeError if it gives no Response."""
        args = [values[name] for name in self.positional]
        if self.keywords:
            result = self.function(*args, **{name: values[name] for name in self.keywords})
        else:
            result = self.function(*args)
        if not isinstance(result, FetchResponse) and inspect.isawaitable(result):
            result = await result
        if not isinstance(result, FetchResponse):
            raise TypeError(
                f"{self.name} must return a workers.Response, it returned {type(result).__name__}"
            )
        # On Cloudflare, what `fetch` brings is no Response, but can be returned like one.
        return cast(Response, result)


def plan_handler(
    function: object, name: str, offer: Collection[str], optional: Collection[str] = ()
) -> Handler:
    """Find out what `function` takes of what is on `offer`.

    A parameter with a default may also be one of the names in `optional`, and keeps its default.
    Raises RouteLoadError, naming handler and parameter, for any other.
    """
    positional: list[str] = []
    keywords: list[str] = []
    skipped = False
    for parameter in _parameters(function, name):
        if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
            raise RouteLoadError(f"{name} takes {parameter}; name what it needs: {_listed(offer)}")
        if parameter.name not in offer:
            if parameter.name not in optional:
                raise RouteLoadError(
                    f"{name} takes {parameter.name!r}, which nothing gives it; there is "
                    f"{_listed(offer)}"
                )
            if parameter.default is parameter.empty:
                raise RouteLoadError(
                    f"{name} takes {parameter.name!r}, which is not in every path of its module; "
                    "give it a default"
                )
            skipped = True
        elif parameter.kind is parameter.KEYWORD_ONLY:
            keywords.append(parameter.name)
        elif not skipped:
            positional.append(parameter.name)
        elif parameter.kind is parameter.POSITIONAL_ONLY:
            raise RouteLoadError(
                f"{name} takes {parameter.name!r} by position only, after a parameter that is not "
                "in every path of its module; put it first"
            )
        else:
            keywords.append(parameter.name)
    return Handler(
        function=cast(HandlerFunction, function),
        name=name,
        positional=tuple(positional),
        keywords=tuple(keywords),
    )


def function_name(function: object) -> str:
    """Return the name of a function as its author knows it: `module.function`."""
    # Only the last part: a runtime may load a worker's modules under a package of its own.
    module = str(getattr(function, "__module__", None)).rpartition(".")[2]
    return f"{module}.{getattr(function, '__qualname__', type(function).__qualname__)}"


def _parameters(function: object, name: str) -> Collection[inspect.Parameter]:
    if not callable(function):
        raise RouteLoadError(f"{name} must be a function, not {type(function).__name__}")
    try:
        return inspect.signature(function).parameters.values()
    except ValueError:
        raise RouteLoadError(
            f"{name}: the parameters of {function!r} cannot be read; write a function around it"
        ) from None


def _listed(names: Collection[str]) -> str:
    return ", ".join(names)
