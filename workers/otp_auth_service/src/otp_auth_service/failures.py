"""Which failures a tenant is shown in its analytics, and in which words."""

import re
from typing import Final

__all__ = ["category_of", "endpoint_of", "is_noted"]

_MAX_LENGTH: Final = 100
_NOTED: Final = ("/auth/", "/signup", "/admin/", "/user/")
_ID: Final = re.compile(r"/(?:user|cust|key)_[^/]*")
_CATEGORIES: Final = {
    400: "validation",
    401: "authentication",
    403: "authorization",
    404: "not_found",
    413: "validation",
    429: "rate_limit",
    502: "email",
    503: "unavailable",
}


def is_noted(path: str, status: int) -> bool:
    """Tell whether a failure is one of the service's, not of somebody who tries paths."""
    return path.startswith(_NOTED) and status not in (404, 405)


def endpoint_of(path: str) -> str:
    """Return a path without the ids in it: they name somebody, and no two would be one endpoint.

    Of a path that is longer than any of the service's, where it begins.
    """
    return _ID.sub("/:id", path)[:_MAX_LENGTH]


def category_of(status: int) -> str:
    """Return the category of a failure."""
    return _CATEGORIES.get(status, "server" if status >= 500 else "validation")
