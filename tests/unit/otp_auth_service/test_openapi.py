"""The description of the API, beside the routes that there are."""

import json
import re
from collections import Counter

import pytest

from otp_auth_service import routes
from workerkit.modules import load_route_modules

# OpenAPI writes "{name}" for a parameter; what it is called is each side's own affair.
PARAMETER = re.compile(r":\w+|\*\w+|\{\w+\}")


@pytest.fixture
async def description(service) -> dict:
    return await service.read(await service.call("GET", "/openapi.json"))


def refs(part: object) -> set[str]:
    """Return every `$ref` in a part of the description."""
    if isinstance(part, dict):
        own = {part["$ref"]} if "$ref" in part else set()
        return own.union(*map(refs, part.values()))
    return set().union(*map(refs, part)) if isinstance(part, list) else set()


def operations(description: dict) -> list[tuple[str, str, dict]]:
    return [
        (method, path, operation)
        for path, methods in description["paths"].items()
        for method, operation in methods.items()
    ]


async def test_it_is_open_api_3_1(service, description) -> None:
    answer = await service.call("GET", "/openapi.json")

    assert answer.headers["content-type"] == "application/json"
    assert description["openapi"] == "3.1.0"
    assert description["info"]["title"] == "otp-auth-service"


async def test_every_route_is_described_and_nothing_else(description) -> None:
    served = {
        (method.lower(), PARAMETER.sub("{}", route.pattern.path))
        for route in load_route_modules(routes, ["request", "env", "ctx", "call"])
        for method in route.handlers
    }

    described = {(m, PARAMETER.sub("{}", path)) for m, path, _ in operations(description)}

    assert described == served


async def test_every_parameter_of_a_path_is_described(description) -> None:
    for _, path, operation in operations(description):
        listed = [p["name"] for p in operation["parameters"] if p["in"] == "path"]
        assert listed == re.findall(r"\{(\w+)\}", path)


async def test_every_operation_has_an_id_of_its_own_a_known_tag_and_a_summary(description) -> None:
    tags = {tag["name"] for tag in description["tags"]}
    ids = Counter(operation["operationId"] for _, _, operation in operations(description))

    assert max(ids.values()) == 1
    for _, _, operation in operations(description):
        assert set(operation["tags"]) <= tags
        assert operation["summary"]
        assert operation["responses"]


async def test_every_schema_is_used_and_every_one_used_is_there(description) -> None:
    schemas = description["components"]["schemas"]

    assert refs(description) == {f"#/components/schemas/{name}" for name in schemas}


async def test_every_way_to_show_who_is_asking_is_described(description) -> None:
    used = {n for _, _, o in operations(description) for way in o["security"] for n in way}

    assert used == set(description["components"]["securitySchemes"])


async def test_every_text_of_an_error_that_the_description_promises_has_a_form(description) -> None:
    forms = {
        "application/json": {"$ref": "#/components/schemas/Error"},
        "application/problem+json": {"$ref": "#/components/schemas/Problem"},
    }
    for _, path, operation in operations(description):
        for status, response in operation["responses"].items():
            if int(status) < 400 or (path.startswith("/health") and status == "503"):
                continue
            assert response["content"]
            for media, content in response["content"].items():
                assert content["schema"] == forms[media]


async def test_it_holds_no_secret_and_no_place_of_this_machine(service) -> None:
    text = await (await service.call("GET", "/openapi.json")).text()

    assert service.env.JWT_SECRET not in text
    assert not re.search(r"/(?:home|tmp|root|usr)/", text)
    assert json.loads(text)["servers"] == [{"url": "/"}]
