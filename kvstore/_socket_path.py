"""Unix sockets in folders with long names: the kernel takes no path over about 100 bytes."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

__all__ = ["short_socket_path"]

_SHORT_ENOUGH = 100


@contextmanager
def short_socket_path(path: Path) -> Iterator[str]:
    """Yield a path to the same socket that the kernel takes, valid within the block.

    Where `path` is too long, that is the way by the open folder, which Linux offers.
    """
    if len(os.fsencode(path)) <= _SHORT_ENOUGH:
        yield str(path)
        return
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        yield f"/proc/self/fd/{folder}/{path.name}"
    finally:
        os.close(folder)
