"""Whether a damaged log of LevelDB has lost writes that were confirmed.

When LevelDB meets damage in its log, it leaves out what it cannot read and goes on behind it. It
says so of a checksum that does not match, but not of zeros, nor of a length that goes beyond the
log's end: it takes those for the last batch, whose write a power cut has interrupted. They are more
than that where a batch stands behind them: it was written after what is missing was confirmed.

The log's format: blocks of 32 KiB, in each of them fragments of batches.

    CRC-32C u32, masked · length u16 · kind u8 (1 all, 2 first, 3 middle, 4 last) · bytes

All numbers are little-endian; the checksum covers kind and bytes. What does not hold a head at the
end of a block is zeros.
"""

import struct
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

__all__ = ["has_lost_confirmed_batches", "read_logs", "since_break"]

_BLOCK_BYTES: Final = 32 * 1024
_HEAD: Final = struct.Struct("<IHB")
_BEGINNINGS: Final = frozenset({1, 2})
_KINDS: Final = frozenset({1, 2, 3, 4})
_POLYNOMIAL: Final = 0x82F63B78
_MASK_DELTA: Final = 0xA282EAD8


def read_logs(folder: Path) -> Sequence[bytes]:
    """Return the logs of a store that is not open, in the order in which they began."""
    files = [file for file in folder.glob("*.log") if file.stem.isdigit()]
    try:
        return [file.read_bytes() for file in sorted(files, key=lambda file: int(file.stem))]
    except OSError:
        # LevelDB will say so in its turn.
        return []


def since_break(logs: Sequence[bytes]) -> Sequence[bytes]:
    """Return the logs from the first block on whose fragments do not follow each other; or nothing.

    Damage before it has a checksum that does not match, of which LevelDB tells. This is quick.
    """
    for index, log in enumerate(logs):
        for start in range(0, len(log), _BLOCK_BYTES):
            if not _is_chain(log[start : start + _BLOCK_BYTES]):
                return [log[start:], *logs[index + 1 :]]
    return []


def has_lost_confirmed_batches(logs: Sequence[bytes]) -> bool:
    """Tell whether a batch begins behind damage, of all logs in the order in which they began."""
    is_damaged = False
    for log in logs:
        for start in range(0, len(log), _BLOCK_BYTES):
            for is_sound, is_beginning in _fragments(log[start : start + _BLOCK_BYTES]):
                if is_damaged and is_sound and is_beginning:
                    return True
                is_damaged = is_damaged or not is_sound
    return False


def _is_chain(block: bytes) -> bool:
    position = 0
    while len(block) - position >= _HEAD.size:
        _, length, kind = _HEAD.unpack_from(block, position)
        if kind not in _KINDS:
            return False
        position += _HEAD.size + length
    return position <= len(block)


def _fragments(block: bytes) -> Iterator[tuple[bool, bool]]:
    """Tell of each fragment whether it is sound, and whether a batch begins with it.

    Behind one that is not, the next one is searched for.
    """
    position = 0
    while len(block) - position >= _HEAD.size:
        end = _end_of_fragment(block, position)
        if end is not None:
            yield True, block[position + _HEAD.size - 1] in _BEGINNINGS
            position = end
            continue
        yield False, False
        position = next(
            (
                other
                for other in range(position + 1, len(block) - _HEAD.size + 1)
                if _end_of_fragment(block, other) is not None
            ),
            len(block),
        )


def _end_of_fragment(block: bytes, position: int) -> int | None:
    """Return where the fragment at `position` ends; None where there is none."""
    head: tuple[int, int, int] = _HEAD.unpack_from(block, position)
    checksum, length, kind = head
    start = position + _HEAD.size
    if kind not in _KINDS or start + length > len(block):
        return None
    if _masked(_crc32c(block[start - 1 : start + length])) != checksum:
        return None
    return start + length


def _table() -> tuple[int, ...]:
    table = []
    for value in range(256):
        for _ in range(8):
            value = value >> 1 ^ (_POLYNOMIAL if value & 1 else 0)
        table.append(value)
    return tuple(table)


_TABLE: Final = _table()


def _crc32c(data: bytes) -> int:
    crc = 0xFFFFFFFF
    for byte in data:
        crc = _TABLE[(crc ^ byte) & 0xFF] ^ crc >> 8
    return crc ^ 0xFFFFFFFF


def _masked(crc: int) -> int:
    return ((crc >> 15 | crc << 17) + _MASK_DELTA) & 0xFFFFFFFF
