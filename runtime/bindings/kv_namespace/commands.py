"""`runtime kv`: the local store from the command line, whether or not a server has it open."""

from typing import Any, Final

import typer
from typer.core import TyperCommand

from runtime.bindings.kv_namespace.bulk import delete_keys, get_keys, put_keys
from runtime.bindings.kv_namespace.checks import check
from runtime.bindings.kv_namespace.choosing import on_host, on_namespace
from runtime.bindings.kv_namespace.copies import export_keys, import_keys
from runtime.bindings.kv_namespace.keys import delete_key, get_key, list_keys, put_key
from runtime.bindings.kv_namespace.namespaces import list_namespaces
from runtime.plugins import CommandHosts

__all__ = ["kv_commands"]

_PREVIEW: Final = {"true": "--preview", "false": "--no-preview"}


class _Command(TyperCommand):
    """Takes `--preview false` too, which is how wrangler says it."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Parse the arguments."""
        words: list[str] = []
        for word in args:
            if words and words[-1] == "--preview" and word in _PREVIEW:
                words[-1] = _PREVIEW[word]
            else:
                words.append(word)
        return super().parse_args(ctx, words)


def kv_commands(hosts: CommandHosts) -> typer.Typer:
    """Return the group of commands."""
    kv = _group("Read and write KV namespaces in local state.")
    namespace = _group("Say which namespaces there are.")
    namespace.command("list", cls=_Command)(on_host(hosts, list_namespaces))
    key = _group("Read and write one key at a time.")
    key.command("put", cls=_Command)(on_namespace(hosts, put_key))
    key.command("list", cls=_Command)(on_namespace(hosts, list_keys))
    key.command("get", cls=_Command)(on_namespace(hosts, get_key))
    key.command("delete", cls=_Command)(on_namespace(hosts, delete_key))
    bulk = _group("Read and write many keys at once.")
    bulk.command("get", cls=_Command)(on_namespace(hosts, get_keys))
    bulk.command("put", cls=_Command)(on_namespace(hosts, put_keys))
    bulk.command("delete", cls=_Command)(on_namespace(hosts, delete_keys))
    kv.add_typer(namespace, name="namespace")
    kv.add_typer(key, name="key")
    kv.add_typer(bulk, name="bulk")
    kv.command("export", cls=_Command)(on_namespace(hosts, export_keys))
    kv.command("import", cls=_Command)(on_namespace(hosts, import_keys))
    kv.command("check", cls=_Command)(on_host(hosts, check))
    return kv


def _group(text: str) -> typer.Typer:
    return typer.Typer(help=text, no_args_is_help=True)
