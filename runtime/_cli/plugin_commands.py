"""The commands that plugins bring."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import typer
from typer.core import TyperGroup

from runtime._cli.hosts import LocalHosts
from runtime._cli.lookup import compile_typer
from runtime._registry import Registry
from runtime.errors import PluginError
from runtime.plugins import BindingPlugin, CommandHosts

__all__ = ["PluginCommands", "collect_commands", "find_plugin_commands"]


@dataclass(frozen=True, slots=True, kw_only=True)
class PluginCommands:
    """Groups of commands by name, and what is wrong with plugins."""

    groups: Mapping[str, TyperGroup]
    problems: Sequence[PluginError]


def find_plugin_commands(built_in: Iterable[str]) -> PluginCommands:
    """Return the commands of every plugin that is installed."""
    registry = Registry.discover()
    found = collect_commands(registry, LocalHosts(registry), built_in)
    return PluginCommands(
        groups=found.groups, problems=[*registry.problems.values(), *found.problems]
    )


def collect_commands(
    registry: Registry, hosts: CommandHosts, built_in: Iterable[str]
) -> PluginCommands:
    """Return the commands of a registry's plugins.

    A plugin whose commands cannot be used is a problem, and has none. Raises PluginError where two
    of them name one command, or one names a command of ours.
    """
    groups: dict[str, TyperGroup] = {}
    problems: list[PluginError] = []
    sources = dict.fromkeys(built_in, "edgestead itself")
    for source, plugin in registry.plugins:
        try:
            found = _groups_of(plugin, hosts)
        except Exception as error:
            problem = PluginError(
                f"the commands of the binding plugin {source} cannot be used: "
                f"{type(error).__name__}: {error}"
            )
            problems.append(problem)
            continue
        for name, group in found.items():
            if name in sources:
                raise PluginError(
                    f'the command "{name}" is brought by {sources[name]} and by {source}; '
                    "uninstall one of them"
                )
            sources[name] = source
            groups[name] = group
    return PluginCommands(groups=groups, problems=problems)


def _groups_of(plugin: BindingPlugin[Any], hosts: CommandHosts) -> Mapping[str, TyperGroup]:
    given: object = plugin.commands(hosts)
    if not isinstance(given, Mapping):
        raise TypeError(f"they are a dict of typer.Typer by name, not {type(given).__name__}")
    groups = {}
    for name, app in given.items():
        if not isinstance(name, str) or not isinstance(app, typer.Typer):
            raise TypeError(f"{name!r} is no name with a typer.Typer")
        groups[name] = compile_typer(app)
    return groups
