import asyncio
import contextvars

import pytest

import workers
from workers import patch_env
from workers._host import current_host
from workers.rpc import _EnvWrapper


def test_bindings_are_attributes_and_items() -> None:
    env = _EnvWrapper({"NAME": "value", "OTHER": None})

    assert env.NAME == env["NAME"] == "value"
    assert env.OTHER is None
    assert "NAME" in env and "MISSING" not in env
    assert list(env) == ["NAME", "OTHER"]
    assert {"NAME", "OTHER"} <= set(dir(env))
    assert hasattr(env, "NAME") and not hasattr(env, "MISSING")
    assert getattr(env, "MISSING", "default") == "default"


def test_a_missing_binding_says_what_there_is() -> None:
    env = _EnvWrapper({"B": "secret", "A": 1})

    for ask in (lambda: env.MISSING, lambda: env["MISSING"]):
        with pytest.raises((AttributeError, KeyError), match="no binding 'MISSING'") as caught:
            ask()
        assert "it has: A, B." in str(caught.value)
        assert "secret" not in str(caught.value).partition("Add it")[0]
    with pytest.raises(AttributeError, match="it has: none"):
        _EnvWrapper({}).MISSING  # noqa: B018  # the point of the test


def test_it_shows_no_values() -> None:
    assert repr(_EnvWrapper({"B": "secret", "A": "hidden"})) == "<env A, B>"


def test_it_is_read_only() -> None:
    env = _EnvWrapper({"NAME": "value"})

    with pytest.raises(AttributeError, match=r"read-only.*use patch_env\({'NAME': …}\)"):
        env.NAME = "other"
    with pytest.raises(AttributeError, match="read-only"):
        del env.NAME
    assert env.NAME == "value"


def test_it_does_not_share_the_mapping_that_it_is_made_of() -> None:
    bindings = {"NAME": "value"}
    env = _EnvWrapper(bindings)

    bindings["NAME"] = "other"

    assert env.NAME == "value"


def test_an_env_of_an_env_is_that_very_object() -> None:
    env = _EnvWrapper({"NAME": "value"})

    assert _EnvWrapper(env) is env
    assert env.NAME == "value"


def test_patching_gives_bindings_other_values_for_a_while() -> None:
    env = _EnvWrapper({"NAME": "value", "KEPT": 1})

    with patch_env({"NAME": "patched"}, ADDED="new"):
        assert (env.NAME, env["NAME"], env.KEPT, env.ADDED) == ("patched", "patched", 1, "new")
        assert list(env) == ["NAME", "KEPT", "ADDED"]
        assert "ADDED" in env
        with pytest.raises(AttributeError, match="it has: ADDED, KEPT, NAME"):
            env.MISSING  # noqa: B018  # the point of the test

    assert env.NAME == "value"
    assert "ADDED" not in env


def test_patches_nest_and_end_with_an_error_too() -> None:
    env = _EnvWrapper({"A": 1})

    with patch_env(A=2, B=2), pytest.raises(ValueError, match="stop"), patch_env(A=3):
        assert (env.A, env.B) == (3, 2)
        raise ValueError("stop")

    assert env.A == 1


@pytest.mark.parametrize("values", [{"A": 2}, [("A", 2)], (("A", 2),)])
def test_takes_a_dict_or_pairs(values: object) -> None:
    env = _EnvWrapper({"A": 1})

    with patch_env(values):
        assert env.A == 2


def test_keywords_win_and_nothing_may_be_given() -> None:
    env = _EnvWrapper({"A": 1})

    with patch_env({"A": 2}, A=3):
        assert env.A == 3
    with patch_env():
        assert env.A == 1


async def test_inside_a_worker_its_own_env_is_patched_alone(host, make_host) -> None:
    other = make_host(NAME="other")

    with patch_env(NAME="patched"):
        assert workers.env.NAME == host.env.NAME == "patched"
        assert other.env.NAME == "other"
        token = current_host.set(other)
        with patch_env(NAME="patched too"):
            assert (host.env.NAME, other.env.NAME) == ("patched", "patched too")
        current_host.reset(token)


async def test_other_tasks_do_not_see_a_patch() -> None:
    env = _EnvWrapper({"A": 1})
    before = contextvars.copy_context()

    async def read() -> int:
        return env.A

    with patch_env(A=2):
        inside = asyncio.create_task(read())
        outside = asyncio.create_task(read(), context=before)
        assert (await inside, await outside) == (2, 1)


def test_values_may_be_patched_for_the_env_outside_of_workers() -> None:
    with patch_env(TOKEN="t"):
        assert workers.env.TOKEN == "t"

    assert not hasattr(workers.env, "TOKEN")
