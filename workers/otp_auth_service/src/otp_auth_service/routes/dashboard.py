"""Where the web page will be."""

from workerkit import Problem
from workers import Response

__all__ = ["get", "path"]

path = "/dashboard/*rest"


def get() -> Response:
    """Say that it is not there."""
    raise Problem(404, "The dashboard is not part of this version", code="dashboard_not_found")
