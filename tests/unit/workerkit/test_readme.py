"""The README's examples run, in a worker's isolated modules."""

import re
import time
from collections.abc import Callable
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
from pydantic import SecretStr

from kvstore import KVNamespace
from kvstore.engines.memory import MemoryEngine
from workers import Request

README = Path(__file__).parents[3] / "workers" / "kit" / "README.md"

ImportIsolated = Callable[[dict[str, str], str], ModuleType]


def examples() -> list[tuple[str, str]]:
    """Return the Python examples, each with the file that its first line names."""
    blocks = re.findall(r"^```python\n(.*?)^```", README.read_text(), re.DOTALL | re.MULTILINE)
    return [(block.partition("\n")[0].removeprefix("# "), block) for block in blocks]


@pytest.fixture
def entries(import_isolated: ImportIsolated) -> list[ModuleType]:
    (route_file, route), *others = examples()
    mains = [text for name, text in others if name == "entry.py"]
    assert len(mains) == 3
    files = {route_file: route, "routes/__init__.py": ""}
    return [import_isolated({**files, "entry.py": text}, "entry") for text in mains]


def fetch(entry: ModuleType, path: str, **options: Any) -> Any:
    env = SimpleNamespace(SHOP="Corner Shop", DEBUG=False)
    request = Request(f"https://shop.example{path}", **options)
    return entry.Default(SimpleNamespace(), env).fetch(request)


async def test_the_route_module_answers(entries: list[ModuleType]) -> None:
    for entry in (entries[0], entries[2]):
        response = await fetch(entry, "/customer/by-email/alice%40example.com")

        assert await response.json() == {"email": "alice@example.com", "shop": "Corner Shop"}


async def test_the_functions_answer(entries: list[ModuleType]) -> None:
    on_fetch = entries[1].on_fetch

    hello = await on_fetch(Request("https://shop.example/hello/Ada"), None, None)
    echo = await on_fetch(Request("https://shop.example/hello", method="PUT", body="hi"), 0, 0)

    assert await hello.text() == "Hello, Ada!\n"
    assert await echo.text() == "hi"


@pytest.mark.parametrize(
    ("path", "method", "status", "title"),
    [
        ("/unknown", "GET", 404, "Not Found"),
        ("/%ff", "GET", 400, "Bad Request"),
        ("/customer/by-email/a", "PUT", 405, "Try GET, HEAD, OPTIONS"),
    ],
)
async def test_the_hooks_answer(
    entries: list[ModuleType], path: str, method: str, status: int, title: str
) -> None:
    response = await fetch(entries[2], path, method=method)

    assert (response.status, (await response.json())["title"]) == (status, title)


async def test_the_error_hook_answers(
    entries: list[ModuleType], monkeypatch: pytest.MonkeyPatch
) -> None:
    response = await entries[2].router.handle(
        Request("https://shop.example/customer/by-email/a"), SimpleNamespace(DEBUG=True)
    )

    assert response.status == 500
    assert "SHOP" in (await response.json())["title"]


def test_the_settings_are_read_from_env(import_isolated: ImportIsolated) -> None:
    settings_type = import_isolated(dict(examples()), "settings").Settings
    store = KVNamespace(MemoryEngine(time.time), "customers")

    settings = settings_type.from_env(
        SimpleNamespace(JWT_SECRET="s", ALLOWED_ORIGINS="a, b", MAX_AGE_S="60", CUSTOMER_KV=store)
    )

    assert dict(settings) == {
        "JWT_SECRET": SecretStr("s"),
        "ALLOWED_ORIGINS": ["a", "b"],
        "MAX_AGE_S": 60,
        "CUSTOMER_KV": store,
        "CUSTOMER_API": None,
    }
