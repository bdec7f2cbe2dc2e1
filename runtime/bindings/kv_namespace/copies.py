"""`runtime kv export` and `runtime kv import`: a namespace as JSON lines."""

import asyncio
import os
import shutil
import stat
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, BinaryIO

import typer

from kvstore.errors import ImportFormatError
from kvstore.transfer import ImportResult, export_namespace, import_file
from runtime.bindings.kv_namespace.arguments import Force
from runtime.bindings.kv_namespace.choosing import Target
from runtime.bindings.kv_namespace.output import ask, progress, say, tell
from runtime.bindings.kv_namespace.output_files import open_output
from runtime.bindings.kv_namespace.stores import reach_store
from runtime.plugins import HostError

__all__ = ["export_keys", "import_keys"]


def export_keys(
    target: Target,
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="Where to; - is standard output.")
    ] = Path("-"),
    force: Force = False,
) -> None:
    """Write the namespace as JSON lines.

    Each is an object: key, value, and expiration and metadata where there are any. A value that is
    not text is base64, and "base64": true says so. They are those of one moment, whatever is
    written meanwhile. Whether a FILE may be replaced is asked, and it is when all is written.
    """
    if _is_regular(file) and not ask(f"Replace {file}?", force=force):
        say(f"Not replacing {file}.")
        return
    with open_output(file) as output:
        # A bar would be written into the lines that a terminal shows.
        is_shown = not output.isatty()
        count = asyncio.run(_export(target, output, is_shown))
    tell(f"Exported {count} keys of namespace {target.shown}.")


async def _export(target: Target, output: BinaryIO, is_shown: bool) -> int:
    async with reach_store(target.host) as engine:
        with progress("Exporting", is_shown=is_shown) as on_progress:
            return await export_namespace(engine, target.id, output, on_progress=on_progress)


def import_keys(
    target: Target,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Where from; - is standard input.")],
) -> None:
    """Write what an export wrote into the namespace.

    Keys of the same names are written over. Nothing is written where a line is wrong. A file for
    `bulk put` is read as well.
    """
    with _input(file) as source:
        try:
            result = asyncio.run(_import(target, source))
        except ImportFormatError as error:
            raise HostError(f"nothing was written, for {file} is wrong: {error}") from None
    expired = f" {result.expired} were expired and left out." if result.expired else ""
    say(f"Imported {result.written} keys to namespace {target.shown}.{expired}")


async def _import(target: Target, source: BinaryIO) -> ImportResult:
    done = 0
    is_complete = False

    def count(total: int) -> None:
        nonlocal done
        done = total
        on_progress(total)

    try:
        async with reach_store(target.host) as engine:
            with progress("Importing") as on_progress:
                result = await import_file(
                    engine, target.id, source, clock=target.host.now, on_progress=count
                )
                is_complete = True
                return result
    finally:
        if done and not is_complete:
            tell(f"Stopped after {done} keys; the same again does them all.")


# Files


def _is_regular(file: Path) -> bool:
    return str(file) != "-" and file.is_file()


@contextmanager
def _input(file: Path) -> Iterator[BinaryIO]:
    """Open what is read, which can be read twice."""
    if str(file) != "-":
        with file.open("rb") as source:
            if stat.S_ISREG(os.fstat(source.fileno()).st_mode):
                yield source
                return
            with _spooled(source) as copy:
                yield copy
        return
    with _spooled(sys.stdin.buffer) as copy:
        yield copy


@contextmanager
def _spooled(source: BinaryIO) -> Iterator[BinaryIO]:
    with tempfile.TemporaryFile() as copy:
        shutil.copyfileobj(source, copy)
        copy.seek(0)
        yield copy
