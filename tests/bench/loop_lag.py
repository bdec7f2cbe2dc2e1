"""How long an event loop does not turn, while something else is measured."""

import asyncio
import threading
import time
from types import TracebackType

__all__ = ["LoopLag"]

_TICK_S = 0.001


class LoopLag:
    """Within its block, notes by how much each tick of a millisecond is late.

    Linux tells for how long a thread was ready to run and had no processor. That time is the
    machine's and not counted, neither that of the loop's thread, nor the longest of another one:
    it may be the one that the loop waits for. What the loop's thread computes counts in any case.
    """

    def __init__(self) -> None:
        self._late_s: list[float] = []
        self._last = 0.0
        self._seen: dict[int, tuple[float, float]] = {}
        self._timer: asyncio.TimerHandle | None = None

    @property
    def worst_ms(self) -> float:
        """The longest time for which the loop did not turn."""
        return max(self._late_s, default=0.0) * 1000

    def __enter__(self) -> "LoopLag":
        self._loop_thread = threading.get_native_id()
        self._begin_tick()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._note()
        assert self._timer is not None
        self._timer.cancel()

    def _tick(self) -> None:
        self._note()
        self._begin_tick()

    def _begin_tick(self) -> None:
        self._seen = _times_s()
        self._last = time.perf_counter()
        self._timer = asyncio.get_running_loop().call_later(_TICK_S, self._tick)

    def _note(self) -> None:
        late_s = time.perf_counter() - self._last - _TICK_S
        if late_s <= _TICK_S:
            self._late_s.append(max(0.0, late_s))
            return
        nothing = (0.0, 0.0)
        spent = {
            thread: (
                ran - self._seen.get(thread, nothing)[0],
                waited - self._seen.get(thread, nothing)[1],
            )
            for thread, (ran, waited) in _times_s().items()
        }
        ran, waited = spent.pop(self._loop_thread)
        others = max((waited for _, waited in spent.values()), default=0.0)
        self._late_s.append(max(min(ran, late_s), late_s - waited - others))


def _times_s() -> dict[int, tuple[float, float]]:
    """Return for how long each thread of Python has run, and has been ready to run."""
    times = {}
    for thread in threading.enumerate():
        if thread.native_id is not None:
            with open(f"/proc/self/task/{thread.native_id}/schedstat", "rb") as file:
                ran, waited, _ = file.read().split()
            times[thread.native_id] = (int(ran) / 1e9, int(waited) / 1e9)
    return times
