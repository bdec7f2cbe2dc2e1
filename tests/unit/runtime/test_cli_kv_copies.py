"""`runtime kv export`, `import` and `check`: a namespace as a file, and a store's health."""

import json
import os
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import plyvel
import pytest

from kvstore import EngineError
from kvstore.engines.leveldb import LevelDBEngine

AT = ("--binding", "NOTES")
LINES = (
    '{"key": "a", "value": "1", "metadata": {"by":"Ada"}}\n'
    '{"key": "b", "value": "//4=", "base64": true}\n'
    '{"key": "c", "value": "grün", "expiration": 4000000000}\n'
).encode()


@pytest.fixture(autouse=True)
def folder(make_worker: Callable[..., Path], tmp_path: Path) -> Path:
    """The current folder is that of a worker with two namespaces."""
    section = '[[kv_namespaces]]\nbinding = "{}"\nid = "{}"\n'
    make_worker(
        "workers/shop", "", config=section.format("NOTES", "aaa") + section.format("COPY", "bbb")
    )
    return tmp_path


@pytest.fixture
def store(folder: Path) -> Path:
    """Where the store is."""
    return folder / ".edgestead" / "kv_namespace"


# Export and import


def test_a_namespace_is_exported_and_imported_unchanged(command, folder: Path) -> None:
    imported = command("kv", "import", "-", *AT, stdin=LINES)
    exported = command("kv", "export", *AT)
    to_file = command("kv", "export", "copy.jsonl", *AT)
    command("kv", "import", "copy.jsonl", "--binding", "COPY")

    assert imported.output == b'Imported 3 keys to namespace binding: "NOTES" (id: "aaa").\n'
    assert exported.output == LINES
    assert exported.errors == 'Exported 3 keys of namespace binding: "NOTES" (id: "aaa").\n'
    assert (to_file.output, to_file.errors) == (b"", exported.errors)
    assert (folder / "copy.jsonl").read_bytes() == LINES
    assert command("kv", "export", "-", "--namespace-id", "bbb").output == LINES


def test_an_import_reads_what_bulk_put_reads_and_a_pipe(command) -> None:
    reader, writer = os.pipe()
    os.write(writer, b'[{"key": "a", "value": "1"}]')
    os.close(writer)

    command("kv", "import", f"/dev/fd/{reader}", *AT)

    os.close(reader)
    assert command("kv", "key", "get", "a", *AT).output == b"1"


def test_expired_records_are_left_out_and_told(command) -> None:
    ended = command("kv", "import", "-", *AT, stdin=b'{"key": "a", "value": "", "expiration": 1}')

    assert ended.output == (
        b'Imported 0 keys to namespace binding: "NOTES" (id: "aaa"). 1 were expired and left out.\n'
    )


def test_nothing_is_imported_of_a_file_that_is_wrong(command, folder: Path) -> None:
    (folder / "bad.jsonl").write_bytes(LINES + b'{"key": ""}\n')

    ended = command("kv", "import", "bad.jsonl", *AT)

    assert (ended.code, ended.output) == (1, b"")
    assert ended.errors == (
        "error: nothing was written, for bad.jsonl is wrong: line 4: its 'value' is not a text\n"
    )
    assert command("kv", "export", *AT).output == b""


def test_a_file_is_replaced_only_when_that_is_wanted(command, folder: Path) -> None:
    command("kv", "import", "-", *AT, stdin=LINES)
    file = folder / "copy.jsonl"
    file.write_text("kept")

    kept = command("kv", "export", "copy.jsonl", *AT, answers="n\n")

    assert kept.output == b"Not replacing copy.jsonl.\n"
    assert file.read_text() == "kept"
    replaced = command("kv", "export", "copy.jsonl", *AT, answers="y\n")
    assert "Replace copy.jsonl? (Y/n) " in replaced.errors
    assert "Exporting" in replaced.errors
    assert file.read_bytes() == LINES
    file.write_text("kept")
    assert "Replace" not in command("kv", "export", "copy.jsonl", "--force", *AT).errors
    assert file.read_bytes() == LINES


def test_an_export_goes_through_a_link_and_into_a_device(command, folder: Path) -> None:
    command("kv", "import", "-", *AT, stdin=LINES)
    (folder / "link").symlink_to("target")

    command("kv", "export", "link", *AT)
    command("kv", "export", "/dev/null", *AT)

    assert (folder / "link").is_symlink()
    assert (folder / "target").read_bytes() == LINES
    assert stat.S_ISCHR(os.stat("/dev/null").st_mode)


@pytest.mark.parametrize(
    ("error", "code", "told"),
    [
        (EngineError("the disk is gone"), 1, "error: the disk is gone\n"),
        (KeyboardInterrupt, 130, ""),
    ],
)
def test_an_export_that_does_not_end_leaves_no_file_and_no_trace(
    command, folder: Path, monkeypatch: pytest.MonkeyPatch, error: Any, code: int, told: str
) -> None:
    command("kv", "import", "-", *AT, stdin=LINES)
    before = sorted(os.listdir(folder))
    snapshot = LevelDBEngine.snapshot

    async def fails(self: LevelDBEngine, namespace: str) -> Any:
        async for item in snapshot(self, namespace):
            yield item
            raise error

    monkeypatch.setattr(LevelDBEngine, "snapshot", fails)

    ended = command("kv", "export", "copy.jsonl", *AT)

    assert (ended.code, ended.errors) == (code, told)
    assert sorted(os.listdir(folder)) == before


