"""Where a mail goes, and the outbox, where it goes in local development."""

import logging
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from runtime.bindings.send_email.messages import OutgoingMail

__all__ = ["Outbox", "OutboxMail", "Transport"]

_KEPT: Final = 200

logger = logging.getLogger(__name__)


class Transport(Protocol):
    """Takes mails; raises OSError where it cannot."""

    async def send(self, mail: OutgoingMail, worker: str) -> None:
        """Take a mail of a worker."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OutboxMail:
    """A mail that waits to be looked at."""

    number: int
    worker: str
    sent_at: float
    mail: OutgoingMail


class Outbox:
    """Keeps the latest mails in memory, for whoever develops the worker; nothing is sent."""

    def __init__(self, *, clock: Callable[[], float], page: str) -> None:
        """`clock` tells seconds since the epoch, `page` is where the mails can be read."""
        self._clock = clock
        self._page = page
        self._mails: deque[OutboxMail] = deque(maxlen=_KEPT)
        self._sent = 0

    @property
    def mails(self) -> Sequence[OutboxMail]:
        """The mails, newest first."""
        return list(reversed(self._mails))

    async def send(self, mail: OutgoingMail, worker: str) -> None:
        """Keep a mail, and say where; not what is in it, for that may be a code."""
        self._sent += 1
        self._mails.append(
            OutboxMail(number=self._sent, worker=worker, sent_at=self._clock(), mail=mail)
        )
        logger.info('worker "%s" has sent a mail; read it at %s', worker, self._page)

    def clear(self) -> None:
        """Throw all mails away."""
        self._mails.clear()
