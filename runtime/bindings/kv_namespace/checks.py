"""`runtime kv check`: is everything in the store what was written?"""

import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer

from kvstore.checking import CheckReport
from runtime.bindings.kv_namespace.output import progress, quoted, say
from runtime.bindings.kv_namespace.spec import KIND
from runtime.bindings.kv_namespace.stores import DEFAULT_ENGINE
from runtime.plugins import HostError, HostView

__all__ = ["check"]


def check(
    host: HostView,
    folder: Annotated[
        Path | None,
        typer.Argument(metavar="FOLDER", help="The store's folder; default: that of local state."),
    ] = None,
    repair: Annotated[
        bool, typer.Option("--repair", help="Delete what is damaged, and keep all else.")
    ] = False,
) -> None:
    """Read the whole store and tell what is damaged.

    Nobody else may have it open.
    """
    if folder is None:
        engine = host.option(KIND, "engine", DEFAULT_ENGINE)
        if engine != DEFAULT_ENGINE:
            raise HostError(f"only stores of {DEFAULT_ENGINE} can be checked, and this is {engine}")
        folder = host.data_dir(KIND)
    # Only here: the engine's library need not be installed for the other commands.
    from kvstore.engines.leveldb import check_store

    with progress("Checking") as on_progress:
        report = check_store(folder, repair=repair, on_progress=on_progress)
    for line in _lines(report, is_repaired=repair):
        say(line)
    if report.is_sound or repair:
        what = "is sound" if report.is_sound else "was damaged, and is repaired"
        say(f"The KV store {folder} {what}.")
        return
    raise HostError(
        f"the KV store {folder} is damaged; `runtime kv check --repair {shlex.quote(str(folder))}` "
        "deletes what is damaged and keeps all else"
    )


def _lines(report: CheckReport, *, is_repaired: bool) -> Iterator[str]:
    for namespace, count in sorted(report.records.items()):
        yield f"namespace {quoted(namespace)}: {count} sound records"
    lost = "lost" if is_repaired else "damaged"
    if report.unreadable:
        yield f"damaged: {report.unreadable}"
    for name, key in report.lost:
        yield f"{lost}: {_shown(name, key)}"
    for damaged in report.damaged:
        yield f"{lost}: {_shown(damaged.namespace, damaged.key)}: {damaged.fault}"
    cleared = "deleted" if is_repaired else "found"
    if report.left_over:
        yield f"{cleared}: {len(report.left_over)} entries that belong to no record; harmless"
    if report.unindexed:
        indexed = "added" if is_repaired else "missing"
        yield f"{indexed}: {len(report.unindexed)} entries of the expiry index"


def _shown(namespace: str, key: bytes) -> str:
    return f"key {quoted(key.decode(errors='replace'))} of namespace {quoted(namespace)}"