def test_a_folder_that_an_export_cannot_write_to_is_told(command) -> None:
    ended = command("kv", "export", "no/such/copy.jsonl", *AT)

    assert ended.code == 1
    assert "No such file or directory" in ended.errors
    assert "no/such" in ended.errors


def test_an_import_that_is_stopped_says_how_far_it_came(
    command, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "many.jsonl").write_text(
        "".join(f'{{"key": "{number:04}", "value": ""}}\n' for number in range(1200))
    )
    written = LevelDBEngine.write

    async def fails_later(self: LevelDBEngine, operations: Any) -> None:
        if operations[0].key == b"0500":
            raise KeyboardInterrupt
        await written(self, operations)

    monkeypatch.setattr(LevelDBEngine, "write", fails_later)

    ended = command("kv", "import", "many.jsonl", *AT)

    assert ended.code == 130
    assert ended.errors == "Stopped after 500 keys; the same again does them all.\n"


# Check


def damage_table(store: Path, *offsets: int) -> None:
    """Flip bytes of the newest table."""
    table = max((store / "leveldb").glob("*.ldb"))
    data = bytearray(table.read_bytes())
    for offset in offsets:
        data[offset] ^= 0xFF
    table.write_bytes(data)


def edit(store: Path, change: Callable[[Any], None]) -> None:
    database = plyvel.DB(str(store / "leveldb"))
    change(database)
    database.close()


def fill(command, count: int) -> None:
    lines = "".join(
        f'{{"key": "{number:04}", "value": "{os.urandom(100).hex()}"}}\n' for number in range(count)
    )
    command("kv", "import", "-", *AT, stdin=lines.encode())


def test_a_sound_store_is_told(command, store: Path) -> None:
    command("kv", "import", "-", *AT, stdin=LINES)
    command("kv", "import", "-", "--binding", "COPY", stdin=LINES)

    ended = command("kv", "check")

    assert ended.code == 0
    assert ended.output.decode() == (
        'namespace "aaa": 3 sound records\n'
        'namespace "bbb": 3 sound records\n'
        f"The KV store {store} is sound.\n"
    )


def test_damaged_records_are_named_and_repaired(command, store: Path) -> None:
    command("kv", "import", "-", *AT, stdin=LINES)

    def damage(database: Any) -> None:
        database.put(b"\x03aaab", database.get(b"\x03aaab")[:-1] + b"?")
        database.put(b"\xffv" + b"0" * 16, b"belongs to nothing")
        for key, _ in database.iterator(prefix=b"\xffx"):
            database.delete(key)

    edit(store, damage)

    found = command("kv", "check")
    repaired = command("kv", "check", "--repair")
    again = command("kv", "check")

    lines = found.output.decode().splitlines()
    assert found.code == 1
    assert lines[0] == 'namespace "aaa": 2 sound records'
    assert lines[1].startswith('damaged: key "b" of namespace "aaa": ')
    assert lines[2] == "found: 1 entries that belong to no record; harmless"
    assert lines[3] == "missing: 1 entries of the expiry index"
    assert found.errors == (
        f"error: the KV store {store} is damaged; `runtime kv check --repair {store}` deletes what "
        "is damaged and keeps all else\n"
    )
    assert repaired.code == 0
    assert 'lost: key "b" of namespace "aaa": ' in repaired.output.decode()
    assert repaired.output.decode().endswith(
        f"The KV store {store} was damaged, and is repaired.\n"
    )
    assert again.output.decode() == (
        f'namespace "aaa": 2 sound records\nThe KV store {store} is sound.\n'
    )


def test_what_a_repair_of_the_files_loses_is_named(command, store: Path) -> None:
    fill(command, 500)
    edit(store, lambda database: database.compact_range(start=b"\x00", stop=b"\xff" * 9))
    damage_table(store, 20_000)

    refused = command("kv", "key", "list", *AT)
    found = command("kv", "check")
    repaired = command("kv", "check", "--repair", store)
    again = command("kv", "check")
    left = json.loads(command("kv", "key", "list", *AT).output)

    told = repaired.output.decode()
    assert f"`runtime kv check --repair {store}` rebuilds it" in refused.errors
    assert (found.code, repaired.code, again.code) == (1, 0, 0)
    assert "damaged: the store is damaged: Corruption: block checksum mismatch" in told
    assert 0 < told.count('lost: key "') < 100
    assert told.count('lost: key "') + len(left) == 500
    assert all(f'"{key["name"]}"' not in told for key in left)


def test_the_command_that_messages_name_is_right_in_any_folder(
    command, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    command("kv", "import", "-", *AT, "--persist-to", "a state", stdin=LINES)
    (folder / "a state" / "kv_namespace" / "leveldb" / "CURRENT").unlink()

    refused = command("kv", "key", "list", *AT, "--persist-to", "a state")

    monkeypatch.chdir("/")
    store = folder / "a state" / "kv_namespace"
    assert f"`runtime kv check --repair '{store}'` rebuilds it" in refused.errors
    assert command("kv", "check", "--repair", store).code == 0


def test_a_store_that_is_not_there_is_told(command, store: Path) -> None:
    ended = command("kv", "check")

    assert (ended.code, ended.errors) == (1, f"error: there is no KV store {store / 'leveldb'}\n")


def test_another_engine_cannot_be_checked(command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EDGESTEAD_KV_NAMESPACE_ENGINE", "memory")

    ended = command("kv", "check")

    assert ended.errors == "error: only stores of leveldb can be checked, and this is memory\n"
