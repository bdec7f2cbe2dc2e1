"""Both services against their descriptions: nothing fails, and every answer is as described."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
CUSTOMER_API = HERE.parents[1] / "workers/customer_api/openapi.json"
# The same few requests each time, or many other ones.
IS_LONG = bool(os.environ.get("EDGESTEAD_TEST_LONG"))
AMOUNT = (
    ("--phases", "coverage,fuzzing,stateful", "--max-examples", "150")
    if IS_LONG
    else ("--phases", "coverage", "--generation-deterministic")
)

pytestmark = pytest.mark.timeout(1800 if IS_LONG else 120)


def ask(description: str | Path, services, worker: str) -> None:
    """Have schemathesis ask a worker what its description promises; fail with its report."""
    done = subprocess.run(
        (
            *(Path(sys.executable).with_name("schemathesis"), "--no-color"),
            *("--config-file", HERE / "schemathesis.toml", "run", description),
            *("--url", services.url, "--header", f"Host:{worker}.localhost", *AMOUNT),
        ),
        env={
            **os.environ,
            "SCHEMATHESIS_HOOKS": str(HERE / "callers.py"),
            "EDGESTEAD_TEST_KNOWN": str(services.known),
            "PYTHONPATH": str(HERE.parents[1] / "workers/identity/src"),
            "COVERAGE_PROCESS_START": "",
        },
        cwd=services.known.parent,
        capture_output=True,
        encoding="utf-8",
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_otp_auth_service_answers_as_it_says(services) -> None:
    ask(f"{services.url}openapi.json", services, "otp-auth-service")


def test_customer_api_answers_as_it_is_described(services) -> None:
    ask(CUSTOMER_API, services, "customer-api")
