"""What workers that are served together must not share, and what they miss."""

from pathlib import Path
from typing import Any

import pytest

from runtime._dev.clashes import ClashError, missing_workers, require_no_clash, shared_routes
from wrangler_compat import DevSettings, Route, WorkerConfig, parse_route_pattern

SOURCE = "async def on_fetch(request):\n    pass\n"


def config(name: str, *routes: str, port: int | None = None, **options: Any) -> WorkerConfig:
    path = Path(f"/workers/{options.pop('folder', name)}/wrangler.toml")
    return WorkerConfig(
        config_path=path,
        folder=path.parent,
        name=name,
        top_level_name=name,
        main=path.parent / "entry.py",
        dev=DevSettings(port=port),
        routes=tuple(Route(pattern=parse_route_pattern(text, **options)) for text in routes),
    )


def test_two_workers_of_one_name_are_refused_with_both_files() -> None:
    with pytest.raises(ClashError) as caught:
        require_no_clash([config("a"), config("b"), config("a", folder="copy")])

    assert 'the name "a": /workers/a/wrangler.toml and /workers/copy/wrangler.toml' in str(
        caught.value
    )


def test_two_workers_of_one_port_are_refused_with_both_files() -> None:
    with pytest.raises(ClashError) as caught:
        require_no_clash([config("a", port=9000), config("b", port=9001), config("c", port=9000)])

    assert "dev.port 9000: /workers/a/wrangler.toml and /workers/c/wrangler.toml" in str(
        caught.value
    )


def test_workers_that_have_nothing_in_common_are_fine() -> None:
    configs = [config("a", "x.example/*", port=1), config("b", "x.example/y", port=2), config("c")]

    require_no_clash(configs)

    assert list(shared_routes(configs)) == []


def test_a_route_of_two_workers_is_warned_of_with_both_files() -> None:
    configs = [
        config("a", "x.example/*"),
        config("b", "https://X.example/*"),
        config("c", "x.example", custom_domain=True),
    ]

    first, second = shared_routes(configs)

    assert '"https://X.example/*" is a route of worker "a" (/workers/a/wrangler.toml)' in first
    assert 'worker "b" (/workers/b/wrangler.toml); "a" gets its requests' in first
    assert 'worker "c" (/workers/c/wrangler.toml)' in second


async def test_a_binding_that_calls_a_worker_which_is_not_loaded_is_warned_of(
    workers, read_worker
) -> None:
    services = '[[services]]\nbinding = "{0}"\nservice = "{1}"\n'
    bindings = services.format("LATER", "later") + services.format("NOBODY", "nobody")
    configs = [
        read_worker("first", SOURCE, config=f'[vars]\nX = "1"\n{bindings}'),
        read_worker("later", SOURCE),
        read_worker("broken", "def oops(:", config=bindings),
    ]
    for one in configs:
        await workers.node.load(one)

    (warning,) = missing_workers(workers.node, configs)

    assert 'worker "first": calling "NOBODY" will fail: no worker "nobody" is loaded' in warning
    assert "wrangler.toml:" in warning
