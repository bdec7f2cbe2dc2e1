"""One connection between owner and client: frames in, frames out, with back-pressure."""

import asyncio
import logging
from collections.abc import Callable
from typing import Final, cast

from kvstore._wire import ClientMessage, FrameError, FrameReader, OwnerMessage, encode_frame

__all__ = ["Connection"]

_HIGH_WATER_BYTES: Final = 1024 * 1024
# How long the other side may take over what is waiting for it when the connection is closed.
_CLOSING_S: Final = 2.0

logger = logging.getLogger(__name__)


class Connection(asyncio.Protocol):
    """Cuts what arrives into messages; what is sent within one loop turn goes out together."""

    def __init__(
        self,
        on_message: Callable[["Connection", bytes], None],
        on_lost: Callable[["Connection"], None],
    ) -> None:
        self._on_message = on_message
        self._on_lost = on_lost
        self._reader = FrameReader()
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport | None = None
        self._outgoing: list[bytes] = []
        self._outgoing_bytes = 0
        self._writable = asyncio.Event()
        self._writable.set()
        self.closed = asyncio.Event()
        self.was_cut_off = False
        """Whether this side has ended it without a word."""

    @property
    def is_writable(self) -> bool:
        """Whether the other side takes what it is sent; also when it is gone."""
        return self._writable.is_set()

    def send(self, message: ClientMessage | OwnerMessage) -> None:
        """Send a message; on a connection that is gone, nothing happens."""
        if self._transport is not None and not self._transport.is_closing():
            self.send_frame(encode_frame(message))

    def send_frame(self, frame: bytes) -> None:
        """Send a message that is in its frame already."""
        if not self._outgoing:
            self._loop.call_soon(self._flush)
        self._outgoing.append(frame)
        self._outgoing_bytes += len(frame)
        if self._outgoing_bytes > _HIGH_WATER_BYTES:
            self._flush()

    async def drain(self) -> None:
        """Wait while the other side takes nothing; return too when it is gone."""
        while not self._writable.is_set():
            await self._writable.wait()

    async def close(self) -> None:
        """Send what is waiting, then end the connection; cut it off where nobody takes that."""
        if self._transport is None:
            return
        self._flush()
        self._transport.close()
        try:
            await asyncio.wait_for(self.closed.wait(), _CLOSING_S)
        except TimeoutError:
            self.abort()
            await self.closed.wait()

    def abort(self) -> None:
        """End the connection at once."""
        self.was_cut_off = True
        if self._transport is not None:
            self._transport.abort()

    # What the event loop calls

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take the transport."""
        # A stream socket's transport, of whichever event loop.
        self._transport = cast(asyncio.Transport, transport)
        self._transport.set_write_buffer_limits(high=_HIGH_WATER_BYTES)

    def data_received(self, data: bytes) -> None:
        """Pass on the messages that are complete; end a connection that breaks the protocol."""
        try:
            for message in self._reader.feed(data):
                self._on_message(self, message)
        except FrameError as error:
            logger.error("a KV connection is ended: %s", error)
            self.abort()

    def pause_writing(self) -> None:
        """Note that much is waiting to be taken."""
        self._writable.clear()

    def resume_writing(self) -> None:
        """Note that it has been taken."""
        self._writable.set()

    def connection_lost(self, error: Exception | None) -> None:
        """Tell that the other side is gone."""
        self._outgoing.clear()
        self._writable.set()
        self.closed.set()
        self._on_lost(self)

    def _flush(self) -> None:
        frames, self._outgoing = self._outgoing, []
        self._outgoing_bytes = 0
        if frames and self._transport is not None and not self._transport.is_closing():
            self._transport.write(frames[0] if len(frames) == 1 else b"".join(frames))
