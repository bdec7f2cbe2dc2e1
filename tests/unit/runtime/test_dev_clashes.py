"""What workers that are served together must not have in common."""

from pathlib import Path

import pytest

from runtime._dev.clashes import ClashError, find_clashes, require_no_clash
from wrangler_compat import DevSettings, Position, WorkerConfig

NAME = Position("wrangler.toml", 1, 1)
PORT = Position("wrangler.toml", 5, 1)


def config(name: str, *, port: int | None = None, folder: str = "") -> WorkerConfig:
    path = Path(f"/workers/{folder or name}/wrangler.toml")
    return WorkerConfig(
        config_path=path,
        folder=path.parent,
        name=name,
        top_level_name=name,
        main=path.parent / "entry.py",
        dev=DevSettings(port=port),
        positions={("name",): NAME, ("dev", "port"): PORT},
    )


def test_two_workers_of_one_name_are_refused_with_both_files() -> None:
    with pytest.raises(ClashError) as caught:
        require_no_clash([config("a"), config("b"), config("a", folder="copy")])

    assert 'the name "a": /workers/a/wrangler.toml and /workers/copy/wrangler.toml' in str(
        caught.value
    )
    assert caught.value.position is NAME


def test_two_workers_of_one_port_are_refused_with_both_files() -> None:
    with pytest.raises(ClashError) as caught:
        require_no_clash([config("a", port=9000), config("b", port=9001), config("c", port=9000)])

    assert "dev.port 9000: /workers/a/wrangler.toml and /workers/c/wrangler.toml" in str(
        caught.value
    )
    assert caught.value.position is PORT


def test_workers_that_have_nothing_in_common_are_fine() -> None:
    configs = [config("a", port=1), config("b", port=2), config("c")]

    require_no_clash(configs)


def test_every_clash_is_found() -> None:
    configs = [config("a", port=1), config("a", port=1, folder="b"), config("a", folder="c")]

    assert [str(clash).partition(":")[0] for clash in find_clashes(configs)] == [
        'two workers have the name "a"',
        "two workers have the dev.port 1",
        'two workers have the name "a"',
    ]
