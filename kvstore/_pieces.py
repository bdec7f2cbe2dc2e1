"""Values that are read piece by piece, wherever the pieces come from."""

import asyncio
import zlib
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from typing import Final

from kvstore._keys import PIECE_BYTES, piece_count
from kvstore._record_store import WHOLE_MAX_BYTES
from kvstore._records import INCOMPLETE, DetachedValue, corrupt_record

__all__ = ["ValueInPieces"]

_STEP_PIECES: Final = WHOLE_MAX_BYTES // PIECE_BYTES


class ValueInPieces:
    """A value that is read piece by piece; `release()` is called once it is read or closed."""

    def __init__(
        self,
        value: DetachedValue,
        where: tuple[str, bytes],
        read_pieces: Callable[[Iterable[int]], Awaitable[Sequence[bytes]]],
        release: Callable[[], None],
    ) -> None:
        self._value = value
        self._where = where
        self._read_pieces = read_pieces
        self._release_once: Callable[[], None] | None = release
        self._loop = asyncio.get_running_loop()

    @property
    def length(self) -> int:
        """The number of bytes."""
        return self._value.length

    async def __aiter__(self) -> AsyncIterator[bytes]:
        count = piece_count(self._value.length)
        checksum = 0
        try:
            for first in range(0, count, _STEP_PIECES):
                numbers = range(first, min(first + _STEP_PIECES, count))
                for piece in await self._read_pieces(numbers):
                    checksum = zlib.crc32(piece, checksum)
                    yield piece
            if checksum != self._value.checksum:
                raise corrupt_record(*self._where, INCOMPLETE)
        finally:
            self._release()

    async def aclose(self) -> None:
        """Let the pieces go."""
        self._release()

    def __del__(self) -> None:
        # Whichever thread collects this, the engine's books belong to its loop.
        if self._release_once is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._release_once)

    def _release(self) -> None:
        release, self._release_once = self._release_once, None
        if release is not None:
            release()
