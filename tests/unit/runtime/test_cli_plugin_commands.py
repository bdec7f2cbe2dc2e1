"""Which commands there are: ours, those of plugins, and what becomes of broken ones."""

import sys
import textwrap
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
import typer

from runtime._cli.hosts import LocalHosts
from runtime._cli.plugin_commands import collect_commands
from runtime._registry import Registry
from runtime.errors import PluginError
from runtime.plugins import BindingPlugin

FLAGS = """
    from contextlib import asynccontextmanager
    from pathlib import Path
    import typer
    from runtime.plugins import BindingPlugin, HostError

    class Plugin(BindingPlugin):
        kinds = ("flags",)
        sections = {"flags": "flags"}
        def parse(self, raw, report): return raw
        @asynccontextmanager
        async def open(self, host): yield self
        def commands(self, hosts):
            app = typer.Typer(help="Feature flags.")
            @app.command()
            def show(config: list[Path] = []):
                host = hosts.local(config=config)
                for raw in host.bindings("flags"):
                    print(raw.worker, raw.name, raw.fields["on"])
            @app.command()
            def fail():
                raise HostError("the flags are stuck")
            return {"flags": app}
    """


class Plugin(BindingPlugin[Any]):
    """A plugin with commands as a test needs them."""

    def __init__(self, kind: str, commands: Any) -> None:
        self.kinds = (kind,)  # type: ignore[misc]
        self._commands = commands

    def parse(self, raw: Any, report: Any) -> Any:
        return raw

    def open(self, host: Any) -> Any:
        raise NotImplementedError

    def commands(self, hosts: Any) -> Mapping[str, typer.Typer]:
        if isinstance(self._commands, Exception):
            raise self._commands
        return self._commands


def group(function: Callable[..., None] = lambda: None) -> typer.Typer:
    app = typer.Typer()
    app.command("show")(function)
    return app


def not_to_be_a_command(given: complex | bytes) -> None:
    """What the library refuses only when it makes a command of it."""


def collect(*plugins: Plugin) -> Any:
    registry = Registry([(f"of {plugin.kinds[0]}", plugin) for plugin in plugins])
    return collect_commands(registry, LocalHosts(registry), ["serve"])


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Install a distribution with one plugin."""
    site = tmp_path / "site"
    monkeypatch.syspath_prepend(str(site))

    def install_(source: str) -> None:
        info = site / "flags-1.0.dist-info"
        info.mkdir(parents=True)
        (site / "flags_with_commands.py").write_text(textwrap.dedent(source))
        (info / "METADATA").write_text("Metadata-Version: 2.1\nName: flags\nVersion: 1.0\n")
        (info / "entry_points.txt").write_text(
            "[edgestead.bindings]\nflags = flags_with_commands:Plugin\n"
        )
        monkeypatch.delitem(sys.modules, "flags_with_commands", raising=False)

    return install_


def test_a_plugin_brings_commands_and_one_without_brings_none() -> None:
    found = collect(Plugin("a", {"one": group(), "two": group()}), Plugin("b", {}))

    assert list(found.groups) == ["one", "two"]
    assert list(found.groups["one"].commands) == ["show"]
    assert found.problems == []


def test_two_plugins_of_one_command_are_refused_naming_both() -> None:
    with pytest.raises(PluginError, match='"x" is brought by of a and by of b; uninstall one'):
        collect(Plugin("a", {"x": group()}), Plugin("b", {"x": group()}))


def test_a_command_of_ours_is_not_replaced() -> None:
    with pytest.raises(PluginError, match='"serve" is brought by edgestead itself and by of a'):
        collect(Plugin("a", {"serve": group()}))


@pytest.mark.parametrize(
    ("commands", "reason"),
    [
        (ValueError("boom"), "ValueError: boom"),
        (None, "TypeError: they are a dict of typer.Typer by name, not NoneType"),
        ({"x": "no group"}, "TypeError: 'x' is no name with a typer.Typer"),
        ({5: typer.Typer()}, "TypeError: 5 is no name with a typer.Typer"),
        ({"x": group(not_to_be_a_command)}, "AssertionError: Typer currently"),
    ],
)
def test_commands_that_cannot_be_used_are_a_problem_and_others_work(
    commands: Any, reason: str
) -> None:
    found = collect(Plugin("bad", commands), Plugin("good", {"fine": group()}))

    assert "fine" in found.groups
    assert "x" not in found.groups
    (problem,) = found.problems
    assert str(problem).startswith(
        f"the commands of the binding plugin of bad cannot be used: {reason}"
    )


def test_help_lists_our_commands_and_those_of_plugins(command, install) -> None:
    install(FLAGS)

    ended = command("--help")

    assert ended.code == 0
    listed = ended.output.decode()
    assert "  serve " in listed
    assert "  kv " in listed
    assert "  flags " in listed
    assert "Feature flags." in listed


def test_an_installed_plugins_command_reads_the_configs(command, install, make_worker) -> None:
    install(FLAGS)
    make_worker("shop", "", config='[[flags]]\nbinding = "FLAGS"\non = "beta"\n')

    ended = command("flags", "show", "--config", "shop")

    assert ended.output == b"shop FLAGS beta\n"
    assert ended.code == 0


def test_its_error_is_a_message(command, install) -> None:
    install(FLAGS)

    ended = command("flags", "fail")

    assert (ended.code, ended.errors) == (1, "error: the flags are stuck\n")


def test_broken_commands_are_told_and_are_in_the_way_of_no_other(command, install) -> None:
    install(FLAGS.replace("app = typer", "raise RuntimeError('boom')\n            app = typer"))

    ended = command("kv", "--help")

    assert ended.code == 0
    assert ended.errors == (
        "warning: the commands of the binding plugin flags_with_commands:Plugin of flags 1.0 "
        "cannot be used: RuntimeError: boom\n"
    )
    assert "bulk" in ended.output.decode()


def test_a_plugin_that_does_not_load_is_told(command, install) -> None:
    install("import no_such_module")

    ended = command("kv", "--help")

    assert ended.code == 0
    assert "warning: the binding plugin flags_with_commands:Plugin of flags 1.0 does not load" in (
        ended.errors
    )


def test_ours_do_not_even_look_at_plugins(command, install) -> None:
    install("raise SystemExit('looked at')")

    assert command("serve", "--help").code == 0


def test_an_unknown_command_is_told_with_what_is_like_it(command) -> None:
    ended = command("serv")

    assert ended.code == 2
    assert "No such command 'serv'. Did you mean 'serve'" in ended.errors
