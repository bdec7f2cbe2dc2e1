"""Settings from the environment."""

from pathlib import Path

import pytest
from pydantic import ValidationError

from runtime.settings import HostSettings


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """An environment without settings; a test adds its own."""
    for name in HostSettings.model_fields:
        monkeypatch.delenv(f"EDGESTEAD_{name}".upper(), raising=False)
    return monkeypatch


def test_without_a_word_the_defaults_hold(environment) -> None:
    settings = HostSettings()

    assert (settings.host, settings.port, settings.local_protocol) == ("localhost", 8787, "http")
    assert (settings.log_level, settings.persist_to) == ("info", None)
    assert settings.shutdown_grace_s == 10.0


def test_each_setting_has_a_variable(environment) -> None:
    given = {
        "HOST": "0.0.0.0",
        "PORT": "80",
        "LOCAL_PROTOCOL": "https",
        "LOG_LEVEL": "error",
        "PERSIST_TO": "/state",
        "SHUTDOWN_GRACE_S": "0.5",
    }
    for name, text in given.items():
        environment.setenv(f"EDGESTEAD_{name}", text)

    settings = HostSettings()

    assert {name.lower() for name in given} == set(HostSettings.model_fields)
    assert settings.model_dump() == {
        "host": "0.0.0.0",
        "port": 80,
        "local_protocol": "https",
        "log_level": "error",
        "persist_to": Path("/state"),
        "shutdown_grace_s": 0.5,
    }


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("PORT", "many"),
        ("PORT", "70000"),
        ("LOCAL_PROTOCOL", "ftp"),
        ("LOG_LEVEL", "loud"),
        ("SHUTDOWN_GRACE_S", "0"),
    ],
)
def test_a_wrong_value_is_refused(environment, name: str, text: str) -> None:
    environment.setenv(f"EDGESTEAD_{name}", text)

    with pytest.raises(ValidationError) as caught:
        HostSettings()

    assert caught.value.errors()[0]["loc"] == (name.lower(),)


def test_variables_of_others_and_unknown_ones_are_passed_over(environment) -> None:
    environment.setenv("PORT", "1")
    environment.setenv("EDGESTEAD_KV_NAMESPACE_ENGINE", "memory")

    assert HostSettings().port == 8787


def test_settings_do_not_change(environment) -> None:
    with pytest.raises(ValidationError):
        HostSettings().port = 1
