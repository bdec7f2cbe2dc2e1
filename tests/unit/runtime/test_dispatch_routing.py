"""Finding the worker for a host and a path, and `fetch` to workers of the same node."""

import pytest

from runtime.errors import NoWorkerError
from workers import Response
from wrangler_compat import load_config

NAMED = """
    from workers import Response
    async def on_fetch(request):
        return Response("{name} " + request.url)
    """
CALLING = """
    from workers import Response, fetch
    async def on_fetch(request):
        answer = await fetch(request.headers["x-target"])
        return Response(f"{answer.url} says {await answer.text()}")
    """


async def test_a_request_is_routed_by_the_routes_of_the_configs_then_by_localhost_name(
    workers,
) -> None:
    await workers.load("alpha", NAMED, config='routes = ["api.example.com/a/*"]\n')
    await workers.load("beta", NAMED, config='route = "*.example.com/*"\n')

    def routed(host: str, path: str = "/") -> str | None:
        slot = workers.node.route(host, path)
        return None if slot is None else slot.name

    assert routed("api.example.com", "/a/x") == "alpha"
    assert routed("API.example.com:8787", "/A/x") == "beta"
    assert routed("alpha.localhost") == routed("Alpha.localhost:8787") == "alpha"
    assert routed("beta.localhost") == "beta"
    assert routed("gamma.localhost") is None
    assert routed("a.alpha.localhost") is None
    assert routed("localhost") is None
    assert routed("[::1]:8787") is None


async def test_a_worker_of_an_environment_answers_to_both_names(workers, make_worker) -> None:
    folder = make_worker("shop", NAMED.replace("    ", ""), config="[env.staging]\n")
    (folder / "src" / "entry.py").write_text(
        "from workers import Response\ndef on_fetch(): return Response('x')"
    )
    config, _ = load_config(folder, env="staging", environ={})
    await workers.node.load(config)

    assert workers.node.find("shop") is workers.node.find("shop-staging")
    assert workers.node.route("shop.localhost", "/") is workers.node.find("shop")
    assert workers.node.route("shop-staging.localhost", "/") is workers.node.find("shop")


async def test_fetch_to_a_routed_host_stays_in_this_process(workers, outbound) -> None:
    await workers.load("front", CALLING)
    await workers.load("back", NAMED.replace("{name}", "back"), config='route = "back.example/*"\n')

    by_route = await workers.text("front", headers={"x-target": "https://back.example/x?q=1"})
    by_name = await workers.text("front", headers={"x-target": "http://back.localhost:8787/"})

    assert by_route == "https://back.example/x?q=1 says back https://back.example/x?q=1"
    assert by_name == "http://back.localhost:8787/ says back http://back.localhost:8787/"
    assert outbound.sent == []


async def test_fetch_to_another_host_goes_out(workers, outbound) -> None:
    outbound.answers["https://elsewhere.example/"] = lambda request: Response("the network")
    await workers.load("front", CALLING)

    answer = await workers.text("front", headers={"x-target": "https://elsewhere.example/"})

    assert answer == "https://elsewhere.example/ says the network"
    with pytest.raises(OSError, match="no response from"):
        await workers.text("front", headers={"x-target": "https://nowhere.example/"})


async def test_a_redirect_may_lead_from_outside_into_a_worker_here(workers, outbound) -> None:
    outbound.answers["https://old.example/"] = lambda request: Response(
        status=301, headers={"location": "http://back.localhost/new"}
    )
    await workers.load("front", CALLING)
    await workers.load("back", NAMED.replace("{name}", "back"))

    answer = await workers.text("front", headers={"x-target": "https://old.example/"})

    assert answer == "http://back.localhost/new says back http://back.localhost/new"


async def test_a_worker_that_is_taken_away_is_found_no_more(workers) -> None:
    await workers.load("alpha", NAMED, config='route = "api.example.com/*"\n')
    await workers.load("beta", NAMED)

    workers.node.unload("alpha")

    assert workers.node.route("api.example.com", "/") is None
    assert workers.node.route("alpha.localhost", "/") is None
    assert list(workers.node.workers) == ["beta"]
    with pytest.raises(NoWorkerError, match='no worker "alpha" is loaded; loaded: beta'):
        workers.node.find("alpha")


async def test_a_node_without_workers_says_so(workers) -> None:
    with pytest.raises(NoWorkerError, match="loaded: none"):
        await workers.call("any", "fetch")
