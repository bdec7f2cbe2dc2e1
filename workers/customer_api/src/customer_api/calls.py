"""One request on its way: what its handler works with, and how it answers."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from random import getrandbits
from typing import Any, Final

from customer_api.callers import Caller, TokenHolder, identify
from customer_api.records import CustomerRecords
from customer_api.refusals import caller_is_unknown, token_cannot_be_checked
from customer_api.revocation import Revocation, UncheckedError
from customer_api.settings import Settings
from identity import Customer, ResponseCipher, TokenVerifier, compact_json, iso_time
from workerkit import KeyedLocks, read_object
from workers import Request, Response

__all__ = ["Call", "Resources"]

_JSON: Final = "application/json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Resources:
    """What lives as long as the loaded worker."""

    clock: Callable[[], float]
    locks: KeyedLocks
    verifier: TokenVerifier
    cipher: ResponseCipher
    revocation: Revocation


@dataclass(slots=True, kw_only=True)
class Call:
    """A request, the settings it is answered by, and what the worker has.

    `headers` are those that every answer has.
    """

    request: Request
    headers: Mapping[str, str]
    env: Any
    settings: Settings
    resources: Resources

    @property
    def records(self) -> CustomerRecords:
        """The customers."""
        return CustomerRecords(self.env.CUSTOMER_KV, self.resources.locks)

    @property
    def timestamp(self) -> str:
        """The time now, as records and answers have it."""
        return iso_time(datetime.fromtimestamp(self.resources.clock(), UTC))

    async def identify_caller(self) -> Caller:
        """Return who is calling; raise Problem 401 for nobody, and for a token that is revoked."""
        caller = identify(self.request, self.settings, self.resources.verifier)
        issuer = getattr(self.env, "AUTH", None)
        if issuer is None or not isinstance(caller, TokenHolder):
            return caller
        key = self.settings.SERVICE_API_KEY.get_secret_value()
        try:
            is_active = await self.resources.revocation.is_active(caller.token, issuer, key)
        except UncheckedError:
            # On a developer's machine this worker may well run without the other one.
            if not self.settings.is_development:
                raise token_cannot_be_checked() from None
            return caller
        if not is_active:
            raise caller_is_unknown()
        return caller

    async def read_object(self) -> dict[str, Any]:
        """Return the JSON object of the body; raise Problem 400 or 413 where there is none."""
        return await read_object(self.request)

    async def answer(
        self, caller: Caller, customer: Customer, *, status: int = 200, location: str | None = None
    ) -> Response:
        """Answer with a customer: encrypted for the holder of a token, as it is for a service."""
        first = {"id": self._request_id(), "customerId": customer["customerId"]}
        # Twice: once for the order, once since a record of old may have an `id` of its own.
        body = first | customer | first
        headers = {} if location is None else {"Location": location}
        if not isinstance(caller, TokenHolder):
            return self.answer_json(body, status=status, headers=headers)
        text = await self.resources.cipher.encrypt(body, caller.token, expires_at=caller.expires_at)
        headers |= {**self.headers, "X-Encrypted": "true", "Content-Type": _JSON}
        return Response(text, status=status, headers=headers)

    def answer_json(
        self, body: object, *, status: int = 200, headers: Mapping[str, str] | None = None
    ) -> Response:
        """Answer with compact JSON."""
        return Response(
            compact_json(body),
            status=status,
            headers={**self.headers, **(headers or {}), "Content-Type": _JSON},
        )

    def answer_nothing(self) -> Response:
        """Answer that it is done."""
        return Response(None, status=204, headers=self.headers)

    def _request_id(self) -> str:
        return f"req_{int(self.resources.clock() * 1000)}_{getrandbits(36):09x}"
