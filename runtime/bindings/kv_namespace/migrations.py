"""`runtime migrate`: code of a worker moves what is in one namespace to another one."""

import asyncio
import inspect
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Final

import typer
from typer.core import TyperGroup

from kvstore import KVNamespace, StoreError
from runtime.bindings.kv_namespace.arguments import Force
from runtime.bindings.kv_namespace.choosing import Target, bound_target, on_host
from runtime.bindings.kv_namespace.outcomes import Outcome
from runtime.bindings.kv_namespace.output import ask, json_text, progress, quoted, say, tell
from runtime.bindings.kv_namespace.output_files import open_output
from runtime.bindings.kv_namespace.stores import reach_store
from runtime.plugins import CommandHosts, HostError, HostView

__all__ = ["migrate_commands"]

# Under which name workers declare their migrations.
_GROUP: Final = "migrations"
_NAME: Final = "NAME"


class _AnyName(TyperGroup):
    """Takes whatever stands there for its one command: workers say which migrations there are."""

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """Return the command."""
        return super().get_command(ctx, _NAME)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Options:
    name: str
    from_: str
    to: str
    dry_run: bool
    delete_source: bool
    report: Path | None
    force: bool


def migrate_commands(hosts: CommandHosts) -> typer.Typer:
    """Return the group of commands."""

    def migrate(
        host: HostView,
        context: typer.Context,
        from_: Annotated[
            str, typer.Option("--from", metavar="BINDING", help="Where the records are.")
        ],
        to: Annotated[str, typer.Option("--to", metavar="BINDING", help="Where they are to be.")],
        dry_run: Annotated[
            bool, typer.Option("--dry-run", help="Write nothing; say what would be done.")
        ] = False,
        delete_source: Annotated[
            bool,
            typer.Option(
                "--delete-source", help="Then delete what was moved, if that is everything."
            ),
        ] = False,
        report: Annotated[
            Path | None,
            typer.Option(metavar="FILE", help="Write a report in JSON; - is standard output."),
        ] = None,
        force: Force = False,
    ) -> None:
        """Move records to another namespace, and check that all have arrived.

        A worker declares NAME in its pyproject.toml, under [tool.edgestead.migrations]. The exit
        code is 0 where every record is in the target, and equal. Interrupted, the same command goes
        on with the rest.
        """
        options = _Options(
            name=str(context.info_name),
            from_=from_,
            to=to,
            dry_run=dry_run,
            delete_source=delete_source,
            report=report,
            force=force,
        )
        _migrate(hosts, host, options)

    app = typer.Typer(
        cls=_AnyName,
        help="Move records from one KV namespace to another, as a worker says how.",
        subcommand_metavar="NAME [OPTIONS]",
        no_args_is_help=True,
    )
    app.command(_NAME)(on_host(hosts, migrate))
    return app


def _migrate(hosts: CommandHosts, host: HostView, options: _Options) -> None:
    source, target = _two_namespaces(host, options.from_, options.to)
    with hosts.load(host, _GROUP, options.name) as migration:
        if not inspect.iscoroutinefunction(migration):
            raise HostError(f'the migration "{options.name}" is not an async function')
        question = f"Delete what has arrived from the namespace {source.shown}?"
        deletes = options.delete_source and not options.dry_run
        if deletes and not ask(question, force=options.force):
            say("Nothing was done.")
            raise typer.Exit(1)
        with ExitStack() as files:
            report = options.report
            output = None if report is None else files.enter_context(open_output(report))
            result = asyncio.run(_run(migration, source, target, options))
            outcome = Outcome.of(result, options.name)
            if output is not None:
                text = json_text(outcome.as_json())
                output.write(f"{text}\n".encode("utf-8", "backslashreplace"))
    _tell(outcome, options, tell if str(report) == "-" else say)


def _two_namespaces(host: HostView, from_: str, to: str) -> tuple[Target, Target]:
    source, target = bound_target(host, from_), bound_target(host, to)
    if source.id == target.id:
        # All would be there already, and might then be deleted.
        raise HostError(
            f"{quoted(from_)} and {quoted(to)} are one namespace (id: {quoted(source.id)})"
        )
    return source, target


async def _run(
    migration: Callable[..., Any], source: Target, target: Target, options: _Options
) -> Any:
    async with reach_store(source.host) as engine:
        clock = source.host.now
        with _told_how_to_go_on(options), _progress() as on_progress:
            return await migration(
                KVNamespace(engine, source.id, clock=clock),
                KVNamespace(engine, target.id, clock=clock),
                dry_run=options.dry_run,
                delete_source=options.delete_source,
                on_progress=on_progress,
            )


@contextmanager
def _told_how_to_go_on(options: _Options) -> Iterator[None]:
    try:
        yield
    except (asyncio.CancelledError, KeyboardInterrupt, OSError, StoreError):
        if not options.dry_run:
            tell("Stopped; the same command goes on with the rest.")
        raise


@contextmanager
def _progress() -> Iterator[Callable[[str, int, int | None], None]]:
    """Yield what is told how far which step is; each has a bar of its own."""
    with ExitStack() as bars:
        shown: str | None = None
        show: Callable[[int], None] | None = None

        def on_progress(step: str, done: int, total: int | None = None) -> None:
            nonlocal shown, show
            if show is None or step != shown:
                bars.close()
                show = bars.enter_context(progress(step, total))
                shown = step
            show(done)

        yield on_progress


def _tell(outcome: Outcome, options: _Options, show: Callable[[str], None]) -> None:
    """Say what has come of it; raise HostError, or Exit, where it is not complete."""
    from_, to = quoted(options.from_), quoted(options.to)
    if outcome.is_nothing and outcome.is_complete:
        show(f"There are no {options.name} in {from_}.")
        return
    done = "to migrate" if options.dry_run else "migrated"
    show(
        f"{options.name}: {outcome.migrated} {done}, {outcome.skipped} already there, "
        f"{outcome.counted_findings}"
    )
    for line in outcome.lines():
        show(line)
    if options.dry_run:
        show("Nothing was written: this was a dry run.")
    if outcome.is_complete:
        show(f"Every record of {from_} is in {to}, and equal.")
        if options.delete_source and not options.dry_run:
            show(f"{outcome.deleted} were deleted from {from_}.")
    elif options.dry_run and not (outcome.conflicts or outcome.errors):
        raise typer.Exit(1)
    else:
        kept = "; nothing was deleted" if options.delete_source and not outcome.deleted else ""
        raise HostError(
            f"not every record of {from_} is in {to}, and equal: {outcome.counted_findings}{kept}"
        )
