"""`runtime migrate`: any worker's migration, its namespaces, its report and its exit code."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from kvstore import EngineError
from kvstore.engines.leveldb import LevelDBEngine

CONFIG = """
[[kv_namespaces]]
binding = "OLD"
id = "old"

[[kv_namespaces]]
binding = "NEW"
id = "new"
preview_id = "preview"

[[kv_namespaces]]
binding = "ALSO_OLD"
id = "old"
"""
BOTH = ("--from", "OLD", "--to", "NEW")
# A migration by somebody else: it has nothing to do with customers, and imports nothing of ours.
BOOKS = """
import asyncio
from types import SimpleNamespace as Thing

async def books(source, target, *, dry_run, delete_source, on_progress):
    report = Thing(migrated=0, skipped=0, conflicts=[], errors=[], is_complete=True, deleted=0)
    names = [key["name"] for key in (await source.list(prefix="book/"))["keys"]]
    for done, name in enumerate(names, 1):
        value, there = await source.get(name), await target.get(name)
        if "!" in value:
            report.errors.append(Thing(key=name, reason="is loud"))
        elif there is None:
            report.migrated += 1
            if not dry_run:
                await target.put(name, value)
        elif there == value:
            report.skipped += 1
        else:
            report.conflicts.append(Thing(key=name, reason="is another one"))
        on_progress("Moving", done, len(names))
    findings = report.conflicts or report.errors
    report.is_complete = not findings and (not dry_run or report.migrated == 0)
    if delete_source and report.is_complete and not dry_run:
        for name in names:
            await source.delete(name)
            report.deleted += 1
        on_progress("Deleting", len(names), None)
    return report

def plain(*args, **options):
    return None

async def nothing(*args, **options):
    return None

async def interrupted(*args, **options):
    raise KeyboardInterrupt

async def broken(*args, **options):
    raise LookupError("no shelf")

constant = 5

async def unsure(*args, **options):
    return Thing(migrated=1, skipped=0, conflicts=[], errors=[], is_complete=False)
