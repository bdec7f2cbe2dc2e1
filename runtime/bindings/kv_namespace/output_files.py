"""Files that commands write: complete, or not there."""

import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

__all__ = ["open_output"]


@contextmanager
def open_output(file: Path) -> Iterator[BinaryIO]:
    """Open what is written to; a file of that name comes to be when the block ends well."""
    if str(file) == "-":
        yield sys.stdout.buffer
        return
    if file.exists() and not file.is_file():
        # A pipe or a device is there already, and stays what it is.
        with file.open("wb") as output:
            yield output
        return
    # Through a link, not in its place.
    place = file.resolve()
    try:
        descriptor, name = tempfile.mkstemp(prefix=f".{place.name}.", dir=place.parent)
    except OSError as error:
        # Told of the file that was asked for.
        error.filename = str(file)
        raise
    try:
        with open(descriptor, "wb") as output:
            yield output
            output.flush()
            os.fsync(descriptor)
        os.replace(name, place)
    finally:
        with suppress(FileNotFoundError):
            os.unlink(name)
