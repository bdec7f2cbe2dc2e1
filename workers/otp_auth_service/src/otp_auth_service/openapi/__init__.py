"""The description of the API that `/openapi.json` answers (OpenAPI 3.1)."""

from otp_auth_service.openapi.document import describe_api

__all__ = ["describe_api"]
