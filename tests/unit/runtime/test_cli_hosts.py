"""What the commands of plugins see: configs and local state, as `runtime serve` has them."""

from collections.abc import Callable
from pathlib import Path

import pytest

from runtime._cli.hosts import LocalHosts
from runtime._dev.projects import NoConfigError
from runtime._registry import Registry
from runtime.errors import PluginError
from wrangler_compat import ConfigError

KV = """
[[kv_namespaces]]
binding = "NOTES"
id = "top"

[triggers]
crons = ["* * * * *"]

[env.staging]
[[env.staging.kv_namespaces]]
binding = "NOTES"
id = "staged"
"""
KIND = "kv_namespace"


@pytest.fixture
def hosts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> LocalHosts:
    monkeypatch.chdir(tmp_path)
    return LocalHosts(Registry.discover())


def ids(host) -> list[str]:
    return [raw.fields["namespace_id"] for raw in host.bindings(KIND)]


def test_bindings_and_triggers_are_those_of_the_environment(hosts, make_worker) -> None:
    folder = make_worker("one", "", config=KV)

    top, staged = hosts.local(config=[folder]), hosts.local(config=[folder], env="staging")

    assert (ids(top), ids(staged)) == (["top"], ["staged"])
    assert [trigger.fields["cron"] for trigger in top.triggers("cron")] == ["* * * * *"]
    assert (top.mode, top.now() > 1_700_000_000) == ("dev", True)


def test_a_folder_of_workers_is_all_of_them(hosts, make_worker, tmp_path: Path) -> None:
    make_worker("workers/one", "", config=KV)
    make_worker("workers/two", "", config=KV)

    host = hosts.local()

    assert [raw.worker for raw in host.bindings(KIND)] == ["one", "two"]
    assert host.data_dir(KIND) == tmp_path / ".edgestead" / KIND


def test_state_is_where_serve_keeps_it(
    hosts, make_worker: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = make_worker("one", "", config=KV)
    config = folder / "wrangler.toml"

    assert hosts.local(config=[folder]).data_dir("x") == folder / ".edgestead" / "x"
    assert hosts.local(config=[config]).data_dir("x") == folder / ".edgestead" / "x"
    assert hosts.local(persist_to=Path("here")).data_dir("x") == tmp_path / "here" / "x"
    monkeypatch.setenv("EDGESTEAD_PERSIST_TO", "there")
    assert hosts.local(config=[folder]).data_dir("x") == tmp_path / "there" / "x"


def test_a_config_that_is_wrong_is_in_the_way_of_its_bindings_only(
    hosts, make_worker, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = make_worker("one", "", config="x = [\n")

    host = hosts.local(config=[folder])

    assert host.data_dir("x") == folder / ".edgestead" / "x"
    with pytest.raises(ConfigError, match=r"wrangler\.toml:6"):
        host.bindings(KIND)


def test_a_warning_of_a_config_is_told_once(
    hosts, make_worker, capsys: pytest.CaptureFixture[str]
) -> None:
    host = hosts.local(config=[make_worker("one", "", config=KV)], env="prod")

    assert (ids(host), ids(host)) == (["top"], ["top"])
    told = capsys.readouterr().err
    assert told.startswith("warning: ")
    assert told.count('"prod"') == 1


def test_without_a_config_there_is_state_only_where_it_is_named(hosts) -> None:
    with pytest.raises(NoConfigError):
        hosts.local().data_dir("x")
    with pytest.raises(NoConfigError):
        hosts.local().bindings(KIND)
    with pytest.raises(NoConfigError):
        hosts.local(config=[Path("nowhere")], persist_to=Path("state")).bindings(KIND)

    assert hosts.local(persist_to=Path("state")).bindings(KIND) == []


def test_the_operators_options_are_those_of_the_environment(
    hosts, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EDGESTEAD_FLAGS_ALSO", "beta")

    assert hosts.local().option("flags", "also", "none") == "beta"
    assert hosts.local().option("flags", "other", "none") == "none"


async def test_nothing_is_owned_and_no_worker_runs(hosts) -> None:
    host = hosts.local()

    with pytest.raises(PluginError, match='owns nothing of the binding kind "flags"'):
        host.owner("flags")
    with pytest.raises(PluginError, match='"fetch" of shop was asked for'):
        await host.invoke("shop", "fetch")
