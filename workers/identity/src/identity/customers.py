"""The client of customer-api, for other workers."""

import asyncio
import json
import random
from collections.abc import Awaitable, Mapping
from typing import Any, Final, Protocol
from urllib.parse import quote

from identity.emails import normalise_email
from identity.encryption import ResponseCipher
from identity.errors import CustomerApiError
from identity.privacy import without_emails
from workers import FetchResponse, fetch

__all__ = [
    "BLOCKED_STATUSES",
    "Customer",
    "CustomerApiClient",
    "CustomerService",
    "DEFAULT_URL",
    "ServiceCustomers",
    "TokenCustomers",
]

Customer = dict[str, Any]
"""A customer as customer-api answers it: `customerId`, `email` and what else is stored."""

BLOCKED_STATUSES: Final = frozenset({"cancelled", "suspended"})
"""The statuses of customers who may neither sign in nor change anything."""

DEFAULT_URL: Final = "https://customer.idling.app"
"""Where customer-api is reached when neither a binding nor `CUSTOMER_API_URL` says otherwise."""

_RETRIES: Final = 2
_UNAVAILABLE: Final = frozenset({502, 503, 504})
_NOT_FOUND: Final = "customer_not_found"
# What JavaScript's encodeURIComponent leaves as it is.
_SAFE: Final = "!'()*~"


class CustomerService(Protocol):
    """The service binding to customer-api."""

    def fetch(self, url: str, /, **options: Any) -> Awaitable[FetchResponse]:
        """Send a request."""


class CustomerApiClient:
    """Sends requests to customer-api: through its service binding, or else to its URL.

    A GET is sent up to three times where customer-api cannot be reached or says that it is
    unavailable.
    """

    def __init__(
        self,
        *,
        binding: CustomerService | None = None,
        url: str = DEFAULT_URL,
        cipher: ResponseCipher | None = None,
        timeout_s: float = 5.0,
        backoff_s: float = 0.1,
    ) -> None:
        """Use `binding` where there is one, else `url`, whose trailing slash does not matter.

        `cipher` opens encrypted answers; sharing one keeps the keys that it has derived. A request
        takes up to `timeout_s`; before one is sent again, up to `backoff_s` pass, then twice that.
        """
        self._binding = binding
        self._url = (DEFAULT_URL if binding is not None else url).rstrip("/")
        self._cipher = ResponseCipher() if cipher is None else cipher
        self._timeout_s = timeout_s
        self._backoff_s = backoff_s

    def with_token(self, token: str) -> "TokenCustomers":
        """Return the face of the customer whom `token` names."""
        return TokenCustomers(self, token, self._cipher)

    def with_service_key(self, key: str) -> "ServiceCustomers":
        """Return the face of a service, which may see and change every customer."""
        return ServiceCustomers(self, key)

    async def send(
        self, method: str, path: str, headers: Mapping[str, str], body: object = None
    ) -> Any:
        """Return the JSON of the answer, None where it has none.

        Raises CustomerApiError for every answer but success, and where there is none.
        """
        for retry in range(_RETRIES if method == "GET" else 0):
            try:
                return await self._send_once(method, path, headers, body)
            except CustomerApiError as error:
                if error.status not in _UNAVAILABLE:
                    raise
            # At random, so that not all clients come again at the same moment.
            await asyncio.sleep(self._backoff_s * 2**retry * random.uniform(0.5, 1.0))
        return await self._send_once(method, path, headers, body)

    async def _send_once(
        self, method: str, path: str, headers: Mapping[str, str], body: object
    ) -> Any:
        options: dict[str, Any] = {"method": method, "headers": dict(headers)}
        if body is not None:
            options["body"] = json.dumps(body)
            options["headers"]["Content-Type"] = "application/json"
        send = fetch if self._binding is None else self._binding.fetch
        try:
            async with asyncio.timeout(self._timeout_s):
                response = await send(f"{self._url}{path}", **options)
                text = await response.text()
        except TimeoutError:
            raise CustomerApiError(503, f"no answer within {self._timeout_s:g} s") from None
        except OSError as error:
            reason = without_emails(str(error))
            raise CustomerApiError(503, f"cannot be reached: {reason}") from error
        except Exception as error:
            # A binding raises whatever the worker behind it has let out.
            raise CustomerApiError(503, f"has failed: {type(error).__name__}") from error
        answer = _parsed(text)
        if response.status >= 300:
            raise _refusal(response.status, answer)
        if response.status != 204 and not isinstance(answer, dict):
            raise CustomerApiError(502, "the answer is no JSON object")
        return answer


