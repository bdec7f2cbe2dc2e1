"""An ASGI application's start and stop: once for each loaded worker."""

import asyncio
import logging
from collections.abc import Hashable
from typing import Any, Final

from workers._asgi_types import Application, Event
from workers._host import Host

__all__ = ["Lifespan", "lifespan_of"]

logger = logging.getLogger(__name__)

_VERSION: Final = {"version": "3.0", "spec_version": "2.0"}
_SHUTDOWN_S: Final = 10.0
# More applications than this in one worker are made anew for each request, by mistake.
_MANY_APPLICATIONS: Final = 16
_KEY: Final = "workers.asgi.lifespans"


class Lifespan:
    """Runs an application's lifespan in a task, which ends when the worker is closed.

    An application that has none, and by the specification raises, counts as started.
    """

    __slots__ = (
        "_app",
        "_cause",
        "_env",
        "_failure",
        "_shutdown",
        "_startup",
        "_task",
        "started",
        "state",
    )

    def __init__(self, app: Application, env: Any) -> None:
        """Begin to start; the running loop is the worker's."""
        self.started = False
        self.state: dict[str, Any] = {}
        self._app = app
        self._env = env
        self._startup = asyncio.Event()
        self._shutdown = asyncio.Event()
        self._failure: str | None = None
        self._cause: BaseException | None = None
        # A task of its own: the first request may be cancelled, and ends long before.
        self._task = asyncio.create_task(self._run())

    async def start(self) -> None:
        """Wait until the application has started; raise RuntimeError each time if it did not."""
        await self._startup.wait()
        if self._failure is not None:
            raise RuntimeError(
                f"the ASGI application did not start: {self._failure}; "
                "its log has the details, and a reload tries again"
            ) from self._cause
        self.started = True

    async def stop(self) -> None:
        """Let the application shut down; cancel it when it takes over 10 s."""
        self._shutdown.set()
        if not self._startup.is_set():
            # Told from here: a task that is cancelled before its first step tells nobody.
            self._failure = "its worker was closed before"
            self._startup.set()
            self._task.cancel()
        _, late = await asyncio.wait([self._task], timeout=_SHUTDOWN_S)
        if late:
            logger.error("the ASGI application did not shut down in %.0f s", _SHUTDOWN_S)
            self._task.cancel()
            await asyncio.wait([self._task], timeout=_SHUTDOWN_S)

    async def _run(self) -> None:
        scope = {"type": "lifespan", "asgi": _VERSION, "state": self.state, "env": self._env}
        events = iter(("lifespan.startup",))

        async def receive() -> Event:
            event = next(events, "lifespan.shutdown")
            if event == "lifespan.shutdown":
                await self._shutdown.wait()
            return {"type": event}

        try:
            await self._app(scope, receive, self._send)
        except asyncio.CancelledError:
            raise
        except BaseException as error:
            self._note(error)
        finally:
            self._startup.set()

    def _note(self, error: BaseException) -> None:
        if self._failure is not None:
            # Starlette raises again what it has told of.
            self._cause = error
        elif self._startup.is_set():
            logger.error("the ASGI application's lifespan failed", exc_info=error)
        elif isinstance(error, Exception):
            logger.debug("no ASGI lifespan, or none that started", exc_info=error)
        else:
            self._failure = f"{type(error).__name__} {error}".strip()
            self._cause = error

    async def _send(self, event: Event) -> None:
        kind = event["type"]
        message = str(event.get("message") or "").strip() or "it gives no reason"
        if kind == "lifespan.startup.failed":
            # Starlette sends a whole traceback; its last line says what happened.
            self._failure = message.splitlines()[-1]
            logger.error("the ASGI application did not start: %s", message)
        elif kind == "lifespan.shutdown.failed":
            logger.error("the ASGI application did not shut down cleanly: %s", message)
        elif kind not in ("lifespan.startup.complete", "lifespan.shutdown.complete"):
            raise RuntimeError(f"unexpected ASGI lifespan event {kind!r}")
        self._startup.set()


def lifespan_of(app: Application, env: Any, host: Host) -> Lifespan:
    """Return the application's lifespan in the worker that runs; the first call begins it."""
    lifespans: dict[object, Lifespan] = host.worker_state.setdefault(_KEY, {})
    # A lifespan keeps its application, so no other one can get that id.
    key = app if isinstance(app, Hashable) else id(app)
    lifespan = lifespans.get(key)
    if lifespan is None:
        lifespan = lifespans[key] = Lifespan(app, env)
        host.on_worker_close(lifespan.stop)
        if len(lifespans) == _MANY_APPLICATIONS:
            logger.warning(
                "asgi.fetch has met %d different applications in one worker, and keeps each; "
                "make the application once, at module level",
                _MANY_APPLICATIONS,
            )
    return lifespan
