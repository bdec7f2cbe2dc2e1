"""The shipped examples, as a newcomer meets them: the real server, called over HTTP."""

from collections.abc import Callable
from pathlib import Path

import pytest

pytestmark = pytest.mark.timeout(120)

EXAMPLES = Path(__file__).parents[2] / "workers" / "examples"


@pytest.fixture
def example(serve: Callable, tmp_path: Path) -> Callable:
    """Serve examples by name, with state that outlives the server but not the test."""

    def start(*names: str):
        folders = [EXAMPLES / name for name in names]
        return serve(*folders, "--persist-to", tmp_path / "state")

    return start


def test_hello_greets_with_the_configured_word(example) -> None:
    server = example("hello")

    assert server.get("/").text == "Hello, world!\n"
    assert server.get("/?name=Ada%20L").text == "Hello, Ada L!\n"
    assert server.get("/").headers["content-type"] == "text/plain;charset=UTF-8"


def test_kv_counter_counts_and_keeps_its_state_over_a_restart(example) -> None:
    server = example("kv_counter")
    counted = [server.client.post("/tea").json()["value"] for _ in range(3)]
    server.client.post("/coffee")
    assert server.interrupt() == 0

    again = example("kv_counter")

    assert counted == [1, 2, 3]
    assert again.get("/tea").json() == {"counter": "tea", "value": 3}
    assert again.client.delete("/tea").status_code == 204
    assert again.get("/tea").json()["value"] == 0
    assert again.get("/coffee").json()["value"] == 1
    assert again.client.put("/tea").headers["allow"] == "GET, POST, DELETE"


def test_two_workers_call_each_other_by_fetch_and_by_rpc(example) -> None:
    server = example("two_workers")

    assert server.get("/fetch?name=Ada").text == "Good day, Ada.\n"
    assert server.get("/rpc?name=Ada&name=Grace").json() == {
        "Ada": "Good day, Ada.",
        "Grace": "Good day, Grace.",
    }
    assert server.get("/?name=Eve", host="greeter.localhost").text == "Good day, Eve.\n"


def test_fastapi_app_routes_validates_and_sees_env(example) -> None:
    server = example("fastapi_app")

    assert server.get("/").json() == {"shop": "Corner shop", "items": ["apple", "pear"]}
    assert server.get("/items/apple").json() == {"name": "apple", "cents": 30}
    put = server.client.put("/items/plum", json={"name": "plum", "cents": 20})
    assert put.status_code == 204
    assert server.get("/items/plum").json()["cents"] == 20
    assert server.get("/items/none").status_code == 404
    assert server.client.put("/items/x", json={"name": 1}).status_code == 422
    assert server.get("/openapi.json").json()["info"]["title"] == "FastAPI"


def test_all_examples_run_on_one_port(example) -> None:
    server = example("", "two_workers")

    assert server.get("/", host="hello.localhost").text == "Hello, world!\n"
    assert server.get("/n", host="kv-counter.localhost").json()["value"] == 0
    assert server.get("/fetch", host="front.localhost").text == "Good day, world.\n"
    assert server.get("/items/pear", host="fastapi-app.localhost").json()["cents"] == 45
