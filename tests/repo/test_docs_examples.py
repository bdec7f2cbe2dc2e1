"""Every example of the documentation is read, and every page with commands is run."""

import ast
import json
import re
import tomllib
from pathlib import Path

import pytest

from runtime._cli.main import require_own_sdk
from runtime.errors import SdkClashError

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
SHORT = {page: page.relative_to(ROOT).as_posix() for page in PAGES}


def is_run(page: Path) -> bool:
    return "```console\n" in page.read_text(encoding="utf-8")


@pytest.mark.parametrize("page", PAGES, ids=SHORT.get)
def test_blocks_are_what_they_say(page: Path, blocks_of) -> None:
    for block in blocks_of(page):
        if block.language == "python":
            ast.parse(block.text)
        elif block.language == "toml":
            tomllib.loads(block.text)
        elif block.language == "json":
            json.loads(block.text)
        else:
            assert block.language in {"console", "javascript", "jsonc", "shell", "text"}, block.text


# Each command of a page is a process.
@pytest.mark.timeout(120)
@pytest.mark.parametrize("page", [page for page in PAGES if is_run(page)], ids=SHORT.get)
def test_pages_do_what_they_show(page: Path, blocks_of, page_run) -> None:
    page_run.run(blocks_of(page))


@pytest.mark.parametrize("page", PAGES, ids=SHORT.get)
def test_fences_are_closed_and_stand_at_the_margin(page: Path, blocks_of) -> None:
    fences = re.findall(r"^\s*```", page.read_text(encoding="utf-8"), re.MULTILINE)

    assert len(fences) == 2 * len(blocks_of(page))
    assert {fence.strip("\n") for fence in fences} <= {"```"}


def test_the_clash_with_cloudflares_package_is_told_in_the_words_shown(blocks_of) -> None:
    with pytest.raises(SdkClashError) as raised:
        require_own_sdk(["edgestead", "workers-runtime-sdk"])

    shown = [block.text for block in blocks_of(ROOT / "docs/how-to/move-from-wrangler.md")]
    assert f"error: {raised.value}\n" in shown
