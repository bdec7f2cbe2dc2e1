"""The client against a customer-api that answers from a script."""

import asyncio
import json
import time
from collections.abc import Callable, Iterable
from typing import Any

import pytest

from identity import CustomerApiClient, CustomerApiError, ResponseCipher
from workers import Request, Response

ALICE = {"id": "req_1", "customerId": "cust_0123456789ab", "email": "alice@example.com"}
TOKEN = "a token that is long enough"
LATER = time.time() + 3600

Answer = Callable[[], Response]


class ScriptedApi:
    """A service binding that gives the next answer, or raises it, and remembers the requests."""

    def __init__(self, *answers: Response | Exception) -> None:
        self.answers = list(answers)
        self.requests: list[Request] = []

    async def fetch(self, url: str, /, **options: Any) -> Response:
        self.requests.append(Request(url, **options))
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    @property
    def asked(self) -> list[str]:
        return [f"{r.method} {r.url}" for r in self.requests]


def problem(status: int, detail: str = "no", **members: object) -> Response:
    return Response.json({"status": status, "detail": detail, **members}, status=status)


def client(api: ScriptedApi, **options: Any) -> CustomerApiClient:
    return CustomerApiClient(binding=api, backoff_s=0, **options)


def service(api: ScriptedApi) -> Any:
    return client(api).with_service_key("the key")


async def test_a_service_sends_its_key() -> None:
    api = ScriptedApi(Response.json(ALICE))

    customer = await service(api).get_customer("cust_0123456789ab")

    assert customer == ALICE
    assert api.asked == ["GET https://customer.idling.app/customer/cust_0123456789ab"]
    assert api.requests[0].headers["x-service-key"] == "the key"
    assert "authorization" not in api.requests[0].headers


async def test_a_customer_sends_its_token_and_decrypts() -> None:
    encrypted = await ResponseCipher().encrypt(ALICE, TOKEN, expires_at=LATER)
    api = ScriptedApi(Response(encrypted), Response(encrypted), Response(encrypted))
    customers = client(api).with_token(TOKEN)

    assert await customers.get_current_customer() == ALICE
    assert await customers.create_customer({"email": "alice@example.com"}) == ALICE
    assert await customers.update_customer("cust_0123456789ab", {"name": "A"}) == ALICE

    assert api.asked == [
        "GET https://customer.idling.app/customer/me",
        "POST https://customer.idling.app/customer",
        "PUT https://customer.idling.app/customer/cust_0123456789ab",
    ]
    assert {request.headers["authorization"] for request in api.requests} == {f"Bearer {TOKEN}"}
    assert await api.requests[2].json() == {"name": "A"}
    assert api.requests[2].headers["content-type"] == "application/json"


async def test_an_email_in_a_path_is_quoted_as_javascript_does() -> None:
    api = ScriptedApi(Response.json(ALICE))

    await service(api).get_customer_by_email(" Zoë+x/y!'()*~@Example.com ")

    path = "/customer/by-email/zo%C3%AB%2Bx%2Fy!'()*~%40example.com"
    assert api.asked == [f"GET https://customer.idling.app{path}"]


async def test_no_such_customer_is_none() -> None:
    api = ScriptedApi(problem(404, code="customer_not_found"))

    assert await service(api).get_customer("cust_0123456789ab") is None


async def test_a_wrong_url_never_looks_like_a_new_customer() -> None:
    api = ScriptedApi(problem(404, "The requested endpoint was not found", code="x"))

    with pytest.raises(CustomerApiError) as caught:
        await service(api).get_customer("cust_0123456789ab")

    assert (caught.value.status, caught.value.problem_code) == (404, "x")
    assert caught.value.detail == "The requested endpoint was not found"


@pytest.mark.parametrize("status", [502, 503, 504])
async def test_a_get_is_sent_three_times_while_the_other_is_unavailable(status: int) -> None:
    api = ScriptedApi(problem(status), OSError("refused"), Response.json(ALICE))

    assert await service(api).get_customer("cust_0123456789ab") == ALICE
    assert len(api.requests) == 3


async def test_a_get_gives_up_after_three_times() -> None:
    api = ScriptedApi(OSError("1"), OSError("2"), OSError("3"))

    with pytest.raises(CustomerApiError) as caught:
        await service(api).get_customer("cust_0123456789ab")

    assert caught.value.status == 503
    assert str(caught.value) == "customer-api answered 503: cannot be reached: 3"


@pytest.mark.parametrize("error", [RuntimeError("no such worker"), KeyError("alice@example.com")])
async def test_whatever_a_binding_raises_means_that_nobody_answers(error: Exception) -> None:
    api = ScriptedApi(error, error, error)

    with pytest.raises(CustomerApiError) as caught:
        await service(api).get_customer("cust_0123456789ab")

    assert caught.value.status == 503
    # What it says may be about somebody.
    assert caught.value.detail == f"has failed: {type(error).__name__}"


async def test_other_answers_are_not_asked_for_again() -> None:
    api = ScriptedApi(problem(500))

    with pytest.raises(CustomerApiError):
        await service(api).get_customer("cust_0123456789ab")

    assert len(api.requests) == 1


