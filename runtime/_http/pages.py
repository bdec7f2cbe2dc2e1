"""What a client sees when no worker could answer."""

import html
import logging
import traceback
from collections.abc import Callable
from types import TracebackType

from runtime._dispatch.worker import Worker, WorkerSlot
from runtime._http.incoming import RefusedError
from runtime._loader.isolate import worker_of_module
from runtime._loader.load import worker_traceback
from runtime.errors import CpuLimitError, WorkerLoadError
from runtime.plugins import Mode
from workers import Request, Response

__all__ = ["Pages"]

logger = logging.getLogger(__name__)

_STYLE = (
    "body{font:16px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:60rem;padding:0 1rem;"
    "color-scheme:light dark;background:Canvas;color:CanvasText}"
    "h1{font-size:1.3rem;overflow-wrap:anywhere}pre{overflow-x:auto;padding:1rem;border-radius:6px;"
    "background:color-mix(in srgb,CanvasText 8%,Canvas);font-size:.875rem}"
    "p{color:color-mix(in srgb,CanvasText 70%,Canvas)}"
)


class Pages:
    """Error answers: readable tracebacks in development, a code and a request id on a host.

    `redact` takes the secrets out of whatever is shown.
    """

    def __init__(self, mode: Mode, redact: Callable[[str], str]) -> None:
        self._mode = mode
        self._redact = redact

    def failure(
        self, error: BaseException, slot: WorkerSlot, request: Request, request_id: str
    ) -> Response:
        """Log why a worker could not answer, and answer in its place.

        Cloudflare's codes: 500 and `error code: 1101` for an uncaught exception, 503 and
        `error code: 1102` for a handler that was interrupted.
        """
        code, status = (1102, 503) if isinstance(error, CpuLimitError) else (1101, 500)
        details = self._redact(_details(error, slot))
        logger.error(
            'worker "%s": %s %s failed (request %s)\n%s',
            slot.name,
            request.method,
            request.url.partition("?")[0],
            request_id,
            details.rstrip(),
        )
        logger.debug("request %s failed in", request_id, exc_info=error)
        if self._mode == "host":
            return Response(f"error code: {code}\nrequest id: {request_id}\n", status=status)
        title = self._redact(_title(error))
        note = f"error code: {code} · worker {slot.name} · request {request_id}"
        if "text/html" in (request.headers.get("accept") or ""):
            return _html(status, title, details, note)
        return Response(f"{title}\n{note}\n\n{details}", status=status)

    def no_worker(self, host: str) -> Response:
        """Answer a request whose host no loaded worker claims."""
        return Response(f"no worker is routed to {host}\n", status=404)

    def refusal(self, error: RefusedError) -> Response:
        """Answer a request that no worker gets to see, or whose body was none."""
        return Response(f"{error}\n", status=error.status, headers=dict(error.headers))


def _title(error: BaseException) -> str:
    if isinstance(error, WorkerLoadError | CpuLimitError):
        return str(error)
    return "".join(traceback.format_exception_only(error)).strip()


def _details(error: BaseException, slot: WorkerSlot) -> str:
    if isinstance(error, WorkerLoadError):
        return f"{error}\n\n{error.details}" if error.details else str(error)
    if isinstance(error, CpuLimitError) or not _is_from_a_worker(error.__traceback__):
        # Raised by the runtime about the worker: its own frames would say nothing to the author.
        return f"{_title(error)}\n"
    return worker_traceback(error, slot.isolate.roots if isinstance(slot, Worker) else [])


def _is_from_a_worker(trace: TracebackType | None) -> bool:
    while trace is not None:
        if worker_of_module(trace.tb_frame.f_globals.get("__name__")) is not None:
            return True
        trace = trace.tb_next
    return False


def _html(status: int, title: str, details: str, note: str) -> Response:
    page = (
        '<!doctype html><html lang="en"><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width">'
        f"<title>{html.escape(title)}</title><style>{_STYLE}</style>"
        f"<h1>{html.escape(title)}</h1><p>{html.escape(note)}</p>"
        f"<pre>{html.escape(details)}</pre></html>"
    )
    return Response(
        page,
        status=status,
        headers={"content-type": "text/html;charset=UTF-8", "cache-control": "no-store"},
    )
