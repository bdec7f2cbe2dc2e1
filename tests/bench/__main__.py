"""What this reaches on this machine: `make bench`, or `python tests/bench --help`.

A section is a module with one function, `measure(bench)`, that is listed here.
"""

import argparse
import os
import platform
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType

import kv_gets
import kv_http
import kv_large
import kv_lists
import kv_loop
import kv_opening
import kv_owner
import kv_puts
import services
import uvloop
from bench import Bench
from table import Table

from runtime._dispatch.interpreter import keep_loop_free

_SECTIONS: tuple[ModuleType, ...] = (
    kv_opening,
    kv_puts,
    kv_gets,
    kv_lists,
    kv_owner,
    kv_large,
    kv_loop,
    kv_http,
    services,
)


def _chosen(names: Sequence[str]) -> Sequence[ModuleType]:
    """Return the sections of those names; `kv` means all whose name begins with it."""
    return [
        section
        for section in _SECTIONS
        if not names or any(f"{section.__name__}_".startswith(f"{name}_") for name in names)
    ]


def main() -> None:
    known = ", ".join(section.__name__ for section in _SECTIONS)
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("sections", nargs="*", help=f"what to measure, of: {known}; or `kv`")
    parser.add_argument("--keys", type=int, default=1_000_000, help="in the large namespace")
    parser.add_argument("--rounds", type=int, default=7, help="of what is compared")
    parser.add_argument("--folder", type=Path, help="where to write; kept, and used again")
    given = parser.parse_args()
    sections = _chosen(given.sections)
    if not sections:
        parser.error(f"there is no such section; there are: {known}")
    # As `runtime serve` does.
    keep_loop_free()
    folder = given.folder or Path(tempfile.mkdtemp(prefix="edgestead-bench-"))
    folder.mkdir(parents=True, exist_ok=True)
    table = Table()
    bench = Bench(folder=folder, keys=given.keys, rounds=given.rounds, table=table)
    try:
        for section in sections:
            uvloop.run(section.measure(bench))
    finally:
        if not given.folder:
            shutil.rmtree(folder)
    cores = os.cpu_count()
    print(f"\n{cores} cores, {platform.system()}, Python {platform.python_version()}")
    print(f"{len(table.missed)} targets missed")


if __name__ == "__main__":
    main()
