"""Engines by name, third parties' among them."""

import importlib
import sys
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

from kvstore import EngineError, EngineOptions, engine_names, open_engine
from kvstore.opening import _owner


def install(site: Path, distribution: str, entry: str, module: str = "", source: str = "") -> None:
    info = site / f"{distribution}-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {distribution}\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(f"[edgestead.kv_engines]\n{entry}\n")
    if module:
        (site / f"{module}.py").write_text(source)


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "site"
    folder.mkdir()
    monkeypatch.syspath_prepend(str(folder))
    importlib.invalidate_caches()
    return folder


async def test_an_unknown_engine_is_told_with_those_there_are(tmp_path: Path) -> None:
    with pytest.raises(EngineError, match='no KV engine "redis"; installed: leveldb, memory'):
        await open_engine("redis", EngineOptions(folder=tmp_path))

    assert engine_names() == ["leveldb", "memory"]


async def test_a_third_partys_engine_is_opened_with_the_options(site: Path) -> None:
    source = "async def open_engine(options):\n    return ['opened in', options.folder]\n"
    install(
        site,
        "disk-things",
        "discs = edgestead_test_discs:open_engine",
        "edgestead_test_discs",
        source,
    )

    opened = await open_engine("discs", EngineOptions(folder=site))

    assert opened == ["opened in", site]
    assert "discs" in engine_names()
    sys.modules.pop("edgestead_test_discs")


async def test_two_engines_of_one_name_are_refused_naming_both(site: Path) -> None:
    install(site, "other-leveldb", "leveldb = nowhere:open_engine")

    with pytest.raises(EngineError) as error:
        await open_engine("leveldb", EngineOptions(folder=site))

    assert "kvstore.engines.leveldb of edgestead" in str(error.value)
    assert "nowhere:open_engine of other-leveldb" in str(error.value)


async def test_an_engine_that_does_not_import_says_what_is_missing(site: Path) -> None:
    install(site, "broken", "broken = edgestead_test_absent:open_engine")

    with pytest.raises(EngineError, match="install edgestead_test_absent, or choose another"):
        await open_engine("broken", EngineOptions(folder=site))


async def test_without_plyvel_the_message_says_what_to_install_and_memory_works(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "plyvel", None)
    monkeypatch.delitem(sys.modules, "kvstore.engines.leveldb", raising=False)
    options = EngineOptions(folder=tmp_path)

    with pytest.raises(EngineError, match="install plyvel"):
        await open_engine("leveldb", options)

    memory = await open_engine("memory", options)
    await memory.close()


def test_an_entry_point_without_a_distribution_is_told_as_such() -> None:
    assert _owner(EntryPoint("name", "value", "group")) == "an unnamed distribution"