@pytest.mark.parametrize(
    "ask",
    [
        lambda face: face.update_customer("cust_0123456789ab", {"name": "A"}),
        lambda face: face.create_customer({"email": "alice@example.com"}),
        lambda face: face.delete_customer("cust_0123456789ab"),
    ],
    ids=["update", "create", "delete"],
)
async def test_what_changes_something_is_sent_once(ask) -> None:
    api = ScriptedApi(problem(503))

    with pytest.raises(CustomerApiError):
        await ask(service(api))

    assert len(api.requests) == 1


async def test_a_create_that_comes_late_becomes_a_lookup() -> None:
    api = ScriptedApi(problem(409), Response.json(ALICE))

    customer = await service(api).create_customer({"email": "Alice@example.com"})

    assert customer == ALICE
    assert api.asked[1].endswith("/customer/by-email/alice%40example.com")


async def test_a_conflict_over_something_else_stays_one() -> None:
    api = ScriptedApi(problem(409), problem(404, code="customer_not_found"))

    with pytest.raises(CustomerApiError) as caught:
        await service(api).create_customer({"email": "alice@example.com"})

    assert caught.value.status == 409


async def test_a_delete_has_no_answer() -> None:
    api = ScriptedApi(Response(None, status=204))

    assert await service(api).delete_customer("cust_0123456789ab") is None
    assert api.requests[0].method == "DELETE"


@pytest.mark.parametrize("body", ["{}", '{"customerId": 5}', '{"error": "no"}'])
@pytest.mark.parametrize("face", ["service", "token"])
async def test_an_object_that_is_no_customer_is_an_error_too(face: str, body: str) -> None:
    api = ScriptedApi(*(Response(body) for _ in range(3)))
    customers = service(api) if face == "service" else client(api).with_token(TOKEN)

    with pytest.raises(CustomerApiError, match="no customer") as caught:
        await customers.get_customer("cust_0123456789ab")

    assert caught.value.status == 502


@pytest.mark.parametrize(
    "page", [{}, {"customers": 5, "list_complete": True}, {"customers": [], "cursor": None}]
)
async def test_an_answer_that_is_no_page_is_an_error(page) -> None:
    api = ScriptedApi(Response.json(page))

    with pytest.raises(CustomerApiError, match="no page of customers"):
        await service(api).list_customers()


async def test_why_nobody_answers_is_told_without_an_address() -> None:
    error = OSError("no response from http://x/customer/by-email/alice%40example.com")
    api = ScriptedApi(error, error, error)

    with pytest.raises(CustomerApiError, match="cannot be reached") as caught:
        await service(api).get_customer_by_email("alice@example.com")

    assert "alice" not in str(caught.value)


@pytest.mark.parametrize("body", ["", "[]", "<html>", "null", pytest.param("[" * 9999, id="deep")])
async def test_an_answer_that_is_no_customer_is_an_error(body: str) -> None:
    api = ScriptedApi(*(Response(body) for _ in range(3)))

    with pytest.raises(CustomerApiError, match="no JSON object"):
        await service(api).get_customer("cust_0123456789ab")


async def test_a_refusal_without_reasons_is_told_all_the_same() -> None:
    api = ScriptedApi(Response("<html>", status=403))

    with pytest.raises(CustomerApiError) as caught:
        await service(api).get_customer("cust_0123456789ab")

    assert (caught.value.detail, caught.value.problem_code) == ("no reason given", None)


async def test_customers_are_listed_in_pages() -> None:
    api = ScriptedApi(
        Response.json({"customers": [ALICE], "cursor": "next+1", "list_complete": False}),
        Response.json({"customers": [], "cursor": None, "list_complete": True}),
    )

    assert await service(api).list_customers(limit=1) == ([ALICE], "next+1")
    assert await service(api).list_customers(cursor="next+1") == ([], None)

    assert [request.partition("?")[2] for request in api.asked] == [
        "limit=1",
        "limit=1000&cursor=next%2B1",
    ]


async def test_an_answer_that_does_not_come_is_waited_for_so_long_only() -> None:
    class SilentApi(ScriptedApi):
        async def fetch(self, url: str, /, **options: Any) -> Response:
            await super().fetch(url, **options)
            await asyncio.Event().wait()
            raise AssertionError("never set")

    api = SilentApi(*(Response() for _ in range(3)))

    with pytest.raises(CustomerApiError, match=r"no answer within 0\.01 s"):
        await client(api, timeout_s=0.01).with_service_key("k").get_customer("cust_0123456789ab")


def responses_of(host: Any) -> Iterable[str]:
    return [request.url for request in host.requests]


async def test_without_a_binding_requests_go_to_the_url(host) -> None:
    host.answer = lambda request: Response(json.dumps(ALICE))
    customers = CustomerApiClient(url="http://localhost:8788/").with_service_key("k")

    assert await customers.get_customer("cust_0123456789ab") == ALICE
    assert responses_of(host) == ["http://localhost:8788/customer/cust_0123456789ab"]


async def test_without_any_setting_requests_go_to_production(host) -> None:
    host.answer = lambda request: Response(json.dumps(ALICE))

    await CustomerApiClient().with_service_key("k").get_customer("cust_0123456789ab")

    assert responses_of(host) == ["https://customer.idling.app/customer/cust_0123456789ab"]
