"""Tenants: customers whose own users sign in here, known by an API key."""

import hashlib
import ipaddress
import re
import secrets
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from otp_auth_service.accounts import ACTIVE, Accounts
from otp_auth_service.keys import API_KEY_ROTATION_S, api_key_key, api_keys_key
from otp_auth_service.plans import Plan, plan_named
from otp_auth_service.store import Store
from otp_auth_service.times import iso_time
from workerkit import KeyedLocks, Problem

__all__ = ["API_KEY_PREFIX", "ApiKeys", "NewApiKey", "Tenant", "TenantCache", "hash_api_key"]

API_KEY_PREFIX: Final = "otp_live_sk_"
"""How every API key begins."""

# Where the hash begins, so that a key is found by its id; of 256 random bits that tells nothing.
_KEY_ID_PREFIX: Final = "key_"
_KEY_ID_DIGITS: Final = 16
_KEY_ID: Final = re.compile(rf"{_KEY_ID_PREFIX}[0-9a-f]{{{_KEY_ID_DIGITS}}}")
_ROTATED: Final = "rotated"
_REVOKED: Final = "revoked"
_RANDOM_BYTES: Final = 32
_TRUST_S: Final = 30.0
_MAX_CACHED: Final = 1024
_TOUCH_EVERY_S: Final = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Tenant:
    """The customer in whose name a request comes."""

    customer_id: str
    key_hash: str
    customer: Mapping[str, Any]

    @property
    def plan(self) -> Plan:
        """What the tenant has paid for."""
        return plan_named(self.customer.get("plan"))

    @property
    def config(self) -> Mapping[str, Any]:
        """The tenant's own settings."""
        config = self.customer.get("config")
        return config if isinstance(config, Mapping) else {}

    def require_ip(self, ip: str) -> None:
        """Raise Problem 403 unless the tenant lets that address in; without a list, all are."""
        allowed = self.config.get("allowedIPs")
        if not isinstance(allowed, list) or not allowed:
            return
        if not any(_contains(network, ip) for network in allowed):
            raise Problem(403, "IP address not allowed")


@dataclass(slots=True)
class TenantCache:
    """What was found out about API keys in the last 30 seconds, for all requests of a worker."""

    entries: "OrderedDict[str, tuple[float, Tenant]]" = field(default_factory=OrderedDict)
    touched: dict[str, float] = field(default_factory=dict)
    forgotten: int = 0
    """How often anything was forgotten: what was read before that is not to be remembered."""

    def get(self, key_hash: str, now: float) -> Tenant | None:
        """Return the tenant of a key, unless that was too long ago."""
        found = self.entries.get(key_hash)
        return found[1] if found is not None and now < found[0] else None

    def put(self, key_hash: str, tenant: Tenant, now: float) -> None:
        """Remember the tenant of a key."""
        self.entries[key_hash] = (now + _TRUST_S, tenant)
        self.entries.move_to_end(key_hash)
        while len(self.entries) > _MAX_CACHED:
            self.entries.popitem(last=False)

    def forget_customer(self, customer_id: str) -> None:
        """Ask again for every key of a customer."""
        self.forgotten += 1
        for key_hash, (_, tenant) in list(self.entries.items()):
            if tenant.customer_id == customer_id:
                del self.entries[key_hash]


@dataclass(frozen=True, slots=True, kw_only=True)
class NewApiKey:
    """An API key at the only time at which it is known."""

    text: str
    key_id: str
    name: str


