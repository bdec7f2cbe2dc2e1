"""Customer records in CUSTOMER_KV, changed one at a time."""

import asyncio
import json
import re
import secrets
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final

from customer_api.fields import is_customer_id
from customer_api.layout import (
    RECORD_PREFIX,
    RECORDS_PREFIX,
    index_key,
    metadata_of,
    record_key,
)
from customer_api.refusals import customer_is_contended
from identity import Customer, compact_json, normalise_email
from workerkit import KeyedLocks, KVNamespace

__all__ = [
    "CustomerRecords",
    "EmailTakenError",
    "IdTakenError",
    "InvalidCursorError",
    "Page",
    "new_customer_id",
]

_BULK: Final = 100
_ATTEMPTS: Final = 3
# How KV says that a cursor is none of its own, wherever it runs.
_REFUSED: Final = re.compile(r"\b400\b")


class EmailTakenError(Exception):
    """Another customer has the e-mail address; `customer` is its record where it is known."""

    def __init__(self, customer: Customer | None) -> None:
        super().__init__("another customer has this e-mail address")
        self.customer = customer


class IdTakenError(Exception):
    """Another customer has the id."""


class InvalidCursorError(Exception):
    """A cursor is not one that `page` has given."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """A part of all customers, and the cursor of the next one, None at the end."""

    customers: list[Customer]
    cursor: str | None


def new_customer_id() -> str:
    """Return a random id."""
    return f"cust_{secrets.token_hex(6)}"


class CustomerRecords:
    """The records, and the index of their e-mail addresses.

    A record never stands without its index for longer than a write takes: both are written at once.
    Where they differ all the same, the record counts.
    """

    def __init__(self, kv: KVNamespace, locks: KeyedLocks) -> None:
        """Use the namespace `kv`; all that use it in this worker share `locks`."""
        self._kv = kv
        self._locks = locks

    async def get(self, customer_id: str) -> Customer | None:
        """Return the customer with an id; None where there is none."""
        if not is_customer_id(customer_id):
            return None
        text = await self._kv.get(record_key(customer_id))
        return None if text is None else _parsed(customer_id, text)

    async def get_by_email(self, email: str) -> Customer | None:
        """Return the customer with an address, however it is written; None where there is none."""
        customer_id = await self._kv.get(index_key(email))
        customer = None if customer_id is None else await self.get(customer_id)
        # An index that points to somebody else must not give that record away.
        if customer is None or email_of(customer) != normalise_email(email):
            return None
        return customer

    async def create(self, customer: Customer, *, keep_id: bool) -> Customer:
        """Store a new customer and return it; with another id if its own is taken.

        With `keep_id`, raises IdTakenError instead. Raises EmailTakenError.
        """
        email = str(customer["email"])
        async with self._locks.hold(index_key(email)):
            present = await self.get_by_email(email)
            if present is not None:
                raise EmailTakenError(present)
            while True:
                async with self._locks.hold(record_key(customer["customerId"])):
                    if await self._kv.get(record_key(customer["customerId"])) is None:
                        await self._write_new(customer)
                        return customer
                if keep_id:
                    raise IdTakenError
                customer = {**customer, "customerId": new_customer_id()}

    async def update(
        self, customer_id: str, change: Callable[[Customer], Customer]
    ) -> Customer | None:
        """Store what `change` makes of a customer, and return it; None where there is none.

        Changes of one customer come one after the other. `change` is called again where somebody
        outside of this worker has written in between; what it raises is passed on, and nothing is
        written then. What it returns as it got it is not written either.
        """
        key = record_key(customer_id)
        async with self._locks.hold(key):
            for _ in range(_ATTEMPTS):
                before = await self._kv.get(key)
                if before is None:
                    return None
                current = _parsed(customer_id, before)
                customer = change(current)
                if customer == current:
                    return current
                after = compact_json(customer)
                await self._kv.put(key, after, metadata=metadata_of(customer))
                # A store that is slow to show a write may still show what was there before.
                if await self._kv.get(key) in (after, before, None):
                    return customer
        raise customer_is_contended()

    async def delete(self, customer: Customer, check: Callable[[Customer], None]) -> bool:
        """Remove a customer and the index of its address; tell whether it was still there.

        What `check` raises is passed on, and nothing is removed then.
        """
        customer_id = customer["customerId"]
        async with self._locked(customer):
            current = await self.get(customer_id)
            if current is None:
                return False
            check(current)
            index = index_key(email_of(current))
            # The record first: an index that points to nothing does no harm.
            await self._kv.delete(record_key(customer_id))
            if await self._kv.get(index) == customer_id:
                await self._kv.delete(index)
        return True

    async def page(self, *, limit: int, cursor: str | None) -> Page:
        """Return up to `limit` customers in the order of their ids.

        Raises InvalidCursorError.
        """
        try:
            listed = await self._kv.list(prefix=RECORDS_PREFIX, limit=limit, cursor=cursor)
        except Exception as error:
            if cursor is not None and _REFUSED.search(str(error)):
                raise InvalidCursorError from None
            raise
        ids = [str(key["name"]).removeprefix(RECORD_PREFIX) for key in listed["keys"]]
        ids = [customer_id for customer_id in ids if is_customer_id(customer_id)]
        customers: list[Customer] = []
        for start in range(0, len(ids), _BULK):
            part = ids[start : start + _BULK]
            texts = await self._kv.get([record_key(customer_id) for customer_id in part])
            for customer_id in part:
                text = texts[record_key(customer_id)]
                # One that has been deleted meanwhile is left out.
                if text is not None:
                    customers.append(_parsed(customer_id, text))
        return Page(
            customers=customers, cursor=None if listed["list_complete"] else listed["cursor"]
        )

    @asynccontextmanager
    async def _locked(self, customer: Customer) -> AsyncIterator[None]:
        # Always in this order, so that no two wait for each other.
        async with (
            self._locks.hold(index_key(email_of(customer))),
            self._locks.hold(record_key(customer["customerId"])),
        ):
            yield

    async def _write_new(self, customer: Customer) -> None:
        customer_id, index = customer["customerId"], index_key(customer["email"])
        key = record_key(customer_id)
        # Both at once, so that they stand or fall together where the store batches writes.
        results = await asyncio.gather(
            self._kv.put(key, compact_json(customer), metadata=metadata_of(customer)),
            self._kv.put(index, customer_id),
            return_exceptions=True,
        )
        for error in results:
            if isinstance(error, BaseException):
                await asyncio.gather(
                    self._kv.delete(key), self._kv.delete(index), return_exceptions=True
                )
                raise error
        winner = await self._kv.get(index)
        if winner not in (customer_id, None):
            # Another process of the host was at it too, and has written last.
            await self._kv.delete(key)
            raise EmailTakenError(await self.get(winner))


def email_of(customer: Customer) -> str:
    """Return a stored customer's address in its normal form, empty where it has none."""
    return normalise_email(str(customer.get("email") or ""))


def _parsed(customer_id: str, text: str) -> Customer:
    stored = json.loads(text)
    if not isinstance(stored, dict):
        raise ValueError(f"the record of {customer_id} is no JSON object")
    return {**stored, "customerId": customer_id}