class _Customers:
    """What both faces can do."""

    def __init__(self, client: CustomerApiClient, headers: Mapping[str, str]) -> None:
        self._client = client
        self._headers = headers

    async def get_customer(self, customer_id: str) -> Customer | None:
        """Return the customer with that id; None where there is none."""
        return await self._find(f"/customer/{_segment(customer_id)}")

    async def get_customer_by_email(self, email: str) -> Customer | None:
        """Return the customer with that e-mail address; None where there is none."""
        return await self._find(f"/customer/by-email/{_segment(normalise_email(email))}")

    async def create_customer(self, fields: Mapping[str, Any]) -> Customer:
        """Create a customer and return it; where the e-mail is taken, return the one that has it.

        `fields` needs an `email`.
        """
        try:
            return await self._open(await self._send("POST", "/customer", fields))
        except CustomerApiError as error:
            if error.status != 409:
                raise
            # Somebody else has just created it.
            customer = await self.get_customer_by_email(str(fields["email"]))
            if customer is None:
                raise
            return customer

    async def update_customer(self, customer_id: str, fields: Mapping[str, Any]) -> Customer:
        """Change fields of a customer and return all of it."""
        path = f"/customer/{_segment(customer_id)}"
        return await self._open(await self._send("PUT", path, fields))

    async def delete_customer(self, customer_id: str) -> None:
        """Delete a customer and the index of its e-mail address."""
        await self._send("DELETE", f"/customer/{_segment(customer_id)}")

    async def _send(self, method: str, path: str, body: object = None) -> Any:
        return await self._client.send(method, path, self._headers, body)

    async def _find(self, path: str) -> Customer | None:
        try:
            return await self._open(await self._send("GET", path))
        except CustomerApiError as error:
            if error.status == 404 and error.problem_code == _NOT_FOUND:
                return None
            raise

    async def _open(self, answer: Any) -> Customer:
        if not isinstance(answer, dict) or not isinstance(answer.get("customerId"), str):
            raise CustomerApiError(502, "the answer is no customer")
        return answer


class ServiceCustomers(_Customers):
    """customer-api as a service sees it, by its `X-Service-Key`."""

    def __init__(self, client: CustomerApiClient, key: str) -> None:
        """Send requests by `client`, each with the key."""
        super().__init__(client, {"X-Service-Key": key})

    async def list_customers(
        self, *, limit: int = 1000, cursor: str | None = None
    ) -> tuple[list[Customer], str | None]:
        """Return up to `limit` customers, and the cursor of the next page, None at the end."""
        query = f"?limit={limit}" + ("" if cursor is None else f"&cursor={_segment(cursor)}")
        match await self._send("GET", f"/customer{query}"):
            case {"customers": list(customers), "list_complete": True}:
                return customers, None
            case {"customers": list(customers), "cursor": str(following)}:
                return customers, following
        raise CustomerApiError(502, "the answer is no page of customers")


class TokenCustomers(_Customers):
    """customer-api as a signed-in customer sees it; answers are decrypted with the token."""

    def __init__(self, client: CustomerApiClient, token: str, cipher: ResponseCipher) -> None:
        """Send requests by `client`, each with the token."""
        super().__init__(client, {"Authorization": f"Bearer {token}"})
        self._token = token
        self._cipher = cipher

    async def get_current_customer(self) -> Customer | None:
        """Return the token's own customer; None where there is none."""
        return await self._find("/customer/me")

    async def _open(self, answer: Any) -> Customer:
        return await super()._open(await self._cipher.decrypt(answer, self._token))


def _segment(text: str) -> str:
    return quote(text, safe=_SAFE)


def _parsed(text: str) -> Any:
    try:
        return json.loads(text) if text else None
    except (ValueError, RecursionError):
        return None


def _refusal(status: int, answer: Any) -> CustomerApiError:
    problem = answer if isinstance(answer, dict) else {}
    detail, code, errors = (problem.get(name) for name in ("detail", "code", "errors"))
    return CustomerApiError(
        status,
        detail if isinstance(detail, str) else "no reason given",
        code if isinstance(code, str) else None,
        [error for error in errors if isinstance(error, dict)] if isinstance(errors, list) else [],
    )
