"""What a customer's fields may hold, and who may set them."""

import re
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Annotated, Any, Final, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from customer_api.refusals import FieldError, body_is_invalid, fields_are_fixed
from identity import compact_json, is_email, normalise_email

__all__ = [
    "MAX_NAME_LENGTH",
    "OWNER_FIELDS",
    "SERVICE_FIELDS",
    "check_settable",
    "is_customer_id",
    "merged_fields",
    "parse_changes",
    "parse_new_customer",
]

OWNER_FIELDS: Final = frozenset({"companyName", "config", "displayName", "name"})
"""What customers may set of their own record."""

SERVICE_FIELDS: Final = OWNER_FIELDS | {
    "features",
    "flairs",
    "plan",
    "status",
    "subscriptions",
    "tier",
}
"""What services may set of every record."""

MAX_NAME_LENGTH: Final = 100
"""The longest name of a person or a company, in characters."""

_FIXED: Final = frozenset({"createdAt", "customerId", "email", "updatedAt"})
# Objects whose members are changed one by one, and the room that they have together.
_MERGED: Final = ("config", "features")
_MAX_MERGED_BYTES: Final = 16 * 1024

_CUSTOMER_ID: Final = re.compile(r"cust_[0-9a-f]{12}")
_PLAIN_NAME: Final = re.compile(r"[A-Za-z0-9_.$-]{1,64}")
_INVALID: Final = "The body has fields that are not valid"
_NO_EMAIL: Final = "Email is required"


def is_customer_id(text: str) -> bool:
    """Tell whether a customer can have this id."""
    return _CUSTOMER_ID.fullmatch(text) is not None


def _checked_id(text: str) -> str:
    if not is_customer_id(text):
        raise ValueError("must be cust_ and 12 digits of lower-case hexadecimal")
    return text


def _checked_email(text: str) -> str:
    email = normalise_email(text)
    if not email:
        raise ValueError(_NO_EMAIL)
    if not is_email(email):
        raise ValueError("must be an e-mail address of up to 254 characters")
    return email


def _checked_time(text: str) -> str:
    try:
        datetime.fromisoformat(text)
    except ValueError:
        raise ValueError("must be a date or time as ISO 8601 has it") from None
    return text


_Name = Annotated[str, Field(max_length=MAX_NAME_LENGTH)]
_Key = Annotated[str, Field(min_length=1, max_length=100)]
_Time = Annotated[str, Field(max_length=40), AfterValidator(_checked_time)]


class _Checked(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid", hide_input_in_errors=True)


class _Subscription(_Checked):
    planId: _Key
    status: Literal["active", "cancelled", "expired", "pending"]
    startDate: _Time
    endDate: _Time | None
    renewalDate: _Time = ""
    cancelledAt: _Time = ""
    planName: str = ""
    billingCycle: Literal["monthly", "yearly", "lifetime"] = "monthly"


class _Flair(_Checked):
    flairId: _Key
    name: str
    icon: str = ""
    description: str = ""
    earnedAt: _Time
    category: str = ""


class _Changes(_Checked):
    name: _Name = ""
    companyName: _Name = ""
    displayName: Annotated[str, Field(min_length=3, max_length=32)] = ""
    tier: Literal["free", "basic", "premium", "enterprise"] = "free"
    plan: Literal["free", "starter", "pro", "enterprise"] = "free"
    status: Literal["active", "suspended", "cancelled", "pending_verification"] = "active"
    subscriptions: Annotated[list[_Subscription], Field(max_length=50)] = []
    flairs: Annotated[list[_Flair], Field(max_length=100)] = []
    config: dict[str, Any] = {}
    features: dict[str, Any] = {}


class _NewCustomer(_Changes):
    customerId: Annotated[str, AfterValidator(_checked_id)] = ""
    email: Annotated[str, AfterValidator(_checked_email)]


def check_settable(body: Mapping[str, Any], settable: frozenset[str]) -> None:
    """Raise Problem 403, naming them, for known fields in `body` that are not `settable`."""
    fixed = sorted((SERVICE_FIELDS | _FIXED) & body.keys() - settable)
    if fixed:
        raise fields_are_fixed(fixed)


def parse_changes(body: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields of an update; raise Problem 400, with every fault, where one is wrong."""
    return _parse(_Changes, body)


def parse_new_customer(body: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields of a new customer, the e-mail in its normal form.

    Raises Problem 400, with every fault, where one is wrong.
    """
    if body.get("email") is None:
        # Null is no address either.
        body = {**body, "email": ""}
    fields = _parse(_NewCustomer, body)
    _check_room(fields)
    return fields


def merged_fields(current: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """Return what `current` becomes by `changes`; `config` and `features` keep other members.

    Raises Problem 400 where these two grow too large together.
    """
    fields = {**current, **changes}
    for name in _MERGED:
        before, after = current.get(name), changes.get(name)
        if isinstance(before, dict) and after is not None:
            fields[name] = {**before, **after}
    if any(name in changes for name in _MERGED):
        _check_room(fields)
    return fields


def _parse(model: type[_Changes], body: Mapping[str, Any]) -> dict[str, Any]:
    try:
        return model.model_validate(body).model_dump(exclude_unset=True)
    except ValidationError as error:
        faults = [_field_error(fault) for fault in error.errors(include_input=False)]
    missing = any(fault["message"] == _NO_EMAIL for fault in faults)
    raise body_is_invalid(_NO_EMAIL if missing else _INVALID, faults)


def _check_room(fields: Mapping[str, Any]) -> None:
    used = [name for name in _MERGED if name in fields]
    size = sum(len(compact_json(fields[name]).encode()) for name in used)
    if size > _MAX_MERGED_BYTES:
        message = f"must have at most {_MAX_MERGED_BYTES} bytes of JSON together"
        raise body_is_invalid(_INVALID, [FieldError(field=name, message=message) for name in used])


def _field_error(fault: Mapping[str, Any]) -> FieldError:
    return FieldError(field=_shown(fault["loc"]), message=_message(fault))


def _shown(place: Iterable[str | int]) -> str:
    # Names of unknown fields are the client's, and may be anything.
    return ".".join(part if _PLAIN_NAME.fullmatch(part) else "?" for part in map(str, place))


def _message(fault: Mapping[str, Any]) -> str:
    context = fault.get("ctx", {})
    match fault["type"]:
        case "missing":
            return "is required"
        case "extra_forbidden":
            return "is not a field that there is"
        case "string_type":
            return "must be a text"
        case "string_too_short":
            return f"must have at least {context['min_length']} characters"
        case "string_too_long":
            return f"must have at most {context['max_length']} characters"
        case "literal_error":
            return f"must be one of {context['expected']}".replace("'", "")
        case "list_type":
            return "must be a list"
        case "too_long":
            return f"must have at most {context['max_length']} items"
        case "dict_type" | "model_type":
            return "must be an object"
    # What a check of ours has raised.
    return str(context.get("error", "is not valid"))
