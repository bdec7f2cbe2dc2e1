"""The command `runtime`: one module a command."""

from runtime._cli.main import main

__all__ = ["main"]
