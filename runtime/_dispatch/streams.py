"""Bodies that cross from one worker to another: each chunk is made in its maker's context."""

from collections.abc import AsyncIterator, Callable
from contextlib import suppress

from runtime._dispatch.faults import FAULTS
from runtime._dispatch.invocation import Invocation
from workers import Request, Response
from workers._host import current_host
from workers.body import Body
from workers.request import incoming_request

__all__ = ["OwnedStream", "own_stream", "received_request"]


class OwnedStream:
    """An async iterator of bytes whose every step runs with its owner as the current host.

    A streamed body is read after the handler returned, by the server or by another worker; its
    generator may still use `env`, `fetch` and `waitUntil` of the worker that wrote it.
    """

    __slots__ = ("_done", "_has_ended", "_inner", "_owner")

    def __init__(
        self,
        inner: AsyncIterator[bytes],
        owner: Invocation,
        done: Callable[[], None] | None = None,
    ) -> None:
        """Wrap `inner`; `done()` is called once, when it ends, fails or is closed."""
        self._inner = inner
        self._owner = owner
        self._done = done
        self._has_ended = False

    def __aiter__(self) -> "OwnedStream":
        return self

    async def __anext__(self) -> bytes:
        token = current_host.set(self._owner)
        try:
            return await self._inner.__anext__()
        except FAULTS as fault:
            self._end()
            raise self._owner.worker.error_of(fault, "a streamed body") from None
        except BaseException:
            self._end()
            raise
        finally:
            current_host.reset(token)

    async def aclose(self) -> None:
        """Close the inner iterator; a generator's `finally` runs in its maker's context."""
        token = current_host.set(self._owner)
        try:
            close = getattr(self._inner, "aclose", None)
            if close is not None:
                await close()
        except FAULTS as fault:
            raise self._owner.worker.error_of(fault, "closing a streamed body") from None
        finally:
            self._end()
            current_host.reset(token)

    def __del__(self) -> None:
        # A body that nobody read to its end or closed. Whoever drops it, in whichever thread and
        # context, it is closed in its maker's.
        if not self._has_ended:
            with suppress(RuntimeError):  # the loop is closed, and with it all that runs
                self._owner.worker.node.loop.call_soon_threadsafe(
                    _close_abandoned, self._inner, self._owner, self._done
                )

    def _end(self) -> None:
        self._has_ended = True
        done, self._done = self._done, None
        if done is not None:
            done()


def own_stream(
    message: Request | Response | Body,
    owner: Invocation,
    done: Callable[[], None] | None = None,
) -> bool:
    """Let a streamed body run in its owner's context; tell whether there is one."""
    streams = False

    def own(chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        nonlocal streams
        streams = True
        return OwnedStream(chunks, owner, done)

    (message.wrap if isinstance(message, Body) else message.wrap_stream)(own)
    return streams


def received_request(request: Request, sender: Invocation) -> Request:
    """Return a worker's request as another worker gets it: an object of its own.

    The body moves there, so the sender's is used; it is made in the sender's context still. Raises
    OSError where it is used already.
    """
    payload = request.body
    body = None if payload is None else Body(payload)
    if body is not None:
        own_stream(body, sender)
    pairs = list(request.header_pairs())
    return incoming_request(
        method=str(request.method),
        url=request.url,
        headers=lambda: pairs,
        body=body,
        cf=request.cf,
    )


def _close_abandoned(
    inner: AsyncIterator[bytes], owner: Invocation, done: Callable[[], None] | None
) -> None:
    owner.worker.spawn(_close_quietly(OwnedStream(inner, owner, done)))


async def _close_quietly(stream: OwnedStream) -> None:
    # Nobody is left to tell.
    with suppress(Exception):
        await stream.aclose()
