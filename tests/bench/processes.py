"""Other processes: servers that are measured, and what they take of the machine."""

import asyncio
import os
import signal
import sys
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

__all__ = ["BENCH", "Child", "started"]

BENCH = Path(__file__).parent

# One that writes a million keys first takes its time.
_READY_S = 120.0
_POLL_S = 0.02
_TICKS_A_SECOND = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Child:
    """A process that runs; `ready` is the line by which it said so."""

    pid: int
    ready: str

    @property
    def port(self) -> int:
        """The port at the end of the line by which it said that it is ready."""
        return int(self.ready.rstrip("/").rpartition(":")[2])

    def cpu_s(self) -> float:
        """Return how long it has computed so far."""
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / _TICKS_A_SECOND

    def kill(self) -> None:
        """End it without a chance to close anything."""
        os.kill(self.pid, signal.SIGKILL)

    def forget_peak(self) -> None:
        """Let the peak of its memory begin anew."""
        Path(f"/proc/{self.pid}/clear_refs").write_text("5")

    def peak_mib(self) -> float:
        """Return the peak of its memory (RSS: all that it maps and has touched)."""
        lines = Path(f"/proc/{self.pid}/status").read_text().splitlines()
        (peak,) = [line for line in lines if line.startswith("VmHWM:")]
        return int(peak.split()[1]) / 1024


@asynccontextmanager
async def started(
    arguments: Sequence[str | Path], output: Path, *, ready: str = "ready", **environ: str
) -> AsyncIterator[Child]:
    """Run Python with `arguments` until the end of the block; begin it once it has said `ready`.

    What it prints goes to the file `output`, so that nobody has to read it meanwhile.
    """
    with output.open("wb") as file:
        process = await asyncio.create_subprocess_exec(
            sys.executable, *arguments, stdout=file, stderr=file, env=os.environ | environ
        )
    try:
        yield Child(process.pid, await _line_with(ready, process, output))
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()


async def _line_with(text: str, process: asyncio.subprocess.Process, output: Path) -> str:
    give_up_at = time.monotonic() + _READY_S
    while time.monotonic() < give_up_at and process.returncode is None:
        for line in _lines(output):
            if text in line and line.endswith("\n"):
                return line.strip()
        await asyncio.sleep(_POLL_S)
    raise TimeoutError(f"no {text!r} in: {''.join(_lines(output))}")


def _lines(output: Path) -> Sequence[str]:
    return output.read_text().splitlines(keepends=True)
