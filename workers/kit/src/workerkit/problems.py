"""Problem details: errors as RFC 9457 has them, to be raised anywhere in a worker."""

import json
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, ClassVar, Final

from workerkit.errors import KitError
from workers import Response

__all__ = ["PROBLEM_TYPE", "Problem"]

PROBLEM_TYPE: Final = "application/problem+json"
"""The content type of a problem."""

_SECTIONS: Final[Mapping[int, str]] = {
    400: "https://tools.ietf.org/html/rfc7231#section-6.5.1",
    401: "https://tools.ietf.org/html/rfc7235#section-3.1",
    403: "https://tools.ietf.org/html/rfc7231#section-6.5.3",
    404: "https://tools.ietf.org/html/rfc7231#section-6.5.4",
    405: "https://tools.ietf.org/html/rfc7231#section-6.5.5",
    409: "https://tools.ietf.org/html/rfc7231#section-6.5.8",
    413: "https://tools.ietf.org/html/rfc7231#section-6.5.11",
    429: "https://tools.ietf.org/html/rfc6585#section-4",
}
_SERVER_ERROR: Final = "https://tools.ietf.org/html/rfc7231#section-6.6.1"
_UNTYPED: Final = "about:blank"


class Problem(KitError):
    """An answer other than success; `response` makes it one.

    `members` are what it says beside the standard ones: `Problem(404, "No such customer",
    code="customer_not_found")`.
    """

    code: ClassVar[str] = "problem"

    def __init__(
        self,
        status: int,
        detail: str,
        *,
        title: str | None = None,
        headers: Mapping[str, str] | None = None,
        **members: Any,
    ) -> None:
        """Take what the client is told; `title` is the status's standard phrase unless given.

        Raises ValueError for a status that is not one of 400 to 599.
        """
        if not 400 <= status <= 599:
            raise ValueError(f"a problem has a status of 400 to 599, not {status}")
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.title = HTTPStatus(status).phrase if title is None else title
        self.headers = dict(headers or {})
        self.members = members

    def body(self, instance: str) -> dict[str, Any]:
        """Return the members in their order; `instance` is the path that it is about."""
        default = _SERVER_ERROR if self.status >= 500 else _UNTYPED
        return {
            "type": _SECTIONS.get(self.status, default),
            "title": self.title,
            "status": self.status,
            "detail": self.detail,
            "instance": instance,
            **self.members,
        }

    def response(self, instance: str) -> Response:
        """Return the problem as a response."""
        text = json.dumps(self.body(instance), ensure_ascii=False, separators=(",", ":"))
        headers = {**self.headers, "Content-Type": PROBLEM_TYPE}
        return Response(text, status=self.status, headers=headers)
