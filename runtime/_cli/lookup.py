"""Which commands there are: ours, each in its module, then those that plugins bring."""

import importlib
import sys
from typing import Any, Final

import typer
from typer.core import TyperCommand, TyperGroup
from typer.main import get_group

__all__ = ["BUILT_IN", "CommandLine", "compile_typer"]

BUILT_IN: Final = ("serve", "init", "config", "check")
"""Our own commands, in the order of the help: each is a function in the module of its name."""


class CommandLine(TyperGroup):
    """Imports a command when it is used, or listed.

    `runtime serve` starts the sooner for it, and a plugin whose commands cannot be used does not
    stand in the way of ours.
    """

    _knows_plugins = False

    def list_commands(self, ctx: Any) -> list[str]:
        """Return the names of all commands, those of plugins last."""
        for name in BUILT_IN:
            self._built_in(name)
        self._add_those_of_plugins()
        return list(self.commands)

    def get_command(self, ctx: Any, cmd_name: str) -> TyperCommand | TyperGroup | None:
        """Return the command of that name, None where there is none."""
        if cmd_name in BUILT_IN:
            return self._built_in(cmd_name)
        self._add_those_of_plugins()
        if cmd_name not in self.commands:
            # Among all of them there may be one that was meant.
            self.list_commands(ctx)
        command = self.commands.get(cmd_name)
        assert command is None or isinstance(command, TyperCommand | TyperGroup)
        return command

    def _built_in(self, name: str) -> TyperCommand | TyperGroup:
        if name not in self.commands:
            app = typer.Typer()
            app.command(name)(getattr(importlib.import_module(f"runtime._cli.{name}"), name))
            self.add_command(compile_typer(app).commands[name])
        command = self.commands[name]
        assert isinstance(command, TyperCommand | TyperGroup)
        return command

    def _add_those_of_plugins(self) -> None:
        if self._knows_plugins:
            return
        self._knows_plugins = True
        # What plugins need is not for every command to import.
        from runtime._cli.plugin_commands import find_plugin_commands

        found = find_plugin_commands(BUILT_IN)
        for problem in found.problems:
            sys.stderr.write(f"warning: {problem}\n")
        for name, group in found.groups.items():
            self.add_command(group, name)


def compile_typer(app: typer.Typer) -> TyperGroup:
    """Return an application's commands as ours are shown, in plain text."""
    parent = typer.Typer(rich_markup_mode=None)
    parent.add_typer(app, name="app")
    group = get_group(parent).commands["app"]
    assert isinstance(group, TyperGroup)
    return group
