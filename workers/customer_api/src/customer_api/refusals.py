"""What the worker refuses, each in its words."""

from collections.abc import Iterable, Mapping
from typing import Final, TypedDict

from workerkit import Problem

__all__ = [
    "FieldError",
    "body_is_invalid",
    "caller_is_unknown",
    "customer_is_blocked",
    "customer_is_contended",
    "customer_is_somebody_elses",
    "customer_not_found",
    "email_is_taken",
    "endpoint_not_found",
    "fields_are_fixed",
    "id_is_taken",
    "method_is_not_allowed",
    "not_ready",
    "path_is_malformed",
    "query_is_invalid",
    "secret_is_missing",
    "server_failed",
    "service_key_is_needed",
    "token_cannot_be_checked",
]

_INTERNAL: Final = "An internal server error occurred"
_CONFIGURATION: Final = "Server Configuration Error"


class FieldError(TypedDict):
    """What is wrong with one field of a body or of a query; its value is not repeated."""

    field: str
    message: str


def path_is_malformed() -> Problem:
    """Refuse a path with an escape that is none, or that is no UTF-8."""
    return Problem(400, "The path has a malformed percent escape")


def body_is_invalid(detail: str, errors: Iterable[FieldError] = ()) -> Problem:
    """Refuse a body; `errors` has every fault of its fields."""
    errors = list(errors)
    return Problem(400, detail, errors=errors) if errors else Problem(400, detail)


def query_is_invalid(field: str, message: str) -> Problem:
    """Refuse a parameter of the query."""
    return Problem(400, "The query is not valid", errors=[FieldError(field=field, message=message)])


def caller_is_unknown() -> Problem:
    """Refuse a request without a valid token or key; why it is not valid is nobody's business."""
    return Problem(
        401,
        "Authentication required. Please provide a valid JWT token or service key.",
        headers={"WWW-Authenticate": "Bearer"},
    )


def service_key_is_needed() -> Problem:
    """Refuse a token where only services may call."""
    return Problem(403, "A service key is needed for this")


def customer_is_somebody_elses() -> Problem:
    """Refuse a token for the record of another customer."""
    return Problem(403, "This customer is not yours")


def customer_is_blocked(status: str) -> Problem:
    """Refuse a change by a customer who may only read."""
    return Problem(403, f"This customer is {status} and cannot be changed")


def fields_are_fixed(names: Iterable[str]) -> Problem:
    """Refuse fields that the caller may not set."""
    names = list(names)
    return Problem(
        403,
        f"You may not set {', '.join(names)}",
        errors=[FieldError(field=name, message="may not be set by you") for name in names],
    )


def endpoint_not_found() -> Problem:
    """Refuse a path that is none of the API's."""
    return Problem(404, "The requested endpoint was not found", code="endpoint_not_found")


def customer_not_found() -> Problem:
    """Say that there is no such customer."""
    return Problem(404, "Customer not found", code="customer_not_found")


def method_is_not_allowed(allow: str) -> Problem:
    """Refuse a method on a path that has others; `allow` lists them."""
    return Problem(405, f"This path answers {allow}", headers={"Allow": allow})


def email_is_taken() -> Problem:
    """Refuse a second customer with one e-mail address."""
    return Problem(409, "Customer with this email already exists")


def id_is_taken() -> Problem:
    """Refuse a second customer with one id."""
    return Problem(409, "Customer with this customerId already exists")


def secret_is_missing(name: str) -> Problem:
    """Say that the worker is not set up."""
    return Problem(500, f"The secret {name} is not set", title=_CONFIGURATION)


def server_failed(reason: str | None) -> Problem:
    """Say that something failed; `reason` is for developers only, None keeps it."""
    return Problem(500, _INTERNAL if reason is None else reason)


def token_cannot_be_checked() -> Problem:
    """Say that it is not known whether a token has been revoked."""
    return Problem(
        503, "The token cannot be checked at the moment; try again", headers={"Retry-After": "5"}
    )


def customer_is_contended() -> Problem:
    """Say that a change could not be kept, since others kept changing the record."""
    return Problem(
        503, "The customer is being changed by others; try again", headers={"Retry-After": "1"}
    )


def not_ready(checks: Mapping[str, str]) -> Problem:
    """Say that the worker cannot work; `checks` tells of each what it is, `ok` or a reason."""
    failed = ", ".join(f"{name} {result}" for name, result in checks.items() if result != "ok")
    return Problem(503, f"Not ready: {failed}", checks=dict(checks))
