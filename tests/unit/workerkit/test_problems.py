import json

import pytest

from workerkit.problems import Problem


def test_the_members_stand_in_their_order() -> None:
    problem = Problem(404, "Customer not found", code="customer_not_found")

    assert list(problem.body("/customer/me").items()) == [
        ("type", "https://tools.ietf.org/html/rfc7231#section-6.5.4"),
        ("title", "Not Found"),
        ("status", 404),
        ("detail", "Customer not found"),
        ("instance", "/customer/me"),
        ("code", "customer_not_found"),
    ]


@pytest.mark.parametrize(
    ("status", "type_"),
    [
        (400, "https://tools.ietf.org/html/rfc7231#section-6.5.1"),
        (401, "https://tools.ietf.org/html/rfc7235#section-3.1"),
        (403, "https://tools.ietf.org/html/rfc7231#section-6.5.3"),
        (404, "https://tools.ietf.org/html/rfc7231#section-6.5.4"),
        (409, "https://tools.ietf.org/html/rfc7231#section-6.5.8"),
        (413, "https://tools.ietf.org/html/rfc7231#section-6.5.11"),
        (418, "about:blank"),
        (429, "https://tools.ietf.org/html/rfc6585#section-4"),
        (500, "https://tools.ietf.org/html/rfc7231#section-6.6.1"),
        (503, "https://tools.ietf.org/html/rfc7231#section-6.6.1"),
    ],
)
def test_the_type_is_where_the_status_is_defined(status: int, type_: str) -> None:
    assert Problem(status, "no").body("/")["type"] == type_


async def test_a_response_is_compact_json_with_headers_of_its_own() -> None:
    problem = Problem(429, "Später ☕", title="Slow down", headers={"Retry-After": "3600"})

    response = problem.response("/a")

    text = await response.text()
    assert (response.status, response.headers["retry-after"]) == (429, "3600")
    assert response.headers["content-type"] == "application/problem+json"
    assert "Später ☕" in text
    assert ": " not in text
    assert json.loads(text)["title"] == "Slow down"


@pytest.mark.parametrize("status", [200, 304, 399, 600])
def test_what_is_no_error_is_no_problem(status: int) -> None:
    with pytest.raises(ValueError, match=str(status)):
        Problem(status, "no")


def test_is_raised_like_any_error() -> None:
    with pytest.raises(Problem, match="Customer not found"):
        raise Problem(404, "Customer not found")
