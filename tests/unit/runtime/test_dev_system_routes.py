"""What stands under `/cdn-cgi/` in local development."""

import time
from typing import Any

import pytest

from runtime._dev.plugin_pages import PluginPages
from runtime._dev.system_routes import DevSystemRoutes, dev_cf
from runtime._dispatch.worker import WorkerSlot
from runtime._registry import Registry
from workers import Request

# Without a plugin nothing is asked of a node.
NO_PAGES = PluginPages(Registry([]), None)
CRON = """
    from workers import Response, WorkerEntrypoint
    ran = []
    class Default(WorkerEntrypoint):
        async def scheduled(self, controller, env, ctx):
            ran.append([controller.cron, controller.scheduledTime])
        async def fetch(self, request):
            return Response.json(ran)
    """


@pytest.fixture
async def slot(workers: Any) -> WorkerSlot:
    """A worker that notes when it was scheduled."""
    await workers.load("cron", CRON)
    return workers.node.find("cron")


@pytest.mark.parametrize(
    ("path", "plain", "with_legacy"),
    [
        ("/cdn-cgi/handler/scheduled", True, True),
        ("/cdn-cgi/anything", True, True),
        ("/__scheduled", False, True),
        ("/cdn-cgi", False, False),
        ("/", False, False),
    ],
)
def test_it_claims_its_own_paths_and_the_older_one_when_asked(
    path: str, plain: bool, with_legacy: bool
) -> None:
    assert DevSystemRoutes(legacy_path=False, pages=NO_PAGES).claims(path) is plain
    assert DevSystemRoutes(legacy_path=True, pages=NO_PAGES).claims(path) is with_legacy


@pytest.mark.parametrize("path", ["/cdn-cgi/handler/scheduled", "/__scheduled"])
async def test_it_runs_the_scheduled_handler_with_cron_and_time(slot, workers, path) -> None:
    routes = DevSystemRoutes(legacy_path=True, pages=NO_PAGES)

    request = Request(f"http://test{path}?cron=*/5+*+*+*+*&time=1700000000000")
    response = await routes.handle(request, slot)

    assert (response.status, await response.text()) == (200, "ok")
    assert await workers.text("cron") == '[["*/5 * * * *", 1700000000000]]'


async def test_without_time_it_is_now_and_without_cron_empty(slot, workers) -> None:
    before = int(time.time() * 1000)

    await DevSystemRoutes(legacy_path=False, pages=NO_PAGES).handle(
        Request("http://test/cdn-cgi/handler/scheduled"), slot
    )

    ((cron, at),) = await (await workers.fetch("cron")).json()
    assert cron == ""
    assert before <= at <= time.time() * 1000


@pytest.mark.parametrize("text", ["soon", "1.5", "9" * 5000])
async def test_a_time_that_is_none_is_a_400(slot, workers, text: str) -> None:
    request = Request(f"http://test/cdn-cgi/handler/scheduled?time={text}")

    response = await DevSystemRoutes(legacy_path=False, pages=NO_PAGES).handle(request, slot)

    assert response.status == 400
    assert await workers.text("cron") == "[]"


async def test_an_unknown_path_is_a_404_that_says_whose_it_is(slot) -> None:
    request = Request("http://test/cdn-cgi/x")

    response = await DevSystemRoutes(legacy_path=False, pages=NO_PAGES).handle(request, slot)

    assert response.status == 404
    assert await response.text() == "/cdn-cgi/x is reserved for the runtime; nothing is here\n"


def test_request_cf_is_plausible_and_each_request_has_its_own() -> None:
    first, second = dev_cf(), dev_cf()
    first.country = "XX"

    assert (second.country, second["colo"], second.asn) == ("DE", "DEV", 64512)
