"""The two services: what an encrypted answer costs."""

import importlib
import json
import statistics
import sys
import time
import urllib.request
from collections.abc import Mapping
from contextlib import AsyncExitStack

from bench import Bench
from loop_lag import LoopLag
from processes import BENCH
from servers import Server, rates_of, serve, worker
from table import Row

__all__ = ["measure"]

_WORKERS = BENCH.parents[1] / "workers"
_SECRET = "a secret of the benchmark, of 32 bytes"
# The worker folders are no part of what is installed.
sys.path.append(str(_WORKERS / "identity" / "src"))
identity = importlib.import_module("identity")

_FIRST_ANSWERS = 20
_HOST = "customer-api.localhost"
_EMAIL = "user@example.com"
_CUSTOMER_ID = "cust_0123456789ab"


async def measure(bench: Bench) -> None:
    """The repeat of an encrypted answer by rate, the first one by time, and the event loop."""
    async with AsyncExitStack() as stack:
        hello = await stack.enter_async_context(worker(bench, "hello", "hello"))
        folders = [_WORKERS / "customer_api", _WORKERS / "otp_auth_service"]
        variables = ["--var", f"JWT_SECRET:{_SECRET}", "--var", "SERVICE_API_KEY:a key"]
        both = await stack.enter_async_context(
            serve(bench, "services", *folders, "-e", "development", *variables)
        )
        customer = {"email": _EMAIL, "customerId": _CUSTOMER_ID}
        as_service = {"x-service-key": "a key", "host": _HOST}
        _ask(both.port, "POST", "/customer", as_service, customer)
        customers = Server(both, path="/customer/me", headers=_signed_in("user"))
        plain = Server(hello)
        rates = await rates_of(bench, [customers, plain])
        first_ms = [_first_answer_ms(both.port, number) for number in range(_FIRST_ANSWERS)]
    bench.table.add(
        Row(
            measure="/customer/me with JWT, encrypted, repeat",
            peer="hello world",
            figure=rates[0] / rates[1],
            unit="×",
            least=0.25,
        ),
        Row(measure="the same", figure=rates[0], unit="/s"),
        Row(measure="the same, computing", figure=statistics.median(customers.cpu_us), unit="µs"),
        Row(measure="hello world, computing", figure=statistics.median(plain.cpu_us), unit="µs"),
        Row(
            measure="first encrypted answer to a token",
            figure=statistics.median(first_ms),
            unit="ms",
            most=60,
        ),
        Row(
            measure="event loop blocked by deriving keys",
            figure=await _derivation_lag_ms(bench),
            unit="ms",
            most=5,
        ),
    )


def _signed_in(name: str) -> Mapping[str, str]:
    token, _ = identity.issue_token(
        _SECRET,
        issuer="auth.idling.app",
        user_id=f"user_{name}",
        email=_EMAIL,
        customer_id=_CUSTOMER_ID,
    )
    return {"authorization": f"Bearer {token}", "host": _HOST}


def _ask(
    port: int, method: str, path: str, headers: Mapping[str, str], body: object = None
) -> bytes:
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}{path}",
        method=method,
        headers=dict(headers),
        data=None if body is None else json.dumps(body).encode(),
    )
    with urllib.request.urlopen(request) as response:
        answer: bytes = response.read()
        return answer


def _first_answer_ms(port: int, number: int) -> float:
    headers = _signed_in(f"of_{number}")
    began = time.perf_counter()
    _ask(port, "GET", "/customer/me", headers)
    return (time.perf_counter() - began) * 1000


async def _derivation_lag_ms(bench: Bench) -> float:
    cipher, worst = identity.ResponseCipher(), []
    for number in range(bench.rounds):
        with LoopLag() as lag:
            for turn in range(5):
                await cipher.encrypt(
                    {}, f"the token {number} of turn {turn}", expires_at=time.time() + 60
                )
        worst.append(lag.worst_ms)
    return statistics.median(worst)
