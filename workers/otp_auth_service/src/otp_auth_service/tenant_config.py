"""What a tenant may set: a mistake is refused when it is made, not met by the tenant's users."""

import ipaddress
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from otp_auth_service.mail.templates import check_email_config
from otp_auth_service.refusals import Refusal
from workerkit import Origins

__all__ = ["MAX_LISTED", "check_config"]

MAX_LISTED: Final = 100
"""How many origins, and how many addresses, a tenant may list."""

_Faults = Iterator[tuple[str, str]]


def check_config(config: Mapping[str, Any]) -> None:
    """Raise Refusal 400, with every fault, where a member that the service reads is wrong.

    Null puts a member back to what it is by default. What the service does not read is the
    tenant's own affair.
    """
    faults = [
        {"field": field, "message": message}
        for name, check in _CHECKS.items()
        if config.get(name) is not None
        for field, message in check(name, config[name])
    ]
    if faults:
        words = "; ".join(f"{fault['field']} {fault['message']}" for fault in faults)
        raise Refusal(400, words, errors=faults)


def _check_origins(name: str, value: object) -> _Faults:
    def check(item: str) -> None:
        Origins.parse([item])

    return _check_list(name, value, check, "an origin such as https://shop.example.com")


def _check_networks(name: str, value: object) -> _Faults:
    def check(item: str) -> None:
        ipaddress.ip_network(item, strict=False)

    return _check_list(name, value, check, "an address such as 192.0.2.1 or 192.0.2.0/24")


def _check_list(name: str, value: object, check: Callable[[str], None], wanted: str) -> _Faults:
    if not isinstance(value, list) or len(value) > MAX_LISTED:
        yield name, f"must be a list of up to {MAX_LISTED} texts"
        return
    for index, item in enumerate(value):
        try:
            if not isinstance(item, str):
                raise ValueError
            check(item)
        except ValueError:
            yield f"{name}.{index}", f"must be {wanted}"


def _check_email(name: str, value: object) -> _Faults:
    for field, message in check_email_config(value):
        yield ".".join(filter(None, (name, field))), message


_CHECKS: Final[Mapping[str, Callable[[str, object], _Faults]]] = {
    "allowedOrigins": _check_origins,
    "allowedIPs": _check_networks,
    "emailConfig": _check_email,
}
