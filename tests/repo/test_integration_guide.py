"""The reference in the integration guide, beside the two workers: the same routes and settings."""

import re
from collections import Counter
from pathlib import Path
from types import ModuleType

import pytest
from pydantic_core import PydanticUndefined

import customer_api.routes
import customer_api.settings
import otp_auth_service.routes
import otp_auth_service.settings
from workerkit import WorkerSettings
from workerkit.modules import load_route_modules

GUIDE = (Path(__file__).parents[2] / "docs/INTEGRATION_GUIDE.md").read_text(encoding="utf-8")
WORKERS = ("otp-auth-service", "customer-api")
ROUTES = [
    ("otp-auth-service", otp_auth_service.routes),
    ("customer-api", customer_api.routes),
]
SETTINGS = [
    ("otp-auth-service", otp_auth_service.settings.Settings),
    ("customer-api", customer_api.settings.Settings),
]
# What the settings of customer-api leave to those who use them.
BINDINGS = {customer_api.settings.Settings: {"CUSTOMER_KV", "AUTH"}}
# What there is no more of than the refusal.
UNSAID = {"GET /customer/by-email"}

# What a parameter is called is each side's own affair.
PARAMETER = re.compile(r":\w+|\*\w*")
ROW = re.compile(r"^\| `([^`]+)` \| (.*) \|$", re.MULTILINE)


def rows(section: str, worker: str) -> list[tuple[str, list[str]]]:
    """Return the rows of a worker's table in a section: the name, and the other cells."""
    [_, text] = GUIDE.split(f"\n## {section}\n")
    text = text.partition("\n## ")[0]
    [*_, text] = re.split(rf"^(?:\*\*)?{worker}\b", text, flags=re.MULTILINE)
    for other in set(WORKERS) - {worker}:
        text = re.split(rf"^(?:\*\*)?{other}\b", text, flags=re.MULTILINE)[0]
    return [(name, re.split(r" +\| ", cells)) for name, cells in ROW.findall(text)]


@pytest.mark.parametrize(("worker", "routes"), ROUTES, ids=WORKERS)
def test_the_routes_are_those_of_the_worker(worker: str, routes: ModuleType) -> None:
    served = Counter(
        f"{method} {PARAMETER.sub('*', route.pattern.path)}"
        for route in load_route_modules(routes, ["request", "env", "ctx", "call"])
        for method in route.handlers
    )

    listed = Counter(PARAMETER.sub("*", name) for name, _ in rows("Routes", worker))

    assert listed == Counter({name: 1 for name in served if name not in UNSAID})


@pytest.mark.parametrize(("worker", "model"), SETTINGS, ids=WORKERS)
def test_the_settings_are_those_of_the_worker(worker: str, model: type[WorkerSettings]) -> None:
    listed = [name for name, _ in rows("Configuration", worker)]

    assert sorted(listed) == sorted({*model.model_fields, *BINDINGS.get(model, ())})


@pytest.mark.parametrize(("worker", "model"), SETTINGS, ids=WORKERS)
def test_the_defaults_are_those_of_the_worker(worker: str, model: type[WorkerSettings]) -> None:
    for name, (_, default, _) in rows("Configuration", worker):
        field = model.model_fields.get(name)
        if field is None:
            continue
        if field.default is PydanticUndefined:
            assert default == "required", name
        elif isinstance(field.default, str) and field.default:
            assert default == f"`{field.default}`", name
        else:
            assert not default.startswith("`"), name
