"""Files as plain values with positions; the same config gives the same in all three formats."""

from pathlib import Path
from typing import Any

import pytest

from wrangler_compat import Diagnostics, find_config
from wrangler_compat.config.reader import read_document

TOML = """\
name = "w"

[vars]
A = "1"

[[kv_namespaces]]
binding = "KV"
id = "x"

[env.staging.vars]
A = "2"
"""

JSONC = """\
// the worker
{
  "name": "w", /* and
  more */ "vars": { "A": "1", },
  "kv_namespaces": [
    { "binding": "KV", "id": "x" },
  ],
  "env": { "staging": { "vars": { "A": "2" } } }
}
"""

DATA = {
    "name": "w",
    "vars": {"A": "1"},
    "kv_namespaces": [{"binding": "KV", "id": "x"}],
    "env": {"staging": {"vars": {"A": "2"}}},
}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def read(folder: Path, name: str, content: str | bytes) -> tuple[Any, Diagnostics]:
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    report = Diagnostics()
    return read_document(path, report), report


@pytest.mark.parametrize(("name", "text"), [("w.toml", TOML), ("w.jsonc", JSONC), ("w", JSONC)])
@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"], ids=["bare", "byte-order-mark"])
@pytest.mark.parametrize("line_end", ["\n", "\r\n"], ids=["LF", "CRLF"])
def test_formats_marks_and_line_ends_give_one_result(
    folder: Path, name: str, text: str, mark: bytes, line_end: str
) -> None:
    document, report = read(folder, name, mark + text.replace("\n", line_end).encode())

    assert document.data == DATA
    assert str(report) == ""


@pytest.mark.parametrize("line_end", ["\n", "\r\n"], ids=["LF", "CRLF"])
@pytest.mark.parametrize(
    ("name", "text", "places"),
    [
        (
            "w.toml",
            TOML,
            {
                ("name",): "1:1",
                ("vars",): "3:2",
                ("vars", "A"): "4:1",
                ("kv_namespaces", 0): "6:3",
                ("kv_namespaces", 0, "id"): "8:1",
                ("env", "staging"): "10:6",
                ("env", "staging", "vars", "A"): "11:1",
            },
        ),
        (
            "w.json",
            JSONC,
            {
                ("name",): "3:3",
                ("vars",): "4:11",
                ("vars", "A"): "4:21",
                ("kv_namespaces", 0): "6:5",
                ("kv_namespaces", 0, "id"): "6:24",
                ("env", "staging"): "8:12",
                ("env", "staging", "vars", "A"): "8:35",
            },
        ),
    ],
)
def test_every_key_has_its_place(
    folder: Path, name: str, text: str, places: dict[tuple[Any, ...], str], line_end: str
) -> None:
    document, _ = read(folder, name, text.replace("\n", line_end))

    assert {path: str(document.position(path)) for path in places} == {
        path: f"{name}:{place}" for path, place in places.items()
    }


@pytest.mark.parametrize(("name", "text"), [("w.toml", TOML), ("w.json", JSONC)])
def test_key_that_is_missing_has_the_place_of_what_it_misses_in(
    folder: Path, name: str, text: str
) -> None:
    document, _ = read(folder, name, text)

    assert document.position(("vars", "B", "c")) == document.position(("vars",))
    assert str(document.position(("main",))) == f"{name}:1:1"


def test_empty_lines_count(folder: Path) -> None:
    document, _ = read(folder, "w.toml", "\n\n a = 1\n\nb = 2")

    assert str(document.position(("a",))) == "w.toml:3:2"
    assert str(document.position(("b",))) == "w.toml:5:1"


def test_only_a_toml_file_is_toml(folder: Path) -> None:
    assert read(folder, "w.toml", TOML)[0].is_toml
    assert not read(folder, "w.json", JSONC)[0].is_toml


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("w.toml", "a = 1\nb = \n", "Invalid TOML: Invalid value. (w.toml:2:5)"),
        ("w.json", '{\n  "a": ]\n}', "Invalid JSON: expected a value but found ']'. (w.json:2:8)"),
        (
            "w.json",
            b'{\n "a": "\xff"}',
            '"w.json" is not UTF-8 text: there is a byte 0xff. Save the file as UTF-8. '
            "(w.json:2:8)",
        ),
    ],
)
def test_fault_is_named_with_line_and_column(
    folder: Path, name: str, content: str | bytes, message: str
) -> None:
    document, report = read(folder, name, content)

    assert document is None
    assert [str(error) for error in report.errors] == [message]


def test_file_that_cannot_be_read_is_an_error(folder: Path) -> None:
    missing, unnameable = Diagnostics(), Diagnostics()

    assert read_document(folder / "none.toml", missing) is None
    assert read_document(folder / "a\0b.toml", unnameable) is None

    assert str(missing) == '"none.toml" cannot be read: No such file or directory.'
    assert str(unnameable) == '"a\\x00b.toml" cannot be read: embedded null byte.'


@pytest.mark.parametrize(
    ("present", "chosen", "ignored"),
    [
        ([], None, None),
        (["wrangler.toml"], "wrangler.toml", None),
        (["wrangler.toml", "wrangler.jsonc"], "wrangler.jsonc", "wrangler.toml is ignored"),
        (
            ["wrangler.toml", "wrangler.jsonc", "wrangler.json"],
            "wrangler.json",
            "wrangler.jsonc and wrangler.toml are ignored",
        ),
    ],
)
def test_one_config_file_of_a_folder_wins(
    folder: Path, present: list[str], chosen: str | None, ignored: str | None
) -> None:
    for name in present:
        (folder / name).touch()
    (folder / "wrangler.yaml").touch()
    report = Diagnostics()

    found = find_config(folder, report)

    assert found == (None if chosen is None else folder / chosen)
    assert find_config(folder) == found
    assert str(report) == "" if ignored is None else ignored in str(report)


def test_folder_of_that_name_is_no_config_file(folder: Path) -> None:
    (folder / "wrangler.toml").mkdir()

    assert find_config(folder) is None
