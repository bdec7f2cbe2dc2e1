"""The plain form of an error, `{"error": …}`, which clients of the older routes read."""

from collections.abc import Mapping
from typing import Any

from identity import compact_json
from workerkit import Problem
from workers import Response

__all__ = ["Refusal", "json_response", "text_response"]

_NO_STORE = {"Cache-Control": "no-store", "Pragma": "no-cache"}


class Refusal(Exception):
    """An answer other than success on a route whose errors are plain."""

    def __init__(
        self, status: int, error: str, *, headers: Mapping[str, str] | None = None, **members: Any
    ) -> None:
        super().__init__(error)
        self.status = status
        self.headers = headers
        self.body = {"error": error, **members}

    @classmethod
    def of_problem(cls, problem: Problem) -> "Refusal":
        """Return a problem in the plain form."""
        return cls(problem.status, problem.detail, headers=problem.headers, **problem.members)

    def response(self) -> Response:
        """Return it as a response."""
        return json_response(self.body, status=self.status, headers=self.headers)


def json_response(
    data: Any,
    *,
    status: int = 200,
    is_private: bool = False,
    headers: Mapping[str, str] | None = None,
) -> Response:
    """Return compact JSON; what is private is not to be kept by any cache."""
    return text_response(compact_json(data), status=status, is_private=is_private, headers=headers)


def text_response(
    text: str,
    *,
    status: int = 200,
    is_private: bool = False,
    headers: Mapping[str, str] | None = None,
) -> Response:
    """Return what is JSON already."""
    all_headers = {
        "Content-Type": "application/json",
        **(_NO_STORE if is_private else {}),
        **(headers or {}),
    }
    return Response(text, status=status, headers=all_headers)
