"""The host that code written for `workers` finds under it, for tests without a runtime."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest

from workers import Request, Response
from workers._host import current_host
from workers.rpc import _EnvWrapper


class FakeHost:
    """One invocation: answers what it is asked and remembers it."""

    def __init__(self, **bindings: object) -> None:
        self.env = _EnvWrapper(bindings)
        self.worker_state: dict[Any, Any] = {}
        self.pending: list[asyncio.Future[Any]] = []
        self.requests: list[Request] = []
        self.answer: Callable[[Request], Response] = lambda request: Response("answer")
        self._closing: list[Callable[[], Awaitable[None]]] = []

    def wait_until(self, awaitable: Awaitable[Any]) -> None:
        self.pending.append(asyncio.ensure_future(awaitable))

    def on_worker_close(self, callback: Callable[[], Awaitable[None]]) -> None:
        self._closing.append(callback)

    async def fetch(self, request: Request) -> Response:
        self.requests.append(request)
        return self.answer(request)

    async def finish(self) -> list[object]:
        """Wait for the work after the response; return its results and errors."""
        return await asyncio.gather(*self.pending, return_exceptions=True)

    async def close(self) -> None:
        """Retire the worker."""
        while self._closing:
            await self._closing.pop()()


@pytest.fixture
async def host() -> AsyncIterator[FakeHost]:
    """A worker with the binding NAME runs in the test."""
    fake = FakeHost(NAME="value")
    token = current_host.set(fake)
    yield fake
    for work in fake.pending:
        work.cancel()
    await fake.finish()
    await fake.close()
    current_host.reset(token)


@pytest.fixture
def make_host() -> type[FakeHost]:
    """Make further hosts, for what happens between two workers."""
    return FakeHost
