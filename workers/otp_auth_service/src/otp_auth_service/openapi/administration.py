"""The admin API."""

from typing import Final

from otp_auth_service.openapi.parts import INTEGER, TEXT, Operation, Schema, either, ref

__all__ = ["ADMINISTRATION"]

_TAG: Final = "Administration"
_TOKEN: Final = ("token",)
_ALWAYS: Final = (401, 403, 500, 503)
_ABOUT_SOMETHING: Final = (*_ALWAYS, 404)
_WITH_QUERY: Final = (*_ABOUT_SOMETHING, 400)
_WITH_BODY: Final = (*_WITH_QUERY, 413)

# A form that was left empty sends an empty text.
_DATE: Final = either({"type": "string", "format": "date"}, {"const": ""})
_TENANT: Final = {"customerId": TEXT}
_PERIOD: Final = {"startDate": _DATE, "endDate": _DATE, **_TENANT}
_API_KEYS: Final = "/admin/customers/{customerId}/api-keys"


def _operation(
    method: str,
    path: str,
    summary: str,
    answer: str,
    plain: tuple[int, ...],
    *,
    body: Schema | None = None,
    query: dict[str, Schema] | None = None,
) -> Operation:
    return Operation(
        method=method,
        path=path,
        tag=_TAG,
        summary=summary,
        who=_TOKEN,
        answer=ref(answer),
        plain=plain,
        body=body,
        query=query or {},
        may_encrypt=True,
    )


ADMINISTRATION: Final = (
    _operation("get", _API_KEYS, "A tenant's API keys", "ApiKeys", _ABOUT_SOMETHING),
    _operation(
        "post",
        _API_KEYS,
        "Make an API key; it is shown this once",
        "NewApiKey",
        _WITH_BODY,
        body=ref("ApiKeyBody"),
    ),
    _operation(
        "delete",
        f"{_API_KEYS}/{{keyId}}",
        "Revoke an API key",
        "Done",
        _ABOUT_SOMETHING,
    ),
    _operation(
        "post",
        f"{_API_KEYS}/{{keyId}}/rotate",
        "Make another API key; the old one works 7 more days",
        "RotatedApiKey",
        _ABOUT_SOMETHING,
    ),
    _operation(
        "get",
        "/admin/audit-logs",
        "What has happened, newest first; up to 1000 events are shown",
        "AuditLog",
        _WITH_QUERY,
        query={**_PERIOD, "eventType": TEXT},
    ),
    _operation(
        "get",
        "/admin/analytics",
        "Counters of today, of a period, and of each of its days",
        "Analytics",
        _WITH_QUERY,
        query=_PERIOD,
    ),
    _operation(
        "get",
        "/admin/analytics/realtime",
        "Users active within 15 minutes, and what was done within the last one",
        "Realtime",
        _ABOUT_SOMETHING,
        query=_TENANT,
    ),
    _operation(
        "get",
        "/admin/analytics/errors",
        "Errors that users have met; the latest 100 are shown",
        "Errors",
        _WITH_QUERY,
        query=_PERIOD,
    ),
    _operation(
        "get", "/admin/config", "A tenant's own settings", "Config", _WITH_QUERY, query=_TENANT
    ),
    _operation(
        "put",
        "/admin/config",
        "Change members of a tenant's settings; null is the default",
        "Config",
        (*_WITH_BODY, 409),
        body=ref("ConfigBody"),
        query=_TENANT,
    ),
    _operation(
        "get",
        "/admin/customers",
        "All customers, for super admins",
        "Customers",
        (*_ALWAYS, 400),
        query={"limit": {**INTEGER, "minimum": 1, "maximum": 1000}, "cursor": TEXT},
    ),
    _operation(
        "post",
        "/admin/customers/{customerId}/suspend",
        "Keep a customer out, for super admins",
        "CustomerStatus",
        _ABOUT_SOMETHING,
    ),
    _operation(
        "post",
        "/admin/customers/{customerId}/activate",
        "Let a customer in again, for super admins",
        "CustomerStatus",
        _ABOUT_SOMETHING,
    ),
    _operation(
        "get",
        "/admin/users/{userId}/export",
        "All that is held on a user",
        "PersonalData",
        _ABOUT_SOMETHING,
        query=_TENANT,
    ),
    _operation(
        "delete",
        "/admin/users/{userId}",
        "Erase all that is held on a user",
        "Erasure",
        _ABOUT_SOMETHING,
        query=_TENANT,
    ),
)
"""Every operation of the admin API; its errors are plain."""
