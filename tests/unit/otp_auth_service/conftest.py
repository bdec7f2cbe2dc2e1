"""The worker on real KV engines with the real customer-api behind it, called in this process.

Time goes only when a test says so. Mails arrive in an outbox.
"""

import asyncio
import json as jsonlib
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from customer_api.app import CustomerApi
from identity import hash_email
from kvstore import EngineOptions, KVNamespace, open_engine
from kvstore.engine import KVEngine
from otp_auth_service.app import OtpAuthService
from workers import Request, Response

URL = "https://auth.idling.app"
SECRET = "a secret of at least thirty-two bytes"
SERVICE_KEY = "the key of the services"
SUPER_KEY = "the key of the super admin"
ALICE = "alice@example.com"
IP = "192.0.2.1"
NOON = 1_773_144_000.0
"""2026-03-10T12:00:00Z, where every test begins."""


class Clock:
    """The time, which stands still until it is moved."""

    def __init__(self) -> None:
        self.now = NOON

    def __call__(self) -> float:
        return self.now

    def advance(self, seconds: float) -> None:
        """Let time pass."""
        self.now += seconds


class Context:
    """What `ctx` is to the worker: remembers the work for after the answer."""

    props = SimpleNamespace()
    exports = SimpleNamespace()

    def __init__(self) -> None:
        self.pending: list[asyncio.Future[Any]] = []

    def waitUntil(self, work: Awaitable[Any]) -> None:
        self.pending.append(asyncio.ensure_future(work))

    wait_until = waitUntil

    def passThroughOnException(self) -> None:
        raise AssertionError("nobody stands behind this worker")


class Outbox:
    """The binding EMAIL: keeps what it is given, or fails."""

    def __init__(self) -> None:
        self.mails: list[dict[str, Any]] = []
        self.failure: Exception | None = None

    async def send(self, message: dict[str, Any]) -> None:
        await asyncio.sleep(0)
        if self.failure is not None:
            raise self.failure
        self.mails.append(message)

    def code(self, email: str = ALICE) -> str:
        """Return the code in the latest mail to an address."""
        text = next(mail["text"] for mail in reversed(self.mails) if mail["to"] == email)
        return re.search(r"\b[0-9]{6}\b", text)[0]


class CustomerApiBinding:
    """The binding CUSTOMER_API: the real worker, unless it is down or told what to answer."""

    def __init__(self, kv: KVNamespace, clock: Clock) -> None:
        self.kv = kv
        self.asked: list[Request] = []
        self.is_down = False
        self.meanwhile: Callable[[], Awaitable[None]] | None = None
        self.answer: Callable[[Request], Response | None] = lambda request: None
        self._worker = CustomerApi(clock=clock)
        self._env = SimpleNamespace(
            CUSTOMER_KV=kv, JWT_SECRET=SECRET, SERVICE_API_KEY=SERVICE_KEY, ENVIRONMENT="test"
        )

    async def fetch(self, url: str, **options: Any) -> Response:
        request = Request(url, **options)
        self.asked.append(request)
        await asyncio.sleep(0)
        if self.is_down:
            raise OSError("nobody listens there")
        response = self.answer(request) or await self._worker.answer(request, self._env)
        meanwhile, self.meanwhile = self.meanwhile, None
        if meanwhile is not None:
            await meanwhile()
        return response

    async def send(self, method: str, path: str, body: object = None) -> dict[str, Any]:
        """Ask it as a service does; return what it answers."""
        headers = {"X-Service-Key": SERVICE_KEY, "Content-Type": "application/json"}
        options = {"method": method, "headers": headers}
        if body is not None:
            options["body"] = jsonlib.dumps(body)
        request = Request(f"https://customer.idling.app{path}", **options)
        response = await self._worker.answer(request, self._env)
        text = await response.text()
        assert response.status < 300, text
        return jsonlib.loads(text) if text else {}

    async def create(self, email: str = ALICE, **fields: object) -> str:
        """Add a customer, with a plan or a config perhaps; return its id."""
        return (await self.send("POST", "/customer", {"email": email, **fields}))["customerId"]

    async def change(self, customer_id: str, **fields: object) -> None:
        """Change a customer: its status, plan or config."""
        await self.send("PUT", f"/customer/{customer_id}", fields)

    async def get(self, customer_id: str) -> dict[str, Any]:
        """Return a customer."""
        return await self.send("GET", f"/customer/{customer_id}")

    async def all(self) -> list[dict[str, Any]]:
        """Return all customers."""
        return (await self.send("GET", "/customer"))["customers"]


