"""How long an event loop does not turn, while something else is measured."""

import asyncio
import time
from types import TracebackType

__all__ = ["LoopLag"]

_TICK_S = 0.001


class LoopLag:
    """Within its block, notes by how much each tick of a millisecond is late."""

    def __init__(self) -> None:
        self._late_s: list[float] = []
        self._last = 0.0
        self._timer: asyncio.TimerHandle | None = None

    @property
    def worst_ms(self) -> float:
        """The longest time for which the loop did not turn."""
        return max(self._late_s, default=0.0) * 1000

    def ms_at(self, part: float) -> float:
        """The time that `part` of all ticks were not late by more than."""
        late_s = sorted(self._late_s)
        return late_s[min(len(late_s) - 1, int(len(late_s) * part))] * 1000 if late_s else 0.0

    def __enter__(self) -> "LoopLag":
        self._last = time.perf_counter()
        self._tick()
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
        self._timer = asyncio.get_running_loop().call_later(_TICK_S, self._tick)

    def _note(self) -> None:
        now = time.perf_counter()
        self._late_s.append(max(0.0, now - self._last - _TICK_S))
        self._last = now
