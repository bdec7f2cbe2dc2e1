"""What stands under `/cdn-cgi/` in local development."""

import time
from urllib.parse import parse_qs, urlsplit

from runtime._dev.plugin_pages import PluginPages
from runtime._dispatch.worker import WorkerSlot
from runtime.events import ScheduledController
from workers import Request, Response
from workers.rpc import JsDict

__all__ = ["DevSystemRoutes", "dev_cf"]

_CF = {
    "asOrganization": "Edgestead",
    "asn": 64512,
    "city": "Berlin",
    "clientTcpRtt": 1,
    "colo": "DEV",
    "continent": "EU",
    "country": "DE",
    "httpProtocol": "HTTP/1.1",
    "isEUCountry": "1",
    "latitude": "52.52000",
    "longitude": "13.40500",
    "postalCode": "10117",
    "region": "Land Berlin",
    "regionCode": "BE",
    "timezone": "Europe/Berlin",
    "tlsCipher": "AEAD-AES128-GCM-SHA256",
    "tlsVersion": "TLSv1.3",
}


class DevSystemRoutes:
    """Fires events by hand (`/cdn-cgi/handler/scheduled?cron=…`), and shows plugins' pages."""

    def __init__(self, *, legacy_path: bool, pages: PluginPages) -> None:
        """With `legacy_path`, wrangler's older `/__scheduled` fires the handler too."""
        self._pages = pages
        self._scheduled = {"/cdn-cgi/handler/scheduled"}
        if legacy_path:
            self._scheduled.add("/__scheduled")

    def claims(self, path: str) -> bool:
        """Tell whether a path is the runtime's and never reaches a worker."""
        return path.startswith("/cdn-cgi/") or path in self._scheduled

    async def handle(self, request: Request, slot: WorkerSlot) -> Response:
        """Answer a claimed path; the worker is the one that the request's host names."""
        parts = urlsplit(request.url)
        if parts.path in self._scheduled:
            return await _run_scheduled(parts.query, slot)
        page = await self._pages.answer(parts.path, request)
        if page is not None:
            return page
        return Response(f"{parts.path} is reserved for the runtime; nothing is here\n", status=404)


def dev_cf() -> JsDict:
    """Return what `request.cf` is in local development: fixed and plausible."""
    return JsDict(_CF)


async def _run_scheduled(query: str, slot: WorkerSlot) -> Response:
    """Run the `scheduled` handler: `cron` as given, `time` in milliseconds, else now."""
    given = parse_qs(query)
    cron = given.get("cron", [""])[0]
    text = given.get("time", [""])[0]
    try:
        millis = int(text) if text else int(time.time() * 1000)
    except ValueError:
        return Response("time must be a whole number of milliseconds\n", status=400)
    controller = ScheduledController(scheduledTime=millis, cron=cron)
    await slot.invoke("scheduled", (controller,), {})
    return Response("ok")
