"""Moving customers from the namespace of another service into CUSTOMER_KV.

The source holds records (`customer_<id>`) and an index of their addresses (`email_to_customer_…`)
among other things. A record is copied as it stands; its index and its metadata are made anew, and
like every record it is kept for good. What is in the target already is never overwritten: it is
skipped where it is the same, and reported where it is not. So a run that was interrupted is gone
on with by another one.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from customer_api.fields import is_customer_id
from customer_api.layout import INDEX_PREFIX, RECORDS_PREFIX, record_key
from customer_api.stored_customers import (
    StoredCustomer,
    UnreadableError,
    all_of,
    is_index_key,
    is_record_key,
    iterate_keys,
    iterate_values,
    read_customer,
    read_values,
)
from workerkit import KVNamespace

__all__ = ["Finding", "MigrationReport", "migrate_customers"]

_NOBODY: Final = "what is no customer id"
_CHANGED: Final = "one of them has changed meanwhile"


class Finding(NamedTuple):
    """Something that stands out: a key, and the reason in words; no address stands in them."""

    key: str
    reason: str


@dataclass(slots=True)
class MigrationReport:
    """How many customers were copied or were there, and what stands in the way of others."""

    migrated: int = 0
    skipped: int = 0
    deleted: int = 0
    conflicts: list[Finding] = field(default_factory=list)
    errors: list[Finding] = field(default_factory=list)
    is_verified: bool = False

    @property
    def is_complete(self) -> bool:
        """Whether every record of the source is known to be in the target, and equal."""
        return self.is_verified and not self.conflicts and not self.errors


def _tell_nobody(step: str, done: int, total: int | None) -> None:
    pass


async def migrate_customers(
    source: KVNamespace,
    target: KVNamespace,
    *,
    dry_run: bool = False,
    delete_source: bool = False,
    on_progress: Callable[[str, int, int | None], None] = _tell_nobody,
) -> MigrationReport:
    """Copy every customer that the target has not got; report what does not go together.

    Then all records are read again and compared. Of two customers with one address the one is
    copied that the source's index leads to, and where it leads to neither, the first by id; the
    other is a conflict. A dry run writes nothing and tells what a run would do; it is complete
    where there is nothing to do. `delete_source` removes from the source what is equal in the
    target, after a run that is complete. `on_progress(step, done, total)` is told how many records
    a step has done, and of how many if that is known. What is held in memory is what is reported,
    and for a dry run the addresses that the source's index lacks.

    Raises ValueError where both are one object. Two that stand for one namespace look like a source
    whose customers are all there already: do not delete those.
    """
    if source is target:
        raise ValueError("customers are moved to another namespace than the one where they are")
    run = _Migration(source, target, dry_run=dry_run, on_progress=on_progress)
    report = run.report
    total = await run.copy()
    await run.check_index()
    if dry_run:
        report.is_verified = report.migrated == 0
        return report
    await run.verify(total)
    report.is_verified = True
    if delete_source and report.is_complete:
        await run.delete(total)
    return report


class _Migration:
    def __init__(
        self,
        source: KVNamespace,
        target: KVNamespace,
        *,
        dry_run: bool,
        on_progress: Callable[[str, int, int | None], None],
    ) -> None:
        self.report = MigrationReport()
        self._source = source
        self._target = target
        self._is_dry = dry_run
        self._on_progress = on_progress
        self._reported: set[str] = set()
        # What a dry run would have written, where only that would tell that two customers have one
        # address: hash and id in bytes, for there may be many.
        self._claimed: dict[bytes, bytes] = {}
        # What is in the target, but not for good.
        self._expiring: set[str] = set()

    # Steps: each goes through everything

    async def copy(self) -> int:
        """Copy records and make their index; return how many records the source has."""
        for prefix, wanted in ((RECORDS_PREFIX, is_record_key), (INDEX_PREFIX, is_index_key)):
            async for keys in iterate_keys(self._target, prefix, wanted):
                self._expiring |= {key["name"] for key in keys if key.get("expiration")}
        return await self._for_each_batch("Copying", self._copy, None)

    async def check_index(self) -> None:
        """Report entries of the source's index that lead to nobody, or to somebody else."""
        done = 0
        async for keys in iterate_keys(self._source, INDEX_PREFIX, is_index_key):
            await self._check_index([key["name"] for key in keys])
            done += len(keys)
            self._on_progress("Checking the index", done, None)

    async def verify(self, total: int) -> None:
        """Report records that are not equal in the target, or not found there by their address."""
        await self._for_each_batch("Verifying", self._verify, total)

    async def delete(self, total: int) -> None:
        """Remove from the source what is equal in the target, as it stands now."""
        await self._for_each_batch("Deleting", self._delete, total)

    async def _for_each_batch(
        self,
        step: str,
        handle: Callable[[Sequence[StoredCustomer]], Awaitable[None]],
        total: int | None,
    ) -> int:
        done = 0
        async for keys in iterate_keys(self._source, RECORDS_PREFIX, is_record_key):
            async for texts in iterate_values(self._source, [key["name"] for key in keys]):
                await handle(await self._readable(texts))
                done += len(texts)
                self._on_progress(step, done, total)
        return done

    # What a step does with a batch

    async def _copy(self, customers: Sequence[StoredCustomer]) -> None:
        there, pointed = await all_of((self._in_target(customers), self._in_index(customers)))
        records: list[StoredCustomer] = []
        entries: list[StoredCustomer] = []
        for customer in customers:
            conflict = await self._conflict_of(customer, there, pointed)
            if conflict is not None:
                self._add(self.report.conflicts, customer.key, conflict)
                continue
            has_record, has_entry = customer.key in there, customer.index in there
            if has_record and has_entry:
                self.report.skipped += 1
                continue
            self.report.migrated += 1
            if not has_record:
                records.append(customer)
            if not has_entry:
                entries.append(customer)
                # Another one of this batch may have the address, too.
                there[customer.index] = customer.customer_id
        if self._is_dry:
            for one in entries:
                if pointed.get(one.index) != one.customer_id:
                    self._claimed[_hash_of(one)] = one.customer_id.encode()
            return
        # Records first: an index that leads to nothing would be worse than none.
        await all_of(self._target.put(one.key, one.text, metadata=one.metadata) for one in records)
        await all_of(self._target.put(one.index, one.customer_id) for one in entries)

    async def _check_index(self, keys: Sequence[str]) -> None:
        ids = await read_values(self._source, keys)
        records = [record_key(one) for one in ids.values() if is_customer_id(one)]
        texts = await read_values(self._source, records)
        for key, customer_id in ids.items():
            record = record_key(customer_id)
            if not is_customer_id(customer_id):
                reason = f"leads to {_NOBODY}"
            elif record not in texts:
                reason = f"leads to {customer_id}, which is not there"
            elif await self._index_of(record, texts[record]) not in (None, key):
                reason = f"leads to {customer_id}, which has another address"
            else:
                continue
            self._add(self.report.conflicts, key, reason)

    async def _verify(self, customers: Sequence[StoredCustomer]) -> None:
        there = await self._in_target(customers)
        for customer in customers:
            difference = _difference(customer, there)
            if difference is not None:
                self._add(self.report.errors, customer.key, difference)

    async def _delete(self, customers: Sequence[StoredCustomer]) -> None:
        there, pointed = await all_of((self._in_target(customers), self._in_index(customers)))
        equal: list[StoredCustomer] = []
        for customer in customers:
            difference = _difference(customer, there)
            if difference is None:
                equal.append(customer)
            else:
                self._add(self.report.errors, customer.key, f"was not deleted: it {difference}")
        # The index first: where this is interrupted it leads to nobody who is not there.
        await all_of(
            self._source.delete(one.index)
            for one in equal
            if pointed.get(one.index) == one.customer_id
        )
        await all_of(self._source.delete(one.key) for one in equal)
        self.report.deleted += len(equal)

    # What is asked about a customer

    async def _readable(self, texts: Mapping[str, str]) -> Sequence[StoredCustomer]:
        """Return the records that can be copied; report those that cannot."""
        customers: list[StoredCustomer] = []
        for key, text in texts.items():
            try:
                customers.append(await read_customer(self._source, key, text))
            except UnreadableError as error:
                self._add(self.report.errors, key, str(error))
        return customers

    async def _in_target(self, customers: Sequence[StoredCustomer]) -> dict[str, str]:
        """Return what the target has under the keys of customers, and in their index."""
        keys = [key for customer in customers for key in (customer.key, customer.index)]
        return await read_values(self._target, keys)

    async def _in_index(self, customers: Sequence[StoredCustomer]) -> dict[str, str]:
        """Return where the source's index leads by the addresses of customers."""
        return await read_values(self._source, [customer.index for customer in customers])

    async def _conflict_of(
        self, customer: StoredCustomer, there: Mapping[str, str], pointed: Mapping[str, str]
    ) -> str | None:
        index, owner = customer.index, pointed.get(customer.index)
        # What has arrived has arrived, whomever the source's index names meanwhile.
        is_there = _difference(customer, there) is None
        is_named = owner in (None, customer.customer_id)
        if not is_there and not is_named and await self._is_at(str(owner), index):
            return f"{owner} has the same address, and the index of the source leads there"
        if there.get(customer.key) not in (None, customer.text):
            return "the target has another record of this customer"
        claimed = self._claimed.get(_hash_of(customer))
        taken = there.get(index, claimed and claimed.decode())
        if taken not in (None, customer.customer_id):
            shown = taken if is_customer_id(str(taken)) else _NOBODY
            return f"in the target its address leads to {shown}"
        if not self._expiring.isdisjoint((customer.key, index)):
            return "in the target it will expire, and customers are kept for good"
        return None

    async def _is_at(self, customer_id: str, index: str) -> bool:
        """Tell whether the source has a customer with an address of that index."""
        if not is_customer_id(customer_id):
            return False
        key = record_key(customer_id)
        text = await self._source.get(key)
        return text is not None and await self._index_of(key, text) == index

    async def _index_of(self, key: str, text: str) -> str | None:
        """Return where the address of a record leads to it; None where it cannot be read."""
        try:
            return (await read_customer(self._source, key, text)).index
        except UnreadableError:
            return None

    def _add(self, findings: list[Finding], key: str, reason: str) -> None:
        """Report a key; the first that is found of it says enough."""
        if key not in self._reported:
            self._reported.add(key)
            findings.append(Finding(key, reason))


def _difference(customer: StoredCustomer, there: Mapping[str, str]) -> str | None:
    """Return how the target differs from the source; None where it does not."""
    text = there.get(customer.key)
    if text is None:
        return f"is not in the target; {_CHANGED}"
    if text != customer.text:
        return f"differs in the target; {_CHANGED}"
    if there.get(customer.index) != customer.customer_id:
        return f"is not where its address leads in the target; {_CHANGED}"
    return None


def _hash_of(customer: StoredCustomer) -> bytes:
    return bytes.fromhex(customer.index.removeprefix(INDEX_PREFIX))
