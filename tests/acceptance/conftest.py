"""The two services as they ship, served together; what is asked of them goes over HTTP alone."""

import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

WORKERS = Path(__file__).parents[2] / "workers"


class Services:
    """A client of the two services, and the words of somebody who uses them."""

    def __init__(self, client: httpx.Client) -> None:
        self.client = client

    def auth(self, method: str, path: str, **options: Any) -> httpx.Response:
        """Ask otp-auth-service."""
        return self._ask("otp-auth-service.localhost", method, path, **options)

    def customer(self, method: str, path: str, **options: Any) -> httpx.Response:
        """Ask customer-api."""
        return self._ask("customer-api.localhost", method, path, **options)

    def code_for(self, email: str) -> str:
        """Ask for a code, and read it in the outbox."""
        asked = self.auth("POST", "/auth/request-otp", json={"email": email})
        assert asked.status_code == 200, asked.text
        mails = self.client.get("/cdn-cgi/outbox", headers={"Accept": "application/json"}).json()
        [text] = [mail["text"] for mail in mails if mail["to"] == [email]][:1]
        found = re.search(r"\b[0-9]{6}\b", text)
        assert found is not None
        return found[0]

    def verify(self, email: str, code: str) -> httpx.Response:
        """Exchange a code for a token."""
        return self.auth("POST", "/auth/verify-otp", json={"email": email, "otp": code})

    def sign_in(self, email: str) -> dict[str, Any]:
        """Sign in; return the token response."""
        answer = self.verify(email, self.code_for(email))
        assert answer.status_code == 200, answer.text
        body: dict[str, Any] = answer.json()
        return body

    def _ask(
        self, host: str, method: str, path: str, *, token: str | None = None, **options: Any
    ) -> httpx.Response:
        headers = {"Host": host, **options.pop("headers", {})}
        if token is not None:
            headers["Authorization"] = f"Bearer {token}"
        return self.client.request(method, path, headers=headers, **options)


@pytest.fixture
def folders(tmp_path: Path) -> Path:
    """The folder of worker folders, with the secrets that their examples have."""
    for name in ("customer_api", "otp_auth_service", "identity", "kit"):
        shutil.copytree(
            WORKERS / name,
            tmp_path / "workers" / name,
            ignore=shutil.ignore_patterns("__pycache__", ".edgestead", ".dev.vars"),
        )
        example = tmp_path / "workers" / name / ".dev.vars.example"
        if example.exists():
            shutil.copy(example, example.with_name(".dev.vars"))
    return tmp_path / "workers"


@pytest.fixture
def start(serve: Callable[..., Any], folders: Path, tmp_path: Path) -> Callable[[], Any]:
    """Serve both, with state that outlives the server."""
    return lambda: serve(
        *(folders / "otp_auth_service", folders / "customer_api"),
        *("-e", "development", "--persist-to", tmp_path / "state"),
    )


@pytest.fixture
def use() -> Callable[[Any], Services]:
    """Make a user of a server."""
    return lambda server: Services(server.client)
