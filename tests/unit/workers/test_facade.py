"""The names of the package, pinned, and what importing it brings along."""

import subprocess
import sys

import pytest

import workers
from workers.rpc import _EnvWrapper

# As the requirement lists them.
NAMES = (
    "Blob, BlobEnding, BlobValue, Body, Context, DurableObject, FetchKwargs, FetchResponse, File, "
    "FormData, FormDataValue, Headers, JSBody, Request, RequestInitCfProperties, Response, "
    "WorkerEntrypoint, WorkflowEntrypoint, env, fetch, handler, import_from_javascript, "
    "patch_env, python_from_rpc, python_to_rpc, waitUntil, wait_until"
)


def test_public_names_are_pinned_sorted_and_there() -> None:
    assert workers.__all__ == sorted(NAMES.split(", "))
    assert all(hasattr(workers, name) for name in workers.__all__)


def test_nothing_else_is_public() -> None:
    modules = {name.removeprefix("workers.") for name in sys.modules if name.startswith("workers.")}

    # A module that has been imported is an attribute too; `fetch` is the function.
    others = {name for name in vars(workers) if not name.startswith("_")} - modules

    assert others <= {*workers.__all__}
    assert callable(workers.fetch)


def test_star_import_gives_every_name() -> None:
    namespace: dict[str, object] = {}

    exec("from workers import *", namespace)

    assert set(workers.__all__) <= set(namespace)


def test_env_belongs_to_the_worker_that_asks(host, make_host) -> None:
    assert workers.env is host.env
    assert workers.env.NAME == "value"
    namespace: dict[str, object] = {}

    exec("from workers import env", namespace)

    assert namespace["env"] is host.env


def test_env_is_empty_outside_of_a_worker() -> None:
    assert isinstance(workers.env, _EnvWrapper)
    assert list(workers.env) == []


def test_wait_until_has_two_names() -> None:
    assert workers.waitUntil is workers.wait_until


def test_other_names_are_missing() -> None:
    with pytest.raises(AttributeError, match="module 'workers' has no attribute 'environment'"):
        workers.environment  # noqa: B018  # the point of the test


@pytest.mark.parametrize("module", ["workers", "workers.asgi", "workers.wsgi"])
def test_import_pulls_in_no_package_of_ours_and_no_server(module: str) -> None:
    script = (
        f"import sys, {module};"
        "print([name for name in"
        " ('aiohttp', 'fastapi', 'kvstore', 'multidict', 'runtime', 'starlette', 'workerkit',"
        " 'wrangler_compat', 'yarl') if name in sys.modules])"
    )

    result = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )

    assert result.stdout == "[]\n"
