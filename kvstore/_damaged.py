"""What is said of a store that cannot be read: its files are damaged, or something hinders that."""

import errno
import os
import shlex
from pathlib import Path
from typing import Final

from kvstore.errors import CorruptStoreError, EngineError

__all__ = ["check_command", "damaged_store", "text_of", "unreadable_store"]

# LevelDB passes on what the system says.
_NO_ROOM: Final = tuple(map(os.strerror, (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)))
_NO_ACCESS: Final = tuple(
    map(os.strerror, (errno.EACCES, errno.EPERM, errno.EROFS, errno.EMFILE, errno.ENFILE))
)


def unreadable_store(path: Path, said: str, *, fault: str = "cannot be opened") -> EngineError:
    """Return the error for a store of which LevelDB has said why it cannot be read.

    Where nothing but damage can be the cause, that is the `fault`.
    """
    for reasons, advice in ((_NO_ROOM, "make room first"), (_NO_ACCESS, "see to that first")):
        if said.endswith(reasons):
            return EngineError(
                f"the KV store {path} cannot be opened: {said}; nothing in it is damaged by that: "
                f"{advice}"
            )
    return damaged_store(path, f"{fault}: {said}")


def damaged_store(path: Path, fault: str) -> CorruptStoreError:
    """Return the error for a store; `fault` goes on where its path ends."""
    error = CorruptStoreError(
        f"the KV store {path} {fault}; `{check_command(path, '--repair ')}` rebuilds it of what "
        "can be read, or move the folder away to begin with an empty one"
    )
    error.fault = f"the store {fault}"
    return error


def check_command(path: Path, options: str = "") -> str:
    """Return the command that checks this store, in whichever folder it is given."""
    return f"runtime kv check {options}{shlex.quote(str(path.parent.resolve()))}"


def text_of(error: Exception) -> str:
    """Return what LevelDB says; plyvel wraps bytes."""
    said = error.args[0] if error.args else ""
    return said.decode(errors="replace") if isinstance(said, bytes) else str(said)
