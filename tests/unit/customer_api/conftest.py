"""The worker on real KV engines, called in this process; and tokens of the issuer it trusts."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from customer_api.app import CustomerApi
from identity import ResponseCipher, issue_token
from kvstore import EngineOptions, KVNamespace, open_engine
from workers import Request, Response

URL = "https://customer.idling.app"
SECRET = "a secret of at least thirty-two bytes"
KEY = "the key of the services"
ALICE = "alice@example.com"


class Clock:
    """The time, which goes on by itself and can be moved."""

    def __init__(self) -> None:
        self.ahead_s = 0.0

    def __call__(self) -> float:
        return time.time() + self.ahead_s


class Api:
    """The worker with an env of its own, and short words for what tests do with it."""

    def __init__(self, kv: KVNamespace) -> None:
        self.clock = Clock()
        self.kv = kv
        self.env = SimpleNamespace(CUSTOMER_KV=kv, JWT_SECRET=SECRET, SERVICE_API_KEY=KEY)
        self.worker = CustomerApi(clock=self.clock)
        self.cipher = ResponseCipher()

    def token(self, email: str = ALICE, customer_id: str | None = None, **options: Any) -> str:
        """Return a token as the sign-in service issues it."""
        values = {"issuer": "auth.idling.app", "user_id": "user_0123456789ab"} | options
        secret = values.pop("secret", SECRET)
        return issue_token(secret, email=email, customer_id=customer_id, **values)[0]

    async def send(
        self,
        method: str,
        path: str,
        *,
        token: str | None = None,
        service: bool = False,
        json_body: object = None,
        body: Any = None,
        headers: Mapping[str, str] | None = None,
    ) -> Response:
        """Send a request: as nobody, as the holder of `token`, or as a service."""
        sent = dict(headers or {})
        if token is not None:
            sent["Authorization"] = f"Bearer {token}"
        if service:
            sent["X-Service-Key"] = KEY
        if json_body is not None:
            body = json.dumps(json_body)
        request = Request(f"{URL}{path}", method=method, headers=sent, body=body)
        return await self.worker.answer(request, SimpleNamespace(**vars(self.env)))

    async def opened(self, response: Response, token: str | None = None) -> dict[str, Any]:
        """Return the JSON of an answer, decrypted with `token` where it is encrypted."""
        body = json.loads(await response.text())
        opened: dict[str, Any] = await self.cipher.decrypt(body, token or "")
        return opened

    async def create(self, email: str = ALICE, **fields: object) -> dict[str, Any]:
        """Add a customer as a service does."""
        response = await self.send(
            "POST", "/customer", service=True, json_body={"email": email, **fields}
        )
        assert response.status == 201, await response.text()
        return await self.opened(response)

    async def stored(self) -> dict[str, str]:
        """Return all keys and values."""
        listed = await self.kv.list()
        return {key["name"]: await self.kv.get(key["name"]) for key in listed["keys"]}


OpenKv = Callable[[str], Awaitable[KVNamespace]]


@pytest.fixture
async def open_kv(tmp_path: Path) -> AsyncIterator[OpenKv]:
    """Open namespaces on a built-in engine."""
    engines = []

    async def open_(engine: str) -> KVNamespace:
        options = EngineOptions(folder=tmp_path / engine, durability="buffered")
        engines.append(await open_engine(engine, options))
        return KVNamespace(engines[-1], "customers")

    yield open_
    for engine in engines:
        await engine.close()


@pytest.fixture
async def api(open_kv: OpenKv) -> Api:
    """The worker on the memory engine."""
    return Api(await open_kv("memory"))


@pytest.fixture
def memory_api() -> Callable[[], Awaitable[Api]]:
    """Make workers on namespaces that live as long as they do, in whichever loop."""

    async def make() -> Api:
        engine = await open_engine("memory", EngineOptions(folder=Path()))
        return Api(KVNamespace(engine, "customers"))

    return make


@pytest.fixture(params=["memory", "leveldb"])
async def any_api(request: pytest.FixtureRequest, open_kv: OpenKv) -> Api:
    """The worker on each built-in engine."""
    return Api(await open_kv(request.param))


class FakeIssuer:
    """The service binding AUTH: knows which tokens are revoked, or fails."""

    def __init__(self) -> None:
        self.revoked: set[str] = set()
        self.failure: Exception | None = None
        self.answer: Response | None = None
        self.asked: list[Request] = []

    async def fetch(self, url: str, **options: Any) -> Response:
        """Answer `POST /auth/introspect`."""
        request = Request(url, **options)
        self.asked.append(request)
        await asyncio.sleep(0)
        if self.failure is not None:
            raise self.failure
        if self.answer is not None:
            return self.answer.clone()
        form = await request.clone().form_data()
        return Response.json({"active": form["token"] not in self.revoked})


@pytest.fixture
def issuer(api: Api) -> FakeIssuer:
    """The service that issued the tokens, bound to the worker."""
    api.env.AUTH = FakeIssuer()
    return api.env.AUTH
