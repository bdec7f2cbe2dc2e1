"""The commands, and the errors that end one."""

import io
import logging
import sys
from importlib.metadata import version
from typing import Annotated, NoReturn

import typer
from pydantic import ValidationError

from kvstore import StoreError
from runtime._cli.lookup import CommandLine
from runtime.errors import HostError
from wrangler_compat import CompatError

__all__ = ["app", "run"]

app = typer.Typer(
    name="runtime",
    # A command of ours is a name in `lookup.BUILT_IN`, and a module.
    cls=CommandLine,
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _show_version(wanted: bool) -> None:
    if wanted:
        print(f"edgestead {version('edgestead')}")
        raise typer.Exit


@app.callback()
def runtime(
    show_version: Annotated[
        bool,
        typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version."),
    ] = False,
) -> None:
    """Run Cloudflare-style workers, written in Python."""


class _LevelFirst(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        return f"{record.levelname.lower()}: {super().format(record)}"


def run() -> None:
    """Run the command line of this process; what goes wrong is a message and an exit code."""
    for stream in (sys.stdout, sys.stderr):
        # What the encoding cannot say is escaped, as Python itself does on standard error.
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    # A command may log differently; this is for those that say nothing about it.
    handler = logging.StreamHandler()
    handler.setFormatter(_LevelFirst())
    logging.basicConfig(handlers=[handler])
    try:
        app()
    except (HostError, CompatError, StoreError) as error:
        _end(str(error), error.exit_code)
    except ValidationError as error:
        lines = [
            f"EDGESTEAD_{'_'.join(map(str, item['loc'])).upper()}: {item['msg']}"
            for item in error.errors()
        ]
        _end("\n".join(("settings in the environment are wrong", *lines)), 2)
    except OSError as error:
        # A folder that cannot be written, a disk that is full: the system's words say it best.
        reason = error.strerror or str(error)
        _end(f"{reason}: {error.filename}" if error.filename else reason, 1)


def _end(message: str, exit_code: int) -> NoReturn:
    sys.stderr.write(f"error: {message}\n")
    sys.exit(exit_code)