class Service:
    """The worker with an env of its own, and short words for what tests do with it."""

    def __init__(self, kv: KVNamespace, customers_kv: KVNamespace, clock: Clock) -> None:
        self.clock = clock
        self.kv = kv
        self.outbox = Outbox()
        self.customers = CustomerApiBinding(customers_kv, clock)
        self.env = SimpleNamespace(
            ENVIRONMENT="test",
            JWT_SECRET=SECRET,
            SERVICE_API_KEY=SERVICE_KEY,
            SUPER_ADMIN_API_KEY=SUPER_KEY,
            OTP_AUTH_KV=kv,
            CUSTOMER_API=self.customers,
            EMAIL=self.outbox,
        )
        self.worker = OtpAuthService(clock=clock)

    def configure(self, **names: object) -> None:
        """Change what stands on `env`; None takes a name away."""
        kept = {**vars(self.env), **names}
        self.env = SimpleNamespace(**{n: value for n, value in kept.items() if value is not None})

    async def call(
        self,
        method: str,
        path: str,
        *,
        json: object = None,
        body: Any = None,
        headers: Mapping[str, str] | None = None,
        token: str | None = None,
        api_key: str | None = None,
        ip: str | None = IP,
    ) -> Response:
        """Send a request; the work for after the answer is done when this returns."""
        sent = dict(headers or {})
        if token is not None:
            sent["Authorization"] = f"Bearer {token}"
        if api_key is not None:
            sent["X-OTP-API-Key"] = api_key
        if ip is not None:
            sent["CF-Connecting-IP"] = ip
        if json is not None:
            body = jsonlib.dumps(json)
            sent.setdefault("Content-Type", "application/json")
        request = Request(f"{URL}{path}", method=method, headers=sent, body=body)
        ctx = Context()
        response = await self.worker.answer(request, self.env, ctx)
        await asyncio.gather(*ctx.pending)
        return response

    async def read(self, response: Response, status: int = 200) -> Any:
        """Return the JSON of an answer, which must have that status."""
        text = await response.text()
        assert response.status == status, f"{response.status}: {text}"
        return jsonlib.loads(text)

    def during_next_question(self, work: Callable[[], Awaitable[None]]) -> None:
        """Do `work` while customer-api's next answer is on its way."""
        self.customers.meanwhile = work

    async def request_code(self, email: str = ALICE, **options: Any) -> str:
        """Ask for a code and return it out of the mail."""
        await self.read(
            await self.call("POST", "/auth/request-otp", json={"email": email}, **options)
        )
        return self.outbox.code(email)

    async def sign_in(self, email: str = ALICE, **options: Any) -> dict[str, Any]:
        """Sign in by a code; return the token response."""
        code = await self.request_code(email, **options)
        answer = await self.call(
            "POST", "/auth/verify-otp", json={"email": email, "otp": code}, **options
        )
        return await self.read(answer)

    async def token(self, email: str = ALICE, **options: Any) -> str:
        """Sign in by a code; return the token."""
        return (await self.sign_in(email, **options))["access_token"]

    async def new_api_key(self, customer_id: str, name: str = "web") -> str:
        """Make an API key as the super admin, and return it."""
        answer = await self.call(
            "POST",
            f"/admin/customers/{customer_id}/api-keys",
            json={"name": name},
            token=SUPER_KEY,
        )
        return (await self.read(answer))["apiKey"]

    async def stored(self) -> dict[str, Any]:
        """Return every key and its record."""
        found, cursor = {}, None
        while True:
            page = await self.kv.list(cursor=cursor)
            for key in page["keys"]:
                found[key["name"]] = await self.kv.get(key["name"], "json")
            if page["list_complete"]:
                return found
            cursor = page["cursor"]

    def hash(self, email: str = ALICE) -> str:
        """Return the hash that stands for an address in keys."""
        return hash_email(email)


@pytest.fixture
def clock() -> Clock:
    """The clock of the worker and of its namespaces."""
    return Clock()


OpenService = Callable[[str], Awaitable[Service]]


@pytest.fixture
async def open_service(tmp_path: Path, clock: Clock) -> AsyncIterator[OpenService]:
    """Start the worker on a built-in engine."""
    engines: list[KVEngine] = []

    async def open_(engine: str) -> Service:
        options = EngineOptions(folder=tmp_path / engine, durability="buffered", clock=clock)
        engines.append(await open_engine(engine, options))
        return Service(
            KVNamespace(engines[-1], "sign-in", clock=clock),
            KVNamespace(engines[-1], "customers", clock=clock),
            clock,
        )

    yield open_
    for engine in engines:
        await engine.close()


@pytest.fixture
async def service(open_service: OpenService) -> Service:
    """The worker on the memory engine."""
    return await open_service("memory")


@pytest.fixture(params=["memory", "leveldb"])
async def any_service(request: pytest.FixtureRequest, open_service: OpenService) -> Service:
    """The worker on each built-in engine, for what happens at the same moment."""
    return await open_service(request.param)


@pytest.fixture
async def owner(service: Service) -> dict[str, Any]:
    """Alice, who has signed in: what she was answered."""
    return await service.sign_in()
