"""otp-auth-service without the binding: customer-api is another process, reached by its URL."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.timeout(120)

BINDING = re.compile(r"\[\[env\.development\.services\]\]\n(?:\w+ = .*\n)+")


@pytest.fixture
def start_apart(serve: Callable[..., Any], folders: Path, tmp_path: Path) -> Callable[..., Any]:
    """Serve one of the two by itself."""

    def start(name: str, *options: str) -> Any:
        config = folders / name / "wrangler.toml"
        text, count = BINDING.subn("", config.read_text())
        assert count == 1
        config.write_text(text)
        state = tmp_path / "state" / name
        return serve(folders / name, "-e", "development", "--persist-to", state, *options)

    return start


def test_signing_in_works_across_processes(start_apart, use) -> None:
    customers = start_apart("customer_api")
    signing_in = start_apart("otp_auth_service", "--var", f"CUSTOMER_API_URL:{customers.url}")

    signed_in = use(signing_in).sign_in("alice@example.com")

    me = use(customers).customer("GET", "/customer/me", token=signed_in["token"])
    assert me.status_code == 200
    assert "POST /customer 201" in customers.output


def test_without_customer_api_the_code_stays_usable(start_apart, use) -> None:
    customers = start_apart("customer_api")
    signing_in = start_apart("otp_auth_service", "--var", f"CUSTOMER_API_URL:{customers.url}")
    services = use(signing_in)
    code = services.code_for("alice@example.com")
    port = customers.port
    customers.interrupt()

    refused = services.verify("alice@example.com", code)

    assert refused.status_code == 503
    assert "Customer accounts are unavailable" in refused.json()["detail"]
    assert str(port) not in refused.text
