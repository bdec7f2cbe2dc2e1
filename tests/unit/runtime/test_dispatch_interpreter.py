"""The interpreter is told once, by a process that serves; so this is asked of another process."""

import subprocess
import sys

SCRIPT = """
import gc, sys
from runtime._dispatch.interpreter import keep_loop_free

keep_loop_free()
print(sys.getswitchinterval(), gc.get_freeze_count() > 1000)
"""


def test_threads_give_way_soon_and_what_was_imported_is_left_alone_by_collections() -> None:
    result = subprocess.run(
        [sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=True
    )

    assert result.stdout.split() == ["0.001", "True"]
