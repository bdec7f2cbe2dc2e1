"""The page that a browser finds at the service's address."""

from otp_auth_service.pages import LANDING, page_response
from workers import Response

__all__ = ["get", "path"]

path = "/"


def get() -> Response:
    """Answer with the page."""
    return page_response(LANDING)
