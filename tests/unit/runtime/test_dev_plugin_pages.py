"""Pages of plugins: who may see them, and whose they are."""

from contextlib import asynccontextmanager

import pytest

from runtime._dev.plugin_pages import PluginPages, stranger
from runtime._registry import Registry
from runtime.plugins import BindingPlugin, PluginError
from workers import Request, Response


class Notes(BindingPlugin[object]):
    """A kind that shows what it owns."""

    kinds = ("notes",)

    def parse(self, raw, report):
        return object()

    @asynccontextmanager
    async def own(self, host):
        yield ["a note"]

    @asynccontextmanager
    async def open(self, host):
        yield self

    def pages(self):
        return {"notes": self.show}

    async def show(self, request, host):
        return Response(f"{host.owner('notes')} at {host.page_url('notes')}")


class OtherNotes(Notes):
    kinds = ("other_notes",)


class Broken(Notes):
    kinds = ("broken",)

    def pages(self):
        raise RuntimeError("no pages today")


def asked(url="http://localhost:8787/cdn-cgi/notes", ip="127.0.0.1", **headers: str) -> Request:
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    return Request(url, headers={"CF-Connecting-IP": ip, **names})


async def test_a_page_is_shown_with_the_kind_open(open_workers) -> None:
    registry = Registry([("notes of a test", Notes())])
    node = (await open_workers(registry)).node
    node.base_url = "http://localhost:8787"

    response = await PluginPages(registry, node).answer("/cdn-cgi/notes/1", asked())

    assert await response.text() == "['a note'] at http://localhost:8787/cdn-cgi/notes"


async def test_where_nobody_has_a_page_there_is_none(open_workers) -> None:
    registry = Registry([("notes of a test", Notes())])
    node = (await open_workers(registry)).node

    assert await PluginPages(registry, node).answer("/cdn-cgi/note", asked()) is None


async def test_a_stranger_is_refused_with_the_reason(open_workers) -> None:
    registry = Registry([("notes of a test", Notes())])
    node = (await open_workers(registry)).node

    response = await PluginPages(registry, node).answer("/cdn-cgi/notes", asked(ip="192.0.2.1"))

    assert response.status == 403
    assert "for this machine alone" in await response.text()


async def test_two_plugins_with_one_page_are_refused_naming_both(open_workers) -> None:
    registry = Registry([("the first", Notes()), ("the second", OtherNotes())])
    node = (await open_workers(registry)).node

    with pytest.raises(PluginError, match="by the first and by the second"):
        PluginPages(registry, node)


async def test_a_page_of_the_runtime_is_not_a_plugins(open_workers) -> None:
    class Handlers(Notes):
        def pages(self):
            return {"handler": self.show}

    registry = Registry([("handlers", Handlers())])
    node = (await open_workers(registry)).node

    with pytest.raises(PluginError, match="by the runtime and by handlers"):
        PluginPages(registry, node)


async def test_a_plugin_that_breaks_down_takes_its_own_pages_only(
    open_workers, caplog: pytest.LogCaptureFixture
) -> None:
    registry = Registry([("the broken one", Broken()), ("notes of a test", Notes())])
    node = (await open_workers(registry)).node

    pages = PluginPages(registry, node)

    assert (await pages.answer("/cdn-cgi/notes", asked())).status == 200
    assert "the broken one cannot be shown" in caplog.text


@pytest.mark.parametrize(
    "request_",
    [
        asked(),
        asked("https://localhost/cdn-cgi/notes"),
        asked("http://my-worker.localhost:8787/cdn-cgi/notes"),
        asked("http://127.0.0.1:8787/cdn-cgi/notes"),
        asked("http://[::1]:8787/cdn-cgi/notes", ip="::1"),
        asked(ip="::ffff:127.0.0.1"),
        asked(origin="http://localhost:8787", sec_fetch_site="same-origin"),
        asked(sec_fetch_site="none"),
    ],
)
def test_who_sits_at_this_machine_is_no_stranger(request_: Request) -> None:
    assert stranger(request_) is None


@pytest.mark.parametrize(
    ("request_", "reason"),
    [
        (asked("http://evil.example:8787/"), "not as evil.example"),
        (asked("http://localhost.evil.example/"), "not as"),
        (asked("http://127.0.0.1.evil.example/"), "not as"),
        (asked("http://192.0.2.1:8787/"), "not as"),
        (asked(ip="192.0.2.1"), "another one"),
        (asked(ip=""), "another one"),
        (asked(origin="https://evil.example"), "another origin"),
        (asked(origin="http://localhost:8788"), "another origin"),
        (asked(origin="null"), "another origin"),
        (asked(sec_fetch_site="cross-site"), "another site"),
        (asked(sec_fetch_site="same-site"), "another site"),
    ],
)
def test_a_stranger_is_told_apart(request_: Request, reason: str) -> None:
    assert reason in stranger(request_)
