"""Error answers: what a client sees, and what the log says, when no worker could answer."""

import logging
from collections.abc import Callable

import pytest

from runtime._http.pages import Pages
from runtime.errors import CpuLimitError, WorkerLoadError
from workers import Request

FAILING = """
    from workers import Response
    async def on_fetch(request):
        raise ValueError("<b>boom</b> s3cret")
    """


def redact(text: str) -> str:
    return text.replace("s3cret", "[secret]")


@pytest.fixture
async def failure(workers) -> Callable:
    """What a worker raised, and its slot."""
    await workers.load("shop", FAILING)
    slot = workers.node.find("shop")
    with pytest.raises(ValueError) as caught:
        await slot.invoke("fetch", (Request("http://test/"),), {})
    return lambda: (caught.value, slot)


def request(accept: str = "*/*") -> Request:
    return Request("http://test/path?token=abc", headers={"Accept": accept})


async def test_a_program_gets_the_workers_own_frames_as_text(failure, caplog) -> None:
    error, slot = failure()

    page = Pages("dev", redact).failure(error, slot, request(), "ray1")

    text = await page.text()
    assert (page.status, page.headers["content-type"]) == (500, "text/plain;charset=UTF-8")
    assert text.startswith("ValueError: <b>boom</b> [secret]\nerror code: 1101 · worker shop")
    assert "request ray1" in text
    assert text.count("  File ") == 1
    assert "src/entry.py" in text
    assert "s3cret" not in text
    assert 'worker "shop": GET http://test/path failed (request ray1)' in caplog.text
    assert "token" not in caplog.text


async def test_a_browser_gets_a_page_in_which_nothing_is_markup_of_the_error(failure) -> None:
    error, slot = failure()

    page = Pages("dev", redact).failure(error, slot, request("text/html,*/*"), "ray1")

    text = await page.text()
    assert page.headers["content-type"] == "text/html;charset=UTF-8"
    assert page.headers["cache-control"] == "no-store"
    assert "<h1>ValueError: &lt;b&gt;boom&lt;/b&gt; [secret]</h1>" in text
    assert "<b>" not in text
    assert "s3cret" not in text


async def test_on_a_host_nobody_outside_sees_more_than_a_code_and_an_id(failure) -> None:
    error, slot = failure()

    page = Pages("host", redact).failure(error, slot, request("text/html"), "ray1")

    assert page.status == 500
    assert await page.text() == "error code: 1101\nrequest id: ray1\n"


async def test_frames_of_the_runtime_are_for_who_debugs_it(failure, caplog) -> None:
    _, slot = failure()
    caplog.set_level(logging.DEBUG)
    try:
        raise TypeError("said of a worker")
    except TypeError as raised:
        error = raised

    page = Pages("dev", redact).failure(error, slot, request(), "ray1")

    assert "  File " not in await page.text()
    shown = [record for record in caplog.records if record.levelno > logging.DEBUG]
    assert "  File " not in "".join(record.getMessage() for record in shown)
    assert __file__ in caplog.text


async def test_an_interrupted_handler_is_a_503(failure) -> None:
    _, slot = failure()
    error = CpuLimitError("computed too long")

    page = Pages("dev", redact).failure(error, slot, request(), "ray1")

    assert page.status == 503
    assert (await page.text()).startswith("computed too long\nerror code: 1102")


@pytest.mark.parametrize("details", ["", "  File x\nTypeError: y"])
async def test_a_worker_that_does_not_load_says_where(failure, details: str) -> None:
    _, slot = failure()
    error = WorkerLoadError("shop", "TypeError: y", file="/a/entry.py", line=3, details=details)

    page = Pages("dev", redact).failure(error, slot, request(), "ray1")

    text = await page.text()
    assert page.status == 500
    assert text.startswith('worker "shop" cannot be loaded: TypeError: y (/a/entry.py:3)\n')
    assert text.endswith(f"{details}" or "(/a/entry.py:3)")
