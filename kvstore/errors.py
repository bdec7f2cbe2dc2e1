"""Every exception that this package raises.

StoreError
├── KVError                 a call that KV refuses (.status); also a ValueError
├── EngineError             an engine cannot be opened, or cannot do what it was asked
│   ├── EngineLockedError       another process holds the store (.pid)
│   ├── CorruptStoreError       the files of a store are damaged beyond single records
│   ├── EngineClosedError       the engine was closed, or belongs to the parent of this process
│   └── OwnerUnavailableError   the process that owns the store cannot be reached, or went away
├── CorruptRecordError      stored bytes are not what was written
├── ImportFormatError       a line of a file is not a record (.line)
└── FormatTooNewError       stored by a newer version
"""

from pathlib import Path
from typing import ClassVar

__all__ = [
    "CorruptRecordError",
    "CorruptStoreError",
    "EngineClosedError",
    "EngineError",
    "EngineLockedError",
    "FormatTooNewError",
    "ImportFormatError",
    "KVError",
    "OwnerUnavailableError",
    "StoreError",
]


class StoreError(Exception):
    """The root of this package's exceptions.

    `code` is stable and may be matched on; `exit_code` is what a command line ends with.
    """

    code: ClassVar[str] = "store_error"
    exit_code: ClassVar[int] = 1


class KVError(StoreError, ValueError):
    """KV refuses a call; the text is Cloudflare's: `KV PUT failed: 413 Value length of …`."""

    code = "kv_refused"

    def __init__(self, verb: str, status: int, reason: str) -> None:
        super().__init__(f"KV {verb} failed: {status} {reason}")
        self.status = status


class EngineError(StoreError):
    """An engine is not installed, cannot be opened, or the disk refuses its work."""

    code = "engine_failed"


class EngineLockedError(EngineError):
    """A store is open already, in another process or in this one; `pid` is the holder."""

    code = "engine_locked"

    def __init__(self, path: Path, pid: int | None, command: str = "") -> None:
        name = f" ({command})" if command else ""
        holder = "another process" if pid is None else f"process {pid}{name}"
        super().__init__(
            f"the KV store {path} is in use by {holder}; stop it, or choose another folder for "
            "local state with --persist-to"
        )
        self.path = path
        self.pid = pid


class CorruptStoreError(EngineError):
    """The files of a store are damaged, so that more than single records cannot be read."""

    code = "store_corrupt"

    fault: str = ""
    """What is wrong, without what to do about it."""


class EngineClosedError(EngineError):
    """The engine was closed, or was opened before this process was forked from its owner."""

    code = "engine_closed"


class OwnerUnavailableError(EngineError):
    """The process that owns the store cannot be reached, or went away before it answered."""

    code = "owner_unavailable"


class CorruptRecordError(StoreError):
    """A stored record fails its checksum or breaks the format."""

    code = "record_corrupt"


class FormatTooNewError(StoreError):
    """A record or a store was written by a newer version; it is refused, never misread."""

    code = "format_too_new"


class ImportFormatError(StoreError):
    """A line of a file is not a record that can be stored; `line` counts from 1."""

    code = "import_format"

    def __init__(self, line: int, fault: str) -> None:
        super().__init__(f"line {line}: {fault}")
        self.line = line
