"""Which pages may call the service: those of the settings, or of the tenant whose key is used."""

from typing import Final

from otp_auth_service.settings import Settings
from otp_auth_service.tenants import Tenant
from workerkit import Cors, Origins
from workers import Request

__all__ = ["cors_for", "preflight_cors"]

_METHODS: Final = ("GET", "POST", "PUT", "DELETE", "OPTIONS")
_API_KEY: Final = "X-OTP-API-Key"
_HEADERS: Final = (
    *("Content-Type", "Authorization", "X-Service-Key", "X-Requested-With"),
    *(_API_KEY, "X-CSRF-Token", "X-Dashboard-Request", "X-Encrypt-Response"),
)
_EXPOSE: Final = (
    *("X-Encrypted", "Location", "Retry-After", "X-Quota-Limit", "X-Quota-Remaining"),
)


def cors_for(settings: Settings, tenant: Tenant | None) -> Cors:
    """Return what pages may do with a request of that tenant."""
    listed = None if tenant is None else tenant.config.get("allowedOrigins")
    if isinstance(listed, list):
        return _cors(Origins.parse_valid(listed)[0])
    return _cors(settings.origins)


def preflight_cors(settings: Settings, request: Request) -> Cors:
    """Return what is told to a page that asks first.

    It asks without its API key, so the tenant is not known yet. One that wants to send such a key
    may try; whether it can read the answer, the tenant's own list decides.
    """
    asked = request.headers.get("access-control-request-headers", "").lower().split(",")
    if _API_KEY.lower() in map(str.strip, asked):
        return _cors(Origins(any=True))
    return cors_for(settings, None)


def _cors(origins: Origins) -> Cors:
    return Cors(
        origins=origins,
        methods=_METHODS,
        headers=_HEADERS,
        expose_headers=_EXPOSE,
        credentials=True,
    )
