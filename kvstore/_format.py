"""The format of a store, which stands in it under its last key."""

from pathlib import Path
from typing import Final

from kvstore._keys import FORMAT_KEY
from kvstore._ordered import OrderedDatabase, read
from kvstore.errors import FormatTooNewError

__all__ = ["require_format"]

_FORMAT: Final = 1


def require_format(database: OrderedDatabase, path: Path) -> None:
    """Note the format in a new store; raise FormatTooNewError for one that is not known."""
    written = read(database, FORMAT_KEY)
    if written is None:
        with database.write_batch(transaction=True, sync=True) as batch:
            batch.put(FORMAT_KEY, str(_FORMAT).encode())
    elif not written.isdigit() or int(written) > _FORMAT:
        raise FormatTooNewError(
            f"the KV store {path} has format {written.decode(errors='replace')}, this version "
            f"reads up to {_FORMAT}; use the version of edgestead that wrote it, or a newer one"
        )
