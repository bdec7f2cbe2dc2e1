"""Which plugins are found, and which are refused."""

import sys
import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import runtime.bindings
from runtime._registry import ENTRY_POINT_GROUP, Registry
from runtime.errors import PluginError
from runtime.plugins import BindingPlugin

PLUGIN = """
    from contextlib import asynccontextmanager
    from runtime.plugins import BindingPlugin

    class Plugin(BindingPlugin):
        kinds = ("flag",)
        sections = {"flags": "flag"}
        def parse(self, raw, report): return raw
        @asynccontextmanager
        async def open(self, host): yield self
    """


class Plugin(BindingPlugin[Any]):
    """A plugin as a test needs it."""

    def __init__(self, *kinds: str, **sections: str) -> None:
        self.kinds = kinds  # type: ignore[misc]
        self.sections = sections  # type: ignore[misc]

    def parse(self, raw: Any, report: Any) -> Any:
        return raw

    def open(self, host: Any) -> Any:
        raise NotImplementedError


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Install a distribution with one plugin, as pip would lay it down."""
    monkeypatch.syspath_prepend(str(tmp_path))

    def install_(name: str, source: str, target: str = "Plugin", version: str = "1.0") -> None:
        module = f"{name}_of_test"
        (tmp_path / f"{module}.py").write_text(textwrap.dedent(source))
        info = tmp_path / f"{name}-{version}.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
        (info / "entry_points.txt").write_text(
            f"[{ENTRY_POINT_GROUP}]\n{name} = {module}:{target}\n"
        )
        monkeypatch.delitem(sys.modules, module, raising=False)

    return install_


def test_built_in_kinds_are_the_modules_of_bindings() -> None:
    registry = Registry.discover()

    assert {"json", "plain_text", "secret_text", "service"} <= set(registry.kinds)
    assert registry.kinds == sorted(registry.kinds)
    assert registry.problems == {}
    assert registry.source("service") == "runtime.bindings.service"
    assert registry.plugin("plain_text") is registry.plugin("json")
    assert registry.plugin("nope") is None


def test_a_new_module_in_bindings_is_a_new_kind_and_nothing_else_changes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = Registry.discover().kinds
    (tmp_path / "flag_of_test.py").write_text(
        '__all__ = ["Plugin"]\n' + textwrap.dedent(PLUGIN).replace('"flag"', '"flag_of_test"')
    )
    monkeypatch.setattr(runtime.bindings, "__path__", [*runtime.bindings.__path__, str(tmp_path)])
    monkeypatch.delitem(sys.modules, "runtime.bindings.flag_of_test", raising=False)

    registry = Registry.discover()

    assert registry.kinds == sorted([*before, "flag_of_test"])
    assert registry.sections["flags"] == "flag_of_test"


def test_an_installed_distribution_adds_a_kind_and_its_config_key(install) -> None:
    install("flags", PLUGIN, version="2.1")

    registry = Registry.discover()

    assert "flag" in registry.kinds
    assert registry.sections["flags"] == "flag"
    assert registry.source("flag") == "flags_of_test:Plugin of flags 2.1"


@pytest.mark.parametrize(
    ("source", "target", "reason"),
    [
        ("import no_such_module", "Plugin", "does not load: ModuleNotFoundError: No module named"),
        ("x = 1", "Plugin", "does not load: AttributeError"),
        ("def make(): raise ValueError('boom')", "make", "does not load: ValueError: boom"),
        ("class Plugin: pass", "Plugin", "is not a subclass of runtime.plugins.BindingPlugin"),
        ("Plugin = 5", "Plugin", "does not load: TypeError"),
        (PLUGIN.replace('("flag",)', '"flag"'), "Plugin", "needs `kinds`, a tuple of names"),
        (PLUGIN.replace('("flag",)', "()"), "Plugin", "needs `kinds`, a tuple of names"),
        (PLUGIN.replace('kinds = ("flag",)', ""), "Plugin", "needs `kinds`, a tuple of names"),
        (
            PLUGIN.replace('"flags": "flag"', '"flags": "flug"'),
            "Plugin",
            "reads config keys for kinds that it does not serve: flug",
        ),
    ],
)
def test_a_plugin_that_cannot_be_used_is_a_problem_and_not_the_end(
    install, source: str, target: str, reason: str
) -> None:
    install("broken", source, target)

    registry = Registry.discover()

    ((where, problem),) = registry.problems.items()
    assert where == f"broken_of_test:{target} of broken 1.0"
    assert str(problem).startswith(f"the binding plugin {where} ")
    assert reason in str(problem)
    assert "service" in registry.kinds
    assert "flag" not in registry.kinds


def test_two_servers_of_one_kind_are_refused_naming_both(install) -> None:
    install("first", PLUGIN)
    install("second", PLUGIN.replace('"flags"', '"flags2"'))

    with pytest.raises(PluginError) as caught:
        Registry.discover()

    message = str(caught.value)
    assert message.startswith('the binding kind "flag" is served by ')
    assert "first_of_test:Plugin of first 1.0" in message
    assert "second_of_test:Plugin of second 1.0" in message
    assert message.endswith("uninstall one of them")


def test_a_built_in_kind_is_not_replaced(install) -> None:
    install("greedy", PLUGIN.replace('("flag",)', '("flag", "service")'))

    with pytest.raises(PluginError, match='kind "service" is served by runtime.bindings.service'):
        Registry.discover()


def test_two_readers_of_one_config_key_are_refused_naming_both() -> None:
    with pytest.raises(PluginError, match='the config key "keys" is read by one and by two'):
        Registry([("one", Plugin("a", keys="a")), ("two", Plugin("b", keys="b"))])


def test_a_registry_is_made_of_what_it_is_given() -> None:
    plugin = Plugin("b", "a", keys="b")

    registry = Registry([("here", plugin)])

    assert registry.kinds == ["a", "b"]
    assert registry.plugin("a") is registry.plugin("b") is plugin
    assert dict(registry.sections) == {"keys": "b"}
