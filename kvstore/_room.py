"""Whether there is room on a disk."""

import os
import tempfile
from pathlib import Path

__all__ = ["require_room"]


def require_room(folder: Path, length: int) -> None:
    """Raise OSError where a file of `length` bytes cannot be written in `folder`; blocks."""
    with tempfile.TemporaryFile(dir=folder) as file:
        file.write(bytes(length))
        # Only then does every file system know.
        os.fsync(file.fileno())
