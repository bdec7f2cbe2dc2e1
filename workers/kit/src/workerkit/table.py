"""The table of routes: finds the one that fits a path, in time that the path alone decides."""

from collections.abc import Sequence
from dataclasses import dataclass

from workerkit.errors import RouteLoadError
from workerkit.handlers import Handler
from workerkit.patterns import Pattern

__all__ = ["Route", "RouteTable"]


@dataclass(kw_only=True, slots=True)
class Route:
    """A path and what answers it, by method in upper case.

    `owner` names who defined it in messages. A route that `is_open` can be given more methods.
    """

    pattern: Pattern
    owner: str
    handlers: dict[str, Handler]
    is_open: bool

    @property
    def allow(self) -> str:
        """The value of the Allow header: every method that is answered, sorted."""
        methods = {*self.handlers, "OPTIONS"}
        if "GET" in methods:
            methods.add("HEAD")
        return ", ".join(sorted(methods))

    def extend(self, other: "Route") -> None:
        """Take over the methods of another route of the same path.

        Raises RouteLoadError, naming both, when either is not open, when their parameters have
        other names, or when both answer one method.
        """
        if not (self.is_open and other.is_open) or self.pattern.params != other.pattern.params:
            raise RouteLoadError(
                f"{self.owner} ({self.pattern.path!r}) and {other.owner} "
                f"({other.pattern.path!r}) have the same path; only one of them can have it"
            )
        for method in sorted(self.handlers.keys() & other.handlers.keys()):
            raise RouteLoadError(
                f"{self.handlers[method].name} and {other.handlers[method].name} both answer "
                f"{method} {other.pattern.path}; only one of them can"
            )
        self.handlers.update(other.handlers)


class RouteTable:
    """Routes by path, as a tree of segments.

    What is written out wins over a parameter, that over the rest of a path, from left to right; a
    branch that leads nowhere is left again. A search looks at each node once at most, and at none
    that does not fit the path so far, however many routes there are.
    """

    __slots__ = ("_root", "_routes", "_strict")

    def __init__(self, *, strict: bool) -> None:
        """Make an empty table; unless `strict`, a slash at the end of a path means nothing."""
        self._strict = strict
        self._root = _Node()
        # By segments with None for each parameter, and whether there is a rest.
        self._routes: dict[tuple[tuple[str | None, ...], bool], Route] = {}

    def add(self, route: Route) -> None:
        """Add a route, or its methods to the one that has its path.

        Raises RouteLoadError as `Route.extend` does.
        """
        segments = route.pattern.segments
        if not self._strict and segments[-1:] == ("",):
            segments = segments[:-1]
        known = self._routes.setdefault((segments, route.pattern.has_rest), route)
        if known is not route:
            known.extend(route)
            return
        node = self._root
        for segment in segments:
            node = node.child(segment)
        if not route.pattern.has_rest:
            node.route = route
            return
        node.rest = route
        if not self._strict and node.route is None:
            # "/files" is "/files/" then, and the rest of that is empty.
            node.route = route

    def find(self, segments: Sequence[str]) -> Route | None:
        """Return the route that fits best the decoded segments of a path, None if none does."""
        end = len(segments)
        if not self._strict and not segments[-1]:
            end -= 1
        return self._root.find(segments, 0, end)


class _Node:
    """What may follow after some segments."""

    __slots__ = ("literals", "param", "rest", "route")

    def __init__(self) -> None:
        self.literals: dict[str, _Node] = {}
        self.param: _Node | None = None
        # The route that ends here, and the one that takes whatever follows.
        self.route: Route | None = None
        self.rest: Route | None = None

    def child(self, segment: str | None) -> "_Node":
        """Return the node behind a segment of a pattern; it is made if need be."""
        if segment is not None:
            return self.literals.setdefault(segment, _Node())
        if self.param is None:
            self.param = _Node()
        return self.param

    def find(self, segments: Sequence[str], depth: int, end: int) -> Route | None:
        """Return what fits best from segment `depth` on; patterns bound the recursion."""
        if depth == end:
            return self.route
        segment = segments[depth]
        child = self.literals.get(segment)
        route = None if child is None else child.find(segments, depth + 1, end)
        if route is None and segment and self.param is not None:
            route = self.param.find(segments, depth + 1, end)
        return self.rest if route is None else route
