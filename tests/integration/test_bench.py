"""The benchmark runs, shows what it measured beside the targets, and says what it knows."""

import subprocess
import sys
from pathlib import Path

BENCH = Path(__file__).parents[1] / "bench"


def bench(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, BENCH, *arguments], capture_output=True, text=True, check=False
    )


def test_a_section_prints_a_row_for_each_measure(tmp_path: Path) -> None:
    result = bench("kv_opening", "--keys", "2000", "--folder", tmp_path)

    assert result.returncode == 0, result.stderr
    rows = [[cell.strip() for cell in line.split("|")] for line in result.stdout.splitlines()]
    (row,) = [row for row in rows if row[1:2] == ["open after a crash, 2,000 keys"]]
    assert (row[3], row[5]) == ("≤ 3.00 s", "ok")
    assert "0 targets missed" in result.stdout


def test_a_section_that_is_not_there_is_told(tmp_path: Path) -> None:
    result = bench("nonsense", "--folder", tmp_path)

    assert result.returncode == 2
    assert "there is no such section; there are: kv_opening, " in result.stderr
