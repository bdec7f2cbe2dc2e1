"""What a damaged log says about the writes in it."""

import random
from pathlib import Path

import plyvel
import pytest

from kvstore._log_damage import has_lost_confirmed_batches, read_logs, since_break


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A log of batches that are shorter and longer than its blocks."""
    folder = tmp_path_factory.mktemp("log") / "store"
    database = plyvel.DB(str(folder), create_if_missing=True)
    chance = random.Random(1)
    for number in range(200):
        database.put(b"%d" % number, chance.randbytes(chance.choice((10, 500, 3000))))
    database.put(b"long", chance.randbytes(100_000))
    database.put(b"last", chance.randbytes(100_000))
    database.close()
    (log,) = read_logs(folder)
    return log


BLOCK = 32 * 1024
LAST_BATCH = 100_000


def test_a_sound_log_has_lost_nothing(log: bytes) -> None:
    assert since_break([log, log]) == []
    assert not has_lost_confirmed_batches([log])
    assert not has_lost_confirmed_batches([log, log])
    assert not has_lost_confirmed_batches([])


@pytest.mark.parametrize("seed", range(10))
def test_a_changed_bit_before_the_last_batch_is_a_loss(log: bytes, seed: int) -> None:
    chance = random.Random(seed)
    changed = bytearray(log)
    changed[chance.randrange(len(log) - LAST_BATCH - 1000)] ^= 1 << chance.randrange(8)

    assert has_lost_confirmed_batches([bytes(changed)])


def test_zeros_in_the_middle_are_a_loss(log: bytes) -> None:
    changed = log[:8192] + bytes(4096) + log[8192 + 4096 :]

    assert has_lost_confirmed_batches([changed])
    assert has_lost_confirmed_batches(since_break([log, changed]))


def test_what_is_searched_begins_with_the_block_in_which_lengths_do_not_fit(log: bytes) -> None:
    place = BLOCK * 2 + 5
    changed = log[:place] + b"\xff" + log[place + 1 :]

    assert since_break([log, changed, log]) == [changed[BLOCK * 2 :], log]
    assert since_break([log, log[:-1000]]) == [log[:-1000][len(log) // BLOCK * BLOCK :]]


@pytest.mark.parametrize("cut", [1, 5, 1000, 50_000])
def test_a_last_batch_that_is_cut_or_garbled_is_none(log: bytes, cut: int) -> None:
    rest = log[:-cut]

    assert not has_lost_confirmed_batches([rest])
    assert not has_lost_confirmed_batches([rest + bytes(40_000)])
    assert not has_lost_confirmed_batches([rest + random.Random(cut).randbytes(cut)])


def test_what_comes_behind_is_also_what_a_later_log_holds(log: bytes) -> None:
    assert has_lost_confirmed_batches([log[:-1000] + bytes(1000), log])


def test_logs_are_read_in_their_order_and_nothing_else_is(tmp_path: Path) -> None:
    for name in ("000010.log", "000009.log", "LOG", "note.log", "000011.ldb"):
        (tmp_path / name).write_bytes(name.encode())

    assert read_logs(tmp_path) == [b"000009.log", b"000010.log"]
    (tmp_path / "000012.log").mkdir()
    assert read_logs(tmp_path) == []
    assert read_logs(tmp_path / "none") == []
