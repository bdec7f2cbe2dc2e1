"""The layout of CUSTOMER_KV: which key holds what."""

from collections.abc import Mapping
from typing import Any, Final

from identity import hash_email

__all__ = [
    "INDEX_PREFIX",
    "RECORDS_PREFIX",
    "RECORD_PREFIX",
    "index_key",
    "metadata_of",
    "record_key",
]

RECORD_PREFIX: Final = "customer_"
"""How the key of a record begins; the customer's id follows."""

RECORDS_PREFIX: Final = f"{RECORD_PREFIX}cust_"
"""What to list for all records; beside them, other services have kept other things under it."""

INDEX_PREFIX: Final = "email_to_customer_"
"""How the key begins that holds the id of the customer with an address, whose hash follows."""


def record_key(customer_id: str) -> str:
    """Return where a customer's record stands."""
    return f"{RECORD_PREFIX}{customer_id}"


def index_key(email: str) -> str:
    """Return where the id of the customer with an address stands."""
    return f"{INDEX_PREFIX}{hash_email(email)}"


def metadata_of(customer: Mapping[str, Any]) -> dict[str, Any]:
    """Return the metadata of a customer's record."""
    return {"status": customer.get("status"), "createdAt": customer.get("createdAt")}
