"""Telling clients to forget what was written, and waiting until they have."""

import asyncio
import time
from collections.abc import Sequence
from typing import Final

from kvstore._session import Session
from kvstore._wire import Invalidate, encode_frame

__all__ = ["Invalidations"]

# Beyond this many keys a client is told to forget everything.
_MAX_KEYS: Final = 10_000
# By how much timers may be early.
_TIMER_S: Final = 0.005

_Keys = Sequence[tuple[str, bytes]]


class Invalidations:
    """What clients are told within one loop turn is one message to each, and one answer."""

    def __init__(self, trusted_until: float) -> None:
        """Until `trusted_until`, by the monotonic clock, there may be clients that are unknown."""
        self.count = 0
        """How often something was to be forgotten so far."""

        self._unknown_until = trusted_until
        self._number = 0
        self._next: _Round | None = None
        self._under_way: dict[int, _Round] = {}

    async def tell(self, sessions: Sequence[Session], keys: _Keys, writer: Session | None) -> None:
        """Return when none of `sessions` keeps any of `keys`, or where there are none, anything.

        The writer itself hears of it before its answer anyway.
        """
        self.count += 1
        if any(session is not writer for session in sessions):
            if self._next is None:
                self._next = _Round(self._next_number())
                asyncio.get_running_loop().call_soon(self._send)
            self._next.add(sessions, keys)
            await asyncio.shield(self._next.ended)
        elif sessions and writer is not None:
            writer.connection.send(Invalidate(self._next_number(), [*keys]))
        unknown_s = self._unknown_until - time.monotonic()
        if unknown_s > 0:
            await asyncio.sleep(unknown_s + _TIMER_S)

    def confirm(self, session: Session, number: int) -> None:
        """Note that a client has forgotten what it was told."""
        round_ = self._under_way.get(number)
        if round_ is not None:
            self._discard(round_, session)

    def end(self, session: Session) -> None:
        """Note that a client is gone, or has been cut off and may not know yet."""
        if session.connection.was_cut_off:
            self._unknown_until = max(self._unknown_until, session.trusted_until)
        for round_ in list(self._under_way.values()):
            self._discard(round_, session)

    def behind(self, since: float) -> set[Session]:
        """Return the clients that have not confirmed what they were told before a moment."""
        rounds = [round_ for round_ in self._under_way.values() if round_.began < since]
        return {session for round_ in rounds for session in round_.waiting}

    def _next_number(self) -> int:
        self._number += 1
        return self._number

    def _send(self) -> None:
        round_, self._next = self._next, None
        assert round_ is not None  # it has asked for this
        round_.began = time.monotonic()
        round_.waiting = {session for session in round_.waiting if session.caches}
        frame = encode_frame(Invalidate(round_.number, round_.keys))
        for session in round_.waiting:
            session.connection.send_frame(frame)
        self._under_way[round_.number] = round_
        self._end_if_confirmed(round_)

    def _discard(self, round_: "_Round", session: Session) -> None:
        round_.waiting.discard(session)
        self._end_if_confirmed(round_)

    def _end_if_confirmed(self, round_: "_Round") -> None:
        if not round_.waiting:
            del self._under_way[round_.number]
            round_.ended.set_result(None)


class _Round:
    """One message to all clients, and who has not confirmed it yet."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.keys: list[tuple[str, bytes]] = []
        self.waiting: set[Session] = set()
        self.began = 0.0
        self.ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._is_of_everything = False

    def add(self, sessions: Sequence[Session], keys: _Keys) -> None:
        self.waiting.update(sessions)
        if not keys or len(self.keys) + len(keys) > _MAX_KEYS:
            self._is_of_everything = True
            self.keys.clear()
        if not self._is_of_everything:
            self.keys += keys
