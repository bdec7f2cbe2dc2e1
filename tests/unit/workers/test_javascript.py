import pytest

import workers
from workers import import_from_javascript
from workers.rpc import _EnvWrapper


async def test_cloudflare_workers_has_what_python_uses_of_it(host) -> None:
    module = import_from_javascript("cloudflare:workers")

    assert module.env is host.env
    assert module.waitUntil is workers.wait_until
    assert module.WorkerEntrypoint is workers.WorkerEntrypoint
    assert module.DurableObject is workers.DurableObject
    assert module.WorkflowEntrypoint is workers.WorkflowEntrypoint


def test_its_env_is_looked_up_each_time() -> None:
    assert isinstance(import_from_javascript("cloudflare:workers").env, _EnvWrapper)


def test_a_name_that_it_has_not_is_told() -> None:
    with pytest.raises(AttributeError, match="cloudflare:workers has no 'RpcTarget' here"):
        import_from_javascript("cloudflare:workers").RpcTarget  # noqa: B018  # the test's point


@pytest.mark.parametrize(
    ("name", "way"),
    [
        ("cloudflare:sockets", r"asyncio\.open_connection"),
        ("cloudflare:email", "email package"),
        ("node:crypto", "Python's standard library"),
        ("./helper.mjs", "import a Python module that does the same"),
    ],
)
def test_other_modules_are_refused_with_the_native_way(name: str, way: str) -> None:
    with pytest.raises(ImportError, match=f"^{name} has no native equivalent here: .*{way}") as e:
        import_from_javascript(name)

    assert e.value.name == name
