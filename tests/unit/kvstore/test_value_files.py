"""Files of large values: what is written is read, and what the disk refuses is told."""

from pathlib import Path

import pytest

from kvstore import EngineError
from kvstore._keys import PIECE_BYTES
from kvstore._value_files import ValueFiles

ID = bytes(range(12))


@pytest.mark.parametrize("sync", [True, False])
def test_a_value_is_read_in_pieces_as_it_was_written_in_parts(tmp_path: Path, sync: bool) -> None:
    files = ValueFiles(tmp_path / "values", sync=sync)

    files.append(ID, b"a" * PIECE_BYTES)
    files.append(ID, b"b" * 10)
    files.settle(ID)

    assert files.pieces(ID, range(3)) == [b"a" * PIECE_BYTES, b"b" * 10, b""]
    assert list(files.ids()) == [ID]


def test_a_value_is_nobody_elses_business(tmp_path: Path) -> None:
    files = ValueFiles(tmp_path / "values", sync=False)

    files.append(ID, b"secret")

    (file,) = (tmp_path / "values").iterdir()
    assert file.stat().st_mode & 0o777 == 0o600
    assert file.parent.stat().st_mode & 0o777 == 0o700


def test_a_value_that_is_not_there_is_empty_and_may_be_deleted(tmp_path: Path) -> None:
    files = ValueFiles(tmp_path / "values", sync=True)

    files.delete(ID)

    assert files.pieces(ID, [0, 1]) == [b"", b""]
    assert list(files.ids()) == []


def test_a_deleted_value_is_gone(tmp_path: Path) -> None:
    files = ValueFiles(tmp_path / "values", sync=True)
    files.append(ID, b"value")

    files.delete(ID)

    assert list((tmp_path / "values").iterdir()) == []


def test_what_the_disk_refuses_is_told(tmp_path: Path) -> None:
    (tmp_path / "values").write_text("not a folder")
    files = ValueFiles(tmp_path / "values", sync=True)

    with pytest.raises(EngineError, match="values cannot be written: Not a directory"):
        files.append(ID, b"value")
    with pytest.raises(EngineError, match="cannot be read: Not a directory"):
        files.pieces(ID, [0])
    with pytest.raises(EngineError, match="cannot be written: Not a directory"):
        files.settle(ID)
    with pytest.raises(EngineError, match="cannot be deleted: Not a directory"):
        files.delete(ID)
