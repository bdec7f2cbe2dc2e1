"""The description beside the worker: that of its routes, and of what its fields may hold."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from customer_api import routes
from customer_api.fields import OWNER_FIELDS, SERVICE_FIELDS
from workerkit.modules import load_route_modules

FILE = Path(__file__).parents[3] / "workers/customer_api/openapi.json"
DESCRIPTION = json.loads(FILE.read_text(encoding="utf-8"))
SCHEMAS = DESCRIPTION["components"]["schemas"]
PARAMETER = re.compile(r":\w+|\{\w+\}")
# Keeps `by-email` from being taken for an id; there is nothing but the refusal.
NOT_A_ROUTE = ("get", "/customer/by-email")


def refs(part: Any) -> Iterator[str]:
    """Yield every `$ref` in a part of the description."""
    if isinstance(part, dict):
        yield from [part["$ref"]] if "$ref" in part else []
        for value in part.values():
            yield from refs(value)
    elif isinstance(part, list):
        for item in part:
            yield from refs(item)


def test_every_route_is_described_and_nothing_else() -> None:
    served = {
        (method.lower(), PARAMETER.sub("{}", route.pattern.path))
        for route in load_route_modules(routes, ["call"])
        for method in route.handlers
    }

    described = {
        (method, PARAMETER.sub("{}", path))
        for path, methods in DESCRIPTION["paths"].items()
        for method in methods
    }

    assert described == served - {NOT_A_ROUTE}


def test_every_part_that_has_a_name_is_used_and_every_one_used_is_there() -> None:
    named = {
        f"#/components/{kind}/{name}"
        for kind in ("schemas", "responses", "headers")
        for name in DESCRIPTION["components"][kind]
    }

    assert set(refs(DESCRIPTION)) == named


def test_the_fields_of_a_body_are_those_that_somebody_may_set() -> None:
    assert set(SCHEMAS["Changes"]["properties"]) == SERVICE_FIELDS
    assert set(SCHEMAS["NewCustomer"]["properties"]) == SERVICE_FIELDS | {"customerId", "email"}
    assert OWNER_FIELDS < SERVICE_FIELDS
    assert not SCHEMAS["Changes"]["additionalProperties"]
    assert not SCHEMAS["NewCustomer"]["additionalProperties"]


def test_every_error_is_a_problem() -> None:
    named = DESCRIPTION["components"]["responses"]
    for methods in DESCRIPTION["paths"].values():
        for operation in methods.values():
            errors = {s: r for s, r in operation["responses"].items() if int(s) >= 400}
            assert errors
            for response in errors.values():
                name = response.get("$ref", "").rpartition("/")[2]
                assert set(named.get(name, response)["content"]) == {"application/problem+json"}