"""
NAMES = ("books", "plain", "nothing", "interrupted", "broken", "constant", "unsure")


@pytest.fixture(autouse=True)
def folder(make_worker: Callable[..., Path], tmp_path: Path) -> Path:
    """The current folder is that of a worker with a migration."""
    worker = make_worker("workers/library", "", config=CONFIG, moving=BOOKS)
    lines = "".join(f'{name} = "moving:{name}"\n' for name in NAMES)
    (worker / "pyproject.toml").write_text(f"[tool.edgestead.migrations]\n{lines}")
    return tmp_path


@pytest.fixture
def fill(command) -> Callable[..., None]:
    """Put values into a namespace."""

    def fill_(id_: str, **books: str) -> None:
        pairs = [{"key": f"book/{name}", "value": value} for name, value in books.items()]
        ended = command(
            "kv", "bulk", "put", "-", "--namespace-id", id_, stdin=json.dumps(pairs).encode()
        )
        assert ended.code == 0

    return fill_


@pytest.fixture
def keys(command) -> Callable[[str], list[str]]:
    """Return the keys of a namespace."""

    def keys_(id_: str) -> list[str]:
        listed = json.loads(command("kv", "key", "list", "--namespace-id", id_).output)
        return [key["name"] for key in listed]

    return keys_


def lines_of(ended: Any) -> list[str]:
    return ended.output.decode().splitlines()


def test_records_are_moved_between_the_namespaces_that_a_server_uses(command, fill, keys) -> None:
    fill("old", a="1", b="2")

    ended = command("migrate", "books", *BOTH)

    assert (ended.code, ended.errors) == (0, "")
    assert lines_of(ended) == [
        "books: 2 migrated, 0 already there, 0 conflicts, 0 errors",
        'Every record of "OLD" is in "NEW", and equal.',
    ]
    # In development that is the one of the preview_id.
    assert (keys("preview"), keys("new")) == (["book/a", "book/b"], [])
    assert keys("old") == ["book/a", "book/b"]


def test_a_dry_run_says_what_would_be_done_and_is_well_only_where_that_is_nothing(
    command, fill, keys
) -> None:
    fill("old", a="1", b="2")
    fill("preview", b="2")

    before = command("migrate", "books", *BOTH, "--dry-run")
    written = keys("preview")
    command("migrate", "books", *BOTH)
    after = command("migrate", "books", *BOTH, "--dry-run", "--delete-source")

    assert (before.code, before.errors, written) == (1, "", ["book/b"])
    assert lines_of(before) == [
        "books: 1 to migrate, 1 already there, 0 conflicts, 0 errors",
        "Nothing was written: this was a dry run.",
    ]
    assert (after.code, after.errors) == (0, "")
    assert lines_of(after)[-1] == 'Every record of "OLD" is in "NEW", and equal.'
    assert keys("old") == ["book/a", "book/b"]


def test_what_stands_in_the_way_is_told_and_reported(command, fill, folder: Path) -> None:
    fill("old", a="1", b="2", c="3!")
    fill("preview", b="other")
    (folder / "report.json").write_text("an older one")

    ended = command("migrate", "books", *BOTH, "--report", "report.json")

    assert ended.code == 1
    assert lines_of(ended) == [
        "books: 1 migrated, 0 already there, 1 conflict, 1 error",
        'conflict: "book/b": is another one',
        'error: "book/c": is loud',
    ]
    assert ended.errors == (
        'error: not every record of "OLD" is in "NEW", and equal: 1 conflict, 1 error\n'
    )
    assert json.loads((folder / "report.json").read_text()) == {
        "migrated": 1,
        "skipped": 0,
        "conflicts": [{"key": "book/b", "reason": "is another one"}],
        "errors": [{"key": "book/c", "reason": "is loud"}],
    }
    assert [path.name for path in folder.iterdir() if "report" in path.name] == ["report.json"]


def test_a_report_on_standard_output_is_all_that_is_there(command, fill) -> None:
    fill("old", a="1", b="!")

    ended = command("migrate", "books", *BOTH, "--report", "-")

    assert json.loads(ended.output)["errors"] == [{"key": "book/b", "reason": "is loud"}]
    assert ended.errors.startswith("books: 1 migrated, 0 already there, 0 conflicts, 1 error\n")


def test_of_many_findings_the_first_are_told_and_all_reported(command, fill, folder: Path) -> None:
    fill("old", **{f"x{number:02}": "!" for number in range(25)})

    ended = command("migrate", "books", *BOTH, "--report", "all.json")

    told = lines_of(ended)
    assert (told[1], told[20]) == ('error: "book/x00": is loud', 'error: "book/x19": is loud')
    assert told[21:] == ["and 5 more; --report FILE writes all of them"]
    assert len(json.loads((folder / "all.json").read_text())["errors"]) == 25


def test_a_report_that_cannot_be_written_is_told_before_anything_is_done(
    command, fill, keys
) -> None:
    fill("old", a="1")

    ended = command("migrate", "books", *BOTH, "--report", "nowhere/report.json")

    assert (ended.code, ended.output) == (1, b"")
    assert ended.errors == "error: No such file or directory: nowhere/report.json\n"
    assert keys("preview") == []


def test_a_source_without_records_is_told(command) -> None:
    ended = command("migrate", "books", *BOTH)

    assert ended == (0, b'There are no books in "OLD".\n', "")


# Deleting the source


@pytest.mark.parametrize("force", ["-f", "--force", "-y", "--yes"])
def test_the_source_is_deleted_when_that_is_asked_for(command, fill, keys, force: str) -> None:
    fill("old", a="1", b="2")
    fill("preview", b="2")

    ended = command("migrate", "books", *BOTH, "--delete-source", force)

    assert (ended.code, ended.errors) == (0, "")
    assert lines_of(ended)[-1] == '2 were deleted from "OLD".'
    assert (keys("old"), keys("preview")) == ([], ["book/a", "book/b"])


def test_nothing_is_deleted_where_something_stands_in_the_way(command, fill, keys) -> None:
    fill("old", a="1", b="!")

    ended = command("migrate", "books", *BOTH, "--delete-source", "-y")

    assert ended.code == 1
    assert ended.errors.endswith("0 conflicts, 1 error; nothing was deleted\n")
    assert keys("old") == ["book/a", "book/b"]


def test_a_terminal_is_asked_before_the_source_is_deleted(command, fill, keys) -> None:
    fill("old", a="1")

    no = command("migrate", "books", *BOTH, "--delete-source", answers="n\n")
    untouched = keys("preview")
    yes = command("migrate", "books", *BOTH, "--delete-source", answers="y\n")

    assert (
        'Delete what has arrived from the namespace binding: "OLD" (id: "old")? (Y/n)' in no.errors
    )
    assert (no.code, no.output, untouched) == (1, b"Nothing was done.\n", [])
    assert (yes.code, keys("old")) == (0, [])


def test_where_nobody_can_answer_it_is_yes_and_told(command, fill, keys) -> None:
    fill("old", a="1")

    ended = command("migrate", "books", *BOTH, "--delete-source")

    assert (ended.code, keys("old")) == (0, [])
    assert "Nobody can answer here, so: yes" in ended.errors


def test_a_terminal_shows_how_far_each_step_is(command, fill) -> None:
    fill("old", a="1", b="2")

    ended = command("migrate", "books", *BOTH, "--delete-source", answers="\n")

    assert "Moving" in ended.errors
    assert "2/2" in ended.errors
    assert "Deleting" in ended.errors


# What is asked for wrongly


def test_two_bindings_of_one_namespace_are_refused(command, fill, keys) -> None:
    fill("old", a="1")

    ended = command("migrate", "books", "--from", "OLD", "--to", "ALSO_OLD", "--delete-source")

    assert (ended.code, ended.output) == (1, b"")
    assert ended.errors == 'error: "OLD" and "ALSO_OLD" are one namespace (id: "old")\n'
    assert keys("old") == ["book/a"]


@pytest.mark.parametrize("bindings", [("NOPE", "NEW"), ("OLD", "NOPE")])
def test_an_unknown_binding_is_told_with_those_that_there_are(
    command, bindings: tuple[str, str]
) -> None:
    ended = command("migrate", "books", "--from", bindings[0], "--to", bindings[1])

    assert ended.code == 1
    assert 'no KV namespace is bound to "NOPE"' in ended.errors
    assert "bindings: ALSO_OLD, NEW, OLD" in ended.errors


def test_an_unknown_migration_is_told_with_those_that_there_are(command) -> None:
    ended = command("migrate", "bokos", *BOTH)

    assert ended.code == 1
    assert ended.errors.startswith(
        'error: no worker declares "bokos" in [tool.edgestead.migrations] of its pyproject.toml; '
        'declared: books (worker "library", workers/library/pyproject.toml), plain ('
    )


@pytest.mark.parametrize("missing", ["--from", "--to"])
def test_both_namespaces_are_required(command, missing: str) -> None:
    options = {"--from": "OLD", "--to": "NEW"}
    del options[missing]

    ended = command("migrate", "books", *[word for one in options.items() for word in one])

    assert ended.code == 2
    assert f"Missing option '{missing}'" in ended.errors


def test_the_help_tells_what_there_is(command) -> None:
    alone = command("migrate")
    named = command("migrate", "books", "--help")

    assert "runtime migrate [OPTIONS] NAME [OPTIONS]" in alone.errors
    assert "runtime migrate books [OPTIONS]\n" in named.output.decode()
    assert named.code == 0


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("plain", 'the migration "plain" is not an async function'),
        ("constant", 'the migration "constant" is not an async function'),
        ("nothing", 'what the migration "nothing" returned is no report: '),
        ("broken", '"broken" of worker "library" failed: LookupError: no shelf ('),
        ("unsure", 'not every record of "OLD" is in "NEW", and equal: 0 conflicts, 0 errors'),
    ],
)
def test_a_migration_that_is_wrong_is_told(command, folder: Path, name: str, told: str) -> None:
    ended = command("migrate", name, *BOTH, "--report", "report.json")

    assert ended.code == 1
    assert f"error: {told}" in ended.errors
    assert "Traceback" not in ended.errors
    assert "goes on" not in ended.errors
    assert (folder / "report.json").exists() == (name == "unsure")


@pytest.mark.parametrize("options", [[], ["--dry-run"]])
def test_a_store_that_fails_is_told_with_how_to_go_on(
    command, fill, monkeypatch: pytest.MonkeyPatch, options: list[str]
) -> None:
    fill("old", a="1")

    async def fail(*args: object) -> None:
        raise EngineError("the disk is full")

    monkeypatch.setattr(LevelDBEngine, "list", fail)

    ended = command("migrate", "books", *BOTH, *options)

    assert (ended.code, ended.output) == (1, b"")
    told = "" if options else "Stopped; the same command goes on with the rest.\n"
    assert ended.errors == f"{told}error: the disk is full\n"


def test_one_that_is_interrupted_says_how_to_go_on_and_leaves_no_report(
    command, folder: Path
) -> None:
    (folder / "report.json").write_text("an older one")

    ended = command("migrate", "interrupted", *BOTH, "--report", "report.json")

    assert (ended.code, ended.output) == (130, b"")
    assert ended.errors.startswith("Stopped; the same command goes on with the rest.\n")
    assert (folder / "report.json").read_text() == "an older one"
    assert sorted(path.name for path in folder.iterdir() if "report" in path.name) == [
        "report.json"
    ]
