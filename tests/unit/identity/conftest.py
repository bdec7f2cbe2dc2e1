"""The wire format's vectors: made by the original service, byte for byte."""

import json
from pathlib import Path
from typing import Any

import pytest


@pytest.fixture(scope="session")
def vectors() -> dict[str, Any]:
    path = Path(__file__).parent / "data" / "response-encryption.json"
    loaded: dict[str, Any] = json.loads(path.read_text())
    return loaded
