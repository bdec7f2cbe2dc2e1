"""`runtime kv bulk`: many keys at once, all or none of a file."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from kvstore import EngineError
from kvstore.engines.leveldb import LevelDBEngine

AT = ("--binding", "NOTES")


@pytest.fixture(autouse=True)
def folder(make_worker: Callable[..., Path], tmp_path: Path) -> Path:
    """The current folder is that of a worker with a namespace."""
    make_worker("workers/shop", "", config='[[kv_namespaces]]\nbinding = "NOTES"\nid = "aaa"\n')
    return tmp_path


@pytest.fixture
def write(folder: Path) -> Callable[..., str]:
    """Write a file: JSON, or text as it is."""

    def write_(content: Any, name: str = "file.json") -> str:
        text = content if isinstance(content, str) else json.dumps(content)
        (folder / name).write_text(text)
        return name

    return write_


@pytest.fixture
def values(command, write) -> Callable[..., dict[str, str | None]]:
    """Return the values of keys."""

    def values_(*keys: str) -> dict[str, str | None]:
        ended = command("kv", "bulk", "get", write(keys, "keys.json"), *AT)
        assert (ended.code, ended.errors) == (0, "")
        return {key: found["value"] for key, found in json.loads(ended.output).items()}

    return values_


def test_pairs_are_written_and_read_back(command, write, values) -> None:
    pairs = [
        {"key": "a", "value": "1"},
        {"key": "b", "value": "Z3LDvG4=", "base64": True, "metadata": {"by": "Ada"}},
        {"key": "c", "value": "", "expiration": 4_000_000_000},
        {"key": "a", "value": "the last one stays"},
    ]

    ended = command("kv", "bulk", "put", write(pairs), *AT)

    assert ended == (0, b"Success!\n", "")
    assert values("a", "b", "c", "d") == {
        "a": "the last one stays",
        "b": "grün",
        "c": "",
        "d": None,
    }
    listed = json.loads(command("kv", "key", "list", *AT).output)
    assert listed == [
        {"name": "a"},
        {"name": "b", "metadata": {"by": "Ada"}},
        {"name": "c", "expiration": 4_000_000_000},
    ]


def test_options_are_for_pairs_that_do_not_say_it_themselves(command, write) -> None:
    pairs = [
        {"key": "a", "value": "1"},
        {"key": "b", "value": "1", "expiration": 4_000_000_001, "metadata": 0},
    ]
    options = ["--ttl", "1000000", "--metadata", '"all"']

    command("kv", "bulk", "put", write(pairs), *AT, *options)

    first, second = json.loads(command("kv", "key", "list", *AT).output)
    assert first["metadata"] == "all"
    assert 1_700_000_000 < first["expiration"] < 4_000_000_000
    assert second == {"name": "b", "expiration": 4_000_000_001, "metadata": 0}


def test_values_are_laid_out_as_wrangler_does(command, write) -> None:
    command("kv", "key", "put", "grün", "1", *AT)

    ended = command("kv", "bulk", "get", write(["grün", "no"]), *AT)

    expected = {"grün": {"value": "1"}, "no": {"value": None}}
    assert ended.output.decode() == json.dumps(expected, indent=2, ensure_ascii=False) + "\n"
    assert command("kv", "bulk", "get", write([]), *AT).output == b"{}\n"


def test_files_may_be_standard_input(command) -> None:
    pairs = b'[{"key": "a", "value": "1"}]'

    command("kv", "bulk", "put", "-", *AT, stdin=pairs)

    got = command("kv", "bulk", "get", "-", *AT, stdin=b'[{"name": "a"}]')
    assert json.loads(got.output) == {"a": {"value": "1"}}
    command("kv", "bulk", "delete", "-", "--force", *AT, stdin=b'["a"]')
    assert command("kv", "key", "list", *AT).output == b"[]\n"


def test_nothing_is_written_of_a_file_that_is_wrong_and_every_item_is_told(command, write) -> None:
    wrong: list[Any] = [
        {"key": "fine", "value": "1"},
        {"key": "", "value": "1"},
        {"key": "k" * 513, "value": "1"},
        {"key": "a", "value": 5},
        {"value": "1"},
        "text",
        {"key": "a", "value": "no base64", "base64": True},
        {"key": "a", "value": "1", "expiration_ttl": 5},
        {"key": "a", "value": "1", "metadata": "x" * 2000},
    ]

    ended = command("kv", "bulk", "put", write(wrong), *AT)

    assert (ended.code, ended.output) == (1, b"")
    assert ended.errors.splitlines() == [
        "error: nothing was done, for this in file.json is wrong:",
        "  item 1: Key name cannot be empty.",
        "  item 2: KV PUT failed: 414 UTF-8 encoded length of 513 exceeds key length limit of 512.",
        '  item 3: its "value" is not a text',
        '  item 4: its "key" is not a text',
        "  item 5: it is not an object",
        "  item 6: Only base64 data is allowed",
        "  item 7: KV PUT failed: 400 Invalid expiration_ttl of 5. "
        "Expiration TTL must be at least 60.",
        "  item 8: KV PUT failed: 413 Metadata length of 2002 exceeds limit of 1024.",
    ]
    assert command("kv", "key", "list", *AT).output == b"[]\n"


def test_of_many_faults_the_first_are_told(command, write) -> None:
    ended = command("kv", "bulk", "put", write([{}] * 25), *AT)

    assert "  item 9: " in ended.errors
    assert "  item 10: " not in ended.errors
    assert ended.errors.endswith("  and 15 more\n")


def test_fields_that_are_not_stored_are_a_warning(command, write, values) -> None:
    pairs = [{"key": "a", "value": "1"}, {"key": "b", "value": "1", "ttl": 5, "meta": 1}]

    ended = command("kv", "bulk", "put", write(pairs), *AT)

    assert ended.code == 0
    assert ended.errors == (
        'warning: file.json has fields that are not stored:\n  item 1: "meta", "ttl"\n'
    )
    assert values("b") == {"b": "1"}


@pytest.mark.parametrize("verb", ["put", "get", "delete"])
@pytest.mark.parametrize(
    ("content", "told"),
    [
        ('{"key": "a",\n', "file.json is not JSON at line 2: it should be an array of "),
        ('{"key": "a", "value": "1"}', "file.json should hold an array of "),
        ('"text"', "file.json should hold an array of "),
        ("[" * 200_000, "file.json is not JSON: it should be an array of "),
    ],
)
def test_a_file_of_something_else_is_told(
    command, write, verb: str, content: str, told: str
) -> None:
    ended = command("kv", "bulk", verb, write(content), *AT)

    assert ended.code == 1
    assert ended.errors.startswith(f"error: {told}")


def test_bytes_that_are_no_text_are_told(command) -> None:
    ended = command("kv", "bulk", "put", "-", *AT, stdin=b'["\xff"]')

    assert ended.errors.startswith("error: - is not JSON: it should be an array of objects")


def test_a_file_that_is_not_there_is_told(command) -> None:
    ended = command("kv", "bulk", "put", "nope.json", *AT)

    assert (ended.code, ended.errors) == (1, "error: No such file or directory: nope.json\n")


@pytest.mark.parametrize(("verb", "kv_verb"), [("get", "GET"), ("delete", "DELETE")])
def test_keys_that_cannot_be_are_told(command, write, verb: str, kv_verb: str) -> None:
    keys = ["a", 5, {"key": "a"}, ".", "k" * 600]

    ended = command("kv", "bulk", verb, write(keys), *AT)

    assert ended.code == 1
    assert ended.errors.splitlines()[1:] == [
        "  item 1: A key name is a str, not int.",
        "  item 2: A key name is a str, not NoneType.",
        '  item 3: "." is not allowed as a key name.',
        f"  item 4: KV {kv_verb} failed: 414 UTF-8 encoded length of 600 exceeds key length limit "
        "of 512.",
    ]


# Deleting


@pytest.fixture
def delete(command, write) -> Callable[..., tuple[Any, str]]:
    """Delete the keys a and b of three; return how that ended, and which are left."""

    def delete_(*options: str, **how: Any) -> tuple[Any, str]:
        command("kv", "bulk", "put", write([{"key": k, "value": ""} for k in "abc"]), *AT)
        ended = command(
            "kv", "bulk", "delete", write(["a", {"name": "b"}, "none"]), *AT, *options, **how
        )
        left = json.loads(command("kv", "key", "list", *AT).output)
        return ended, "".join(key["name"] for key in left)

    return delete_


QUESTION = (
    "Are you sure you want to delete all the keys read from file.json "
    'from kv-namespace binding: "NOTES" (id: "aaa")?'
)


@pytest.mark.parametrize("answers", ["y\n", "\n", "YES\n", "what?\ny\n"])
def test_keys_are_deleted_when_a_terminal_says_so(delete, answers: str) -> None:
    ended, left = delete(answers=answers)

    assert (ended.code, ended.output, left) == (0, b"Success!\n", "c")
    assert ended.errors.startswith(f"{QUESTION} (Y/n) ")


@pytest.mark.parametrize("answers", ["n\n", "No\n", ""])
def test_keys_stay_when_a_terminal_says_so(delete, answers: str) -> None:
    ended, left = delete(answers=answers)

    assert (ended.code, left) == (0, "abc")
    assert ended.output == b"Not deleting keys read from file.json.\n"


@pytest.mark.parametrize("option", ["--force", "-f", "--yes", "-y"])
def test_nobody_is_asked_with_force(delete, option: str) -> None:
    ended, left = delete(option)

    assert (ended, left) == ((0, b"Success!\n", ""), "c")


def test_where_nobody_can_answer_it_is_yes_and_told(delete) -> None:
    ended, left = delete()

    assert left == "c"
    assert ended.errors == f"{QUESTION}\nNobody can answer here, so: yes\n"


# Progress, and being stopped


def test_a_terminal_shows_progress_and_a_pipe_does_not(command, write) -> None:
    file = write([{"key": "a", "value": "1"}])

    seen = command("kv", "bulk", "put", file, *AT, answers="")
    unseen = command("kv", "bulk", "put", file, *AT)

    assert "Writing" in seen.errors
    assert "1/1" in seen.errors
    assert (seen.output, unseen.output) == (b"Success!\n", b"Success!\n")
    assert unseen.errors == ""


def test_what_is_done_is_told_where_the_rest_fails(
    command, write, values, monkeypatch: pytest.MonkeyPatch
) -> None:
    pairs = [{"key": f"{number:04}", "value": "1"} for number in range(1200)]
    written = LevelDBEngine.write

    async def fails_later(self: LevelDBEngine, operations: Any) -> None:
        if operations[0].key == b"1000":
            raise EngineError("the disk is full")
        await written(self, operations)

    monkeypatch.setattr(LevelDBEngine, "write", fails_later)

    ended = command("kv", "bulk", "put", write(pairs), *AT)

    assert ended.code == 1
    assert ended.errors == (
        "Stopped after 1000 of 1200 keys; the same again does them all.\nerror: the disk is full\n"
    )
    assert values("0999", "1000") == {"0999": "1", "1000": None}


def test_ctrl_c_ends_with_its_exit_code(command, write, monkeypatch: pytest.MonkeyPatch) -> None:
    async def interrupted(self: LevelDBEngine, operations: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(LevelDBEngine, "write", interrupted)

    ended = command("kv", "bulk", "put", write([{"key": "a", "value": "1"}]), *AT)

    assert (ended.code, ended.output, ended.errors) == (130, b"", "")