class ApiKeys:
    """The API keys of all tenants; a key is stored as its hash alone."""

    def __init__(
        self,
        store: Store,
        accounts: Accounts,
        cache: TenantCache,
        locks: KeyedLocks,
        *,
        clock: Callable[[], float],
    ) -> None:
        """`cache` and `locks` are those of the whole worker."""
        self._store = store
        self._accounts = accounts
        self._cache = cache
        self._locks = locks
        self._clock = clock

    async def identify(self, text: str) -> Tenant:
        """Return the tenant of a key.

        Raises Problem: 401 for a key that is not, or no longer, valid; 403 where its customer is
        not active; 503 where customer-api does not say.
        """
        key_hash = hash_api_key(text)
        tenant = self._cache.get(key_hash, self._clock())
        if tenant is not None:
            return tenant
        forgotten = self._cache.forgotten
        record = await self._store.get(api_key_key(key_hash))
        if not _is_usable(record):
            raise Problem(401, "Invalid API key")
        customer_id: str = record["customerId"]
        customer = await self._accounts.get(customer_id)
        if customer is None:
            raise Problem(401, "Invalid API key")
        if customer.get("status") != ACTIVE:
            raise Problem(403, "Account suspended")
        tenant = Tenant(customer_id=customer_id, key_hash=key_hash, customer=customer)
        if self._cache.forgotten == forgotten:
            self._cache.put(key_hash, tenant, self._clock())
        return tenant

    async def list(self, customer_id: str) -> list[dict[str, Any]]:
        """Return a tenant's keys without their hashes, oldest first."""
        records = await self._store.get(api_keys_key(customer_id))
        return records if isinstance(records, list) else []

    async def create(self, customer_id: str, name: str) -> NewApiKey:
        """Make a key and return it, this once."""
        async with self._locks.hold(("api keys", customer_id)):
            return await self._create(customer_id, name)

    async def rotate(self, customer_id: str, key_id: str) -> NewApiKey | None:
        """Return a new key in the place of one that works on for 7 days; None for an unknown one.

        A key that was rotated or revoked before is as good as unknown.
        """
        async with self._locks.hold(("api keys", customer_id)):
            found = await self._find(customer_id, key_id)
            if found is None or found[1]["status"] != ACTIVE:
                return None
            key_hash, record = found
            new = await self._create(customer_id, record["name"])
            old = {**record, "status": _ROTATED}
            await self._store.put(api_key_key(key_hash), old, ttl_s=API_KEY_ROTATION_S)
            await self._put_in_list(customer_id, old)
            return new

    async def revoke(self, customer_id: str, key_id: str) -> bool:
        """Make a key invalid at once; tell whether there was one."""
        async with self._locks.hold(("api keys", customer_id)):
            found = await self._find(customer_id, key_id)
            if found is None:
                return False
            key_hash, record = found
            await self._store.delete(api_key_key(key_hash))
            await self._put_in_list(customer_id, {**record, "status": _REVOKED})
            self._cache.forget_customer(customer_id)
            return True

    async def remove_all(self, customer_id: str) -> int:
        """Make all keys of a tenant invalid and forget them; return how many there were."""
        async with self._locks.hold(("api keys", customer_id)):
            removed = 0
            for listed in await self.list(customer_id):
                found = await self._find(customer_id, str(listed.get("keyId")))
                if found is not None:
                    await self._store.delete(api_key_key(found[0]))
                    removed += 1
            await self._store.delete(api_keys_key(customer_id))
            self._cache.forget_customer(customer_id)
            return removed

    async def touch(self, tenant: Tenant) -> None:
        """Remember that a key was used, at most once a minute."""
        now = self._clock()
        if now - self._cache.touched.get(tenant.key_hash, 0.0) < _TOUCH_EVERY_S:
            return
        if len(self._cache.touched) >= _MAX_CACHED:
            self._cache.touched.clear()
        self._cache.touched[tenant.key_hash] = now
        async with self._locks.hold(("api keys", tenant.customer_id)):
            record = await self._store.get(api_key_key(tenant.key_hash))
            if not _is_usable(record):
                return
            used = {**record, "lastUsed": iso_time(now)}
            if record["status"] == ACTIVE:
                # Storing one that was rotated would give it another week.
                await self._store.put(api_key_key(tenant.key_hash), used)
            await self._put_in_list(tenant.customer_id, used)

    async def _create(self, customer_id: str, name: str) -> NewApiKey:
        text = f"{API_KEY_PREFIX}{secrets.token_urlsafe(_RANDOM_BYTES)}"
        key_hash = hash_api_key(text)
        record = {
            "customerId": customer_id,
            "keyId": f"{_KEY_ID_PREFIX}{key_hash[:_KEY_ID_DIGITS]}",
            "name": name,
            "createdAt": iso_time(self._clock()),
            "lastUsed": None,
            "status": ACTIVE,
        }
        await self._store.put(api_key_key(key_hash), record)
        await self._put_in_list(customer_id, record)
        return NewApiKey(text=text, key_id=str(record["keyId"]), name=name)

    async def _put_in_list(self, customer_id: str, record: Mapping[str, Any]) -> None:
        records = await self.list(customer_id)
        others = [known for known in records if known.get("keyId") != record["keyId"]]
        places = [i for i, known in enumerate(records) if known.get("keyId") == record["keyId"]]
        others.insert(places[0] if places else len(others), dict(record))
        await self._store.put(api_keys_key(customer_id), others)

    async def _find(self, customer_id: str, key_id: str) -> tuple[str, dict[str, Any]] | None:
        """Return the hash and the record of a key of that tenant."""
        if not _KEY_ID.fullmatch(key_id):
            return None
        for key in await self._store.keys(api_key_key(key_id.removeprefix(_KEY_ID_PREFIX))):
            record = await self._store.get(key)
            if _is_usable(record) and record["customerId"] == customer_id:
                return key.removeprefix(api_key_key("")), record
        return None


def hash_api_key(text: str) -> str:
    """Return the SHA-256 of a key in hex, the only form in which it is stored."""
    return hashlib.sha256(text.encode()).hexdigest()


def _is_usable(record: Any) -> bool:
    return (
        isinstance(record, dict)
        and record.get("status") in (ACTIVE, _ROTATED)
        and all(isinstance(record.get(name), str) for name in ("customerId", "keyId", "name"))
    )


def _contains(network: object, ip: str) -> bool:
    try:
        return ipaddress.ip_address(ip) in ipaddress.ip_network(str(network), strict=False)
    except ValueError:
        return False
