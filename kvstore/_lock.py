"""The lock that keeps a store to one opener: its own file, held for as long as the store is open.

LevelDB's own lock is not enough: a second attempt to open the store in one process, or reading its
LOCK file there, drops the lock without a sign, and another process then destroys data. `flock` on a
file beside the store belongs to the open file, so neither can happen to it.
"""

import fcntl
import os
import threading
from pathlib import Path
from typing import Final

from kvstore.errors import EngineError, EngineLockedError

__all__ = ["StoreLock"]

# A process must know what it has open itself, whoever opened it: so this is the process's.
_open_paths: Final[dict[Path, int]] = {}
_registry_lock: Final = threading.Lock()


class StoreLock:
    """Holds `<store>.lock`; the file has the holder's process id in it and is never removed."""

    def __init__(self, store: Path) -> None:
        """Take the lock; raise EngineLockedError, naming the holder, where the store is open."""
        self._store = store.resolve()
        self._file = Path(f"{self._store}.lock")
        with _registry_lock:
            if _open_paths.get(self._store) == os.getpid():
                raise EngineLockedError(store, os.getpid(), "this very process")
            self._descriptor = self._acquire(store)
            _open_paths[self._store] = os.getpid()

    def release(self) -> None:
        """Let the store go."""
        with _registry_lock:
            _open_paths.pop(self._store, None)
            # A child that was forked meanwhile has the file open too; this lets the lock itself go.
            fcntl.flock(self._descriptor, fcntl.LOCK_UN)
            os.close(self._descriptor)

    def _acquire(self, store: Path) -> int:
        try:
            descriptor = os.open(self._file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise EngineError(
                f"the KV store {store} cannot be opened: {error.strerror}: {self._file}"
            ) from error
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            pid = _written_pid(descriptor)
            os.close(descriptor)
            raise EngineLockedError(store, pid, _command_of(pid)) from None
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
        return descriptor


def _written_pid(descriptor: int) -> int | None:
    text = os.pread(descriptor, 32, 0).strip()
    return int(text) if text.isdigit() else None


def _command_of(pid: int | None) -> str:
    try:
        return Path(f"/proc/{pid}/comm").read_text(encoding="utf-8").strip()
    except OSError:
        # Not on Linux, or the process has just ended.
        return ""
