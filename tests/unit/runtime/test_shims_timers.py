import asyncio

import pytest

from runtime._loader.shims.js import clearInterval, clearTimeout, setInterval, setTimeout


async def test_a_timeout_calls_once_as_work_after_the_response(host) -> None:
    calls: list[tuple[int, int]] = []

    setTimeout(lambda *args: calls.append(args), 0, 1, 2)

    assert calls == []
    assert len(host.pending) == 1
    assert await host.finish() == [None]
    assert calls == [(1, 2)]


async def test_a_timeout_awaits_a_coroutine(host) -> None:
    calls: list[str] = []

    async def call() -> None:
        await asyncio.sleep(0)
        calls.append("called")

    setTimeout(call)
    await host.finish()

    assert calls == ["called"]


async def test_what_a_timeout_raises_is_the_hosts_to_log(host) -> None:
    def fail() -> None:
        raise LookupError("no shop")

    setTimeout(fail, 0)

    [error] = await host.finish()
    assert isinstance(error, LookupError)


async def test_a_cleared_timeout_is_not_called(host) -> None:
    calls: list[str] = []
    timer = setTimeout(lambda: calls.append("called"), 0)

    clearTimeout(timer)

    [error] = await host.finish()
    assert isinstance(error, asyncio.CancelledError)
    assert calls == []


async def test_clearing_nothing_or_what_has_run_is_no_error(host) -> None:
    timer = setTimeout(lambda: None, 0)
    await host.finish()

    clearTimeout(timer)
    clearTimeout(None)
    clearTimeout()


async def test_the_delay_is_in_milliseconds(host, monkeypatch: pytest.MonkeyPatch) -> None:
    loop = asyncio.get_running_loop()
    call_later = loop.call_later
    delays: list[float] = []

    def call_at_once(delay: float, *args: object, **kwargs: object) -> asyncio.TimerHandle:
        delays.append(delay)
        return call_later(0, *args, **kwargs)

    monkeypatch.setattr(loop, "call_later", call_at_once)

    setTimeout(lambda: None, 1500)
    await host.finish()

    assert delays == [1.5]


async def test_an_interval_calls_until_it_is_cleared(host) -> None:
    calls: list[int] = []

    def call() -> None:
        calls.append(len(calls))
        if len(calls) == 3:
            clearInterval(timer)

    timer = setInterval(call, 0)

    [error] = await host.finish()
    assert isinstance(error, asyncio.CancelledError)
    assert calls == [0, 1, 2]


async def test_an_interval_ends_with_what_it_raises(host) -> None:
    def fail() -> None:
        raise LookupError("no shop")

    setInterval(fail, 0)

    [error] = await host.finish()
    assert isinstance(error, LookupError)


@pytest.mark.parametrize("start", [setTimeout, setInterval])
async def test_works_only_inside_a_worker(start: object) -> None:
    with pytest.raises(RuntimeError, match=f"{start.__name__} works only inside a running worker"):
        start(lambda: None, 0)
