"""Values that are read and written as streams, each in a file of its own; all of it blocks.

LevelDB would write them anew with each compaction, and maps what it reads into memory: hundreds of
megabytes of large values would count as this process's.
"""

import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from kvstore._keys import PIECE_BYTES
from kvstore.errors import EngineError

__all__ = ["ValueFiles"]

_SUFFIX: Final = ".value"


class ValueFiles:
    """The values of one store by their ids; their files are this user's alone."""

    def __init__(self, folder: Path, *, sync: bool) -> None:
        """Keep them in `folder`, made when it is needed; with `sync`, `settle` means the disk."""
        self._folder = folder
        self._sync = sync

    def append(self, value_id: bytes, data: bytes) -> None:
        """Write the next part of a value; raise EngineError where the disk refuses."""
        with self._refusals("written"):
            if not self._folder.exists():
                self._folder.mkdir(mode=0o700)
                self._sync_folder(self._folder.parent)
            with open(self._path(value_id), "ab", opener=_open_private) as file:
                file.write(data)

    def settle(self, value_id: bytes) -> None:
        """Return when the value will be there after a power cut, if that was asked for."""
        if self._sync:
            with self._refusals("written"):
                with open(self._path(value_id), "rb") as file:
                    os.fsync(file.fileno())
                self._sync_folder(self._folder)

    def pieces(self, value_id: bytes, numbers: Iterable[int]) -> Sequence[bytes]:
        """Return pieces of a value, of `PIECE_BYTES` each; one that is missing is empty."""
        with self._refusals("read"):
            try:
                file = open(self._path(value_id), "rb", buffering=0)
            except FileNotFoundError:
                return [b"" for _ in numbers]
            with file:
                return [
                    os.pread(file.fileno(), PIECE_BYTES, number * PIECE_BYTES) for number in numbers
                ]

    def delete(self, value_id: bytes) -> None:
        """Delete a value; one that is not there is no error."""
        with self._refusals("deleted"):
            self._path(value_id).unlink(missing_ok=True)

    def ids(self) -> Iterator[bytes]:
        """Yield the ids of all values that are there."""
        for path in self._folder.glob(f"*{_SUFFIX}"):
            yield bytes.fromhex(path.stem)

    def _path(self, value_id: bytes) -> Path:
        return self._folder / f"{value_id.hex()}{_SUFFIX}"

    def _sync_folder(self, folder: Path) -> None:
        if self._sync:
            descriptor = os.open(folder, os.O_RDONLY)
            try:
                os.fsync(descriptor)
            finally:
                os.close(descriptor)

    @contextmanager
    def _refusals(self, what: str) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise EngineError(
                f"a large value in {self._folder} cannot be {what}: {error.strerror}"
            ) from error


def _open_private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)
