"""The description of the API, for programs."""

from typing import Final

from identity import compact_json
from otp_auth_service.openapi import describe_api
from workers import Response

__all__ = ["get", "path"]

path = "/openapi.json"

_DESCRIPTION: Final = compact_json(describe_api())


def get() -> Response:
    """Answer with it."""
    return Response(_DESCRIPTION, headers={"Content-Type": "application/json"})
