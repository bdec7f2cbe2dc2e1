"""`runtime kv namespace` and `runtime kv key`, on a store that nobody else has open."""

import fcntl
import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from runtime.bindings.kv_namespace import stores

CONFIG = """
[[kv_namespaces]]
binding = "NOTES"
id = "aaa"

[[kv_namespaces]]
binding = "DRAFTS"
id = "bbb"
preview_id = "ppp"
"""


@pytest.fixture(autouse=True)
def folder(make_worker: Callable[..., Path], tmp_path: Path) -> Path:
    """The current folder is that of a worker with two namespaces."""
    make_worker("workers/shop", "", config=CONFIG)
    return tmp_path


@pytest.fixture
def kv(command) -> Callable[..., bytes]:
    """Run `runtime kv …`, which must end well and say nothing else; return what it printed."""

    def run(*arguments: str | Path, stdin: bytes = b"") -> bytes:
        ended = command("kv", *arguments, stdin=stdin)
        assert (ended.code, ended.errors) == (0, "")
        return ended.output

    return run


@pytest.fixture
def refused(command) -> Callable[..., str]:
    """Run `runtime kv …`, which must fail; return what it said."""

    def run(*arguments: str | Path, code: int = 1, stdin: bytes = b"") -> str:
        ended = command("kv", *arguments, stdin=stdin)
        assert ended.code == code
        return ended.errors

    return run


# Which namespace


def test_a_namespace_is_found_by_binding_and_by_id(kv) -> None:
    kv("key", "put", "a", "1", "--binding", "NOTES")

    assert kv("key", "get", "a", "--namespace-id", "aaa") == b"1"
    assert kv("key", "get", "a", "--binding", "NOTES", "--local") == b"1"


def test_a_binding_means_what_serve_uses_unless_told_otherwise(kv) -> None:
    kv("key", "put", "a", "preview", "--binding", "DRAFTS")
    kv("key", "put", "a", "real", "--binding", "DRAFTS", "--preview", "false")

    assert kv("key", "get", "a", "--namespace-id", "ppp") == b"preview"
    assert kv("key", "get", "a", "--namespace-id", "bbb") == b"real"
    for preview in (["--preview"], ["--preview", "true"], []):
        assert kv("key", "get", "a", "--binding", "DRAFTS", *preview) == b"preview"
    assert kv("key", "get", "a", "--binding", "DRAFTS", "--no-preview") == b"real"


@pytest.mark.parametrize("arguments", [[], ["--binding", "NOTES", "--namespace-id", "aaa"]])
def test_exactly_one_of_binding_and_id_is_required(refused, arguments: list[str]) -> None:
    told = refused("key", "list", *arguments, code=2)

    assert "--binding and --namespace-id: exactly one of them is required" in told


def test_an_unknown_binding_is_told_with_those_that_there_are(refused) -> None:
    told = refused("key", "list", "--binding", "NOPE")

    assert told == (
        'error: no KV namespace is bound to "NOPE" in the configs here; bindings: DRAFTS, NOTES\n'
    )


def test_a_binding_without_a_preview_id_has_no_preview(refused) -> None:
    told = refused("key", "list", "--binding", "NOTES", "--preview")

    assert told == 'error: "NOTES" has no preview_id; add one to the config\n'


def test_one_binding_of_several_namespaces_has_to_be_told_apart(kv, refused, make_worker) -> None:
    make_worker("workers/twin", "", config=CONFIG)
    kv("key", "put", "a", "1", "--binding", "NOTES")
    make_worker("workers/other", "", config=CONFIG.replace("aaa", "ccc"))

    told = refused("key", "get", "a", "--binding", "NOTES")

    assert told.startswith('error: "NOTES" is bound to different namespaces:\n')
    assert '"aaa" in worker "shop" (' in told
    assert '"ccc" in worker "other" (' in told
    assert "other/wrangler.toml:" in told
    assert kv("key", "list", "--binding", "NOTES", "-c", "workers/other") == b"[]\n"


def test_an_id_that_a_config_cannot_have_is_told(refused, make_worker) -> None:
    make_worker("workers/shop", "", config=CONFIG.replace("aaa", "a" * 255))

    told = refused("key", "list", "--binding", "NOTES")

    assert 'The KV namespace "NOTES" needs an id of 1 to 254 bytes' in told


@pytest.mark.parametrize("id_", ["", "x" * 255, "\udcff"])
def test_an_id_that_cannot_be_is_refused(refused, id_: str) -> None:
    told = refused("key", "list", "--namespace-id", id_, code=2)

    assert "an id has 1 to 254 bytes of UTF-8" in told


def test_remote_needs_a_host(refused) -> None:
    told = refused("key", "list", "--binding", "NOTES", "--remote", code=2)

    assert "--remote: it needs a host, and this command reaches local state only" in told


def test_an_environment_has_its_own_namespaces(kv, make_worker) -> None:
    staged = CONFIG.replace("[[", "[[env.staging.").replace("aaa", "staged")
    make_worker("workers/shop", "", config=CONFIG + staged)

    kv("key", "put", "a", "1", "--binding", "NOTES", "--env", "staging")

    assert kv("key", "get", "a", "--namespace-id", "staged") == b"1"


def test_state_can_be_elsewhere(kv, tmp_path: Path) -> None:
    kv("key", "put", "a", "1", "--binding", "NOTES", "--persist-to", "state")

    assert (tmp_path / "state" / "kv_namespace" / "leveldb").is_dir()
    assert kv("key", "list", "--binding", "NOTES") == b"[]\n"


# One key


@pytest.mark.parametrize(
    "value", [b"", b"text", "grün".encode(), b"\xff\x00\xfe", b"-", b"line\nline"]
)
def test_a_value_is_bytes_as_argument_file_and_standard_input(
    kv, value: bytes, tmp_path: Path
) -> None:
    (tmp_path / "file").write_bytes(value)
    if b"\x00" not in value:
        kv("key", "put", "--binding", "NOTES", "--", "argument", os.fsdecode(value))
        assert kv("key", "get", "argument", "--binding", "NOTES") == value

    kv("key", "put", "file", "--path", "file", "--binding", "NOTES")
    kv("key", "put", "stdin", "--path", "-", "--binding", "NOTES", stdin=value)

    assert kv("key", "get", "file", "--binding", "NOTES") == value
    assert kv("key", "get", "stdin", "--binding", "NOTES") == value


def test_a_value_comes_from_a_pipe_too(kv, tmp_path: Path) -> None:
    reader, writer = os.pipe()
    os.write(writer, b"piped")
    os.close(writer)

    kv("key", "put", "a", "--path", f"/dev/fd/{reader}", "--binding", "NOTES")

    os.close(reader)
    assert kv("key", "get", "a", "--binding", "NOTES") == b"piped"


def test_25_mib_go_in_and_out_and_a_byte_more_is_refused(kv, refused, tmp_path: Path) -> None:
    value = os.urandom(1024) * 25 * 1024
    (tmp_path / "whole").write_bytes(value)
    (tmp_path / "more").write_bytes(value + b"x")

    kv("key", "put", "a", "--path", "whole", "--binding", "NOTES")
    told = refused("key", "put", "a", "--path", "more", "--binding", "NOTES")

    assert told == (
        "error: KV PUT failed: 413 Value length of 26214401 exceeds limit of 26214400.\n"
    )
    assert kv("key", "get", "a", "--binding", "NOTES") == value


def test_put_says_what_it_writes_but_not_the_value(kv, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"v")

    assert kv("key", "put", "a", "secret", "--binding", "NOTES") == (
        b'Writing the value to key "a" on namespace binding: "NOTES" (id: "aaa").\n'
    )
    assert kv("key", "put", "a", "--path", "file", "--namespace-id", "aaa") == (
        b'Writing the contents of file to the key "a" on namespace id: "aaa".\n'
    )
    assert b'standard input to the key "a\\nb"' in (
        kv("key", "put", "a\nb", "--path", "-", "--binding", "NOTES")
    )


@pytest.mark.parametrize("arguments", [[], ["v", "--path", "file"]])
def test_put_takes_a_value_or_a_path(refused, arguments: list[str]) -> None:
    told = refused("key", "put", "a", *arguments, "--binding", "NOTES", code=2)

    assert "VALUE and --path: exactly one of them is required" in told


def test_a_file_that_is_not_there_is_told(refused) -> None:
    told = refused("key", "put", "a", "--path", "nope", "--binding", "NOTES")

    assert told == "error: No such file or directory: nope\n"


def test_text_is_decoded_and_ends_its_line(kv) -> None:
    kv("key", "put", "a", "--path", "-", "--binding", "NOTES", stdin=b"gr\xc3\xbcn \xff")

    assert kv("key", "get", "a", "--text", "--binding", "NOTES") == "grün \ufffd\n".encode()


def test_a_value_that_is_not_there_is_told(refused) -> None:
    told = refused("key", "get", "a", "--binding", "NOTES")

    assert told == (
        'error: Value not found: there is no key "a" on namespace binding: "NOTES" (id: "aaa")\n'
    )


def test_a_deleted_key_is_gone_and_an_absent_one_is_no_error(kv) -> None:
    kv("key", "put", "a", "1", "--binding", "NOTES")

    told = kv("key", "delete", "a", "--binding", "NOTES")
    kv("key", "delete", "a", "--binding", "NOTES")

    assert told == b'Deleting the key "a" on namespace binding: "NOTES" (id: "aaa").\n'
    assert kv("key", "list", "--binding", "NOTES") == b"[]\n"


def test_keys_are_listed_as_wrangler_lists_them(kv) -> None:
    kv("key", "put", "b", "1", "--binding", "NOTES", "--metadata", '{"by": "Ädä"}')
    kv("key", "put", "a", "1", "--binding", "NOTES", "--expiration", "4000000000")
    kv("key", "put", "other", "1", "--binding", "NOTES")

    listed = kv("key", "list", "--binding", "NOTES")

    keys = [
        {"name": "a", "expiration": 4000000000},
        {"name": "b", "metadata": {"by": "Ädä"}},
        {"name": "other"},
    ]
    assert listed.decode() == json.dumps(keys, indent=2, ensure_ascii=False) + "\n"
    assert json.loads(kv("key", "list", "--binding", "NOTES", "--prefix", "o")) == [keys[2]]


def test_all_pages_are_listed(kv, tmp_path: Path) -> None:
    pairs = [{"key": f"{number:05}", "value": ""} for number in range(2500)]
    (tmp_path / "pairs.json").write_text(json.dumps(pairs))
    kv("bulk", "put", "pairs.json", "--binding", "NOTES")

    listed = json.loads(kv("key", "list", "--binding", "NOTES"))

    assert [key["name"] for key in listed] == [pair["key"] for pair in pairs]


def test_metadata_that_utf8_cannot_be_is_written_as_json(kv) -> None:
    kv("key", "put", "a", "1", "--binding", "NOTES", "--metadata", '"\\ud800"')

    assert b'"metadata": "\\ud800"' in kv("key", "list", "--binding", "NOTES")


def test_a_ttl_is_from_now(kv) -> None:
    kv("key", "put", "a", "1", "--binding", "NOTES", "--ttl", "1000")

    (listed,) = json.loads(kv("key", "list", "--binding", "NOTES"))

    assert listed["expiration"] > 1_700_000_000


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--ttl", "5"], "400 Invalid expiration_ttl of 5. Expiration TTL must be at least 60."),
        (["--ttl", "60.5"], "400 Invalid expiration_ttl of 60.5. Please specify integer"),
        (["--expiration", "5"], "400 Invalid expiration of 5. Please specify integer greater"),
        (["--metadata", f'"{"x" * 1023}"'], "413 Metadata length of 1025 exceeds limit of 1024."),
    ],
)
def test_what_kv_refuses_is_told_in_its_words(refused, options: list[str], told: str) -> None:
    errors = refused("key", "put", "a", "v", "--binding", "NOTES", *options)

    assert errors.startswith(f"error: KV PUT failed: {told}")


@pytest.mark.parametrize("metadata", ["{", "NaN", '{"a": Infinity}', "[" * 100_000])
def test_metadata_is_json(refused, metadata: str) -> None:
    told = refused("key", "put", "a", "v", "--binding", "NOTES", "--metadata", metadata, code=2)

    assert "'--metadata': it is not JSON" in told


@pytest.mark.parametrize(
    ("key", "code", "told"),
    [
        ("", 2, "Key name cannot be empty."),
        (".", 2, '"." is not allowed as a key name.'),
        ("\udcff", 2, "it is not UTF-8"),
        ("k" * 513, 1, "414 UTF-8 encoded length of 513 exceeds key length limit of 512."),
    ],
)
@pytest.mark.parametrize(
    ("arguments", "verb"), [(["get"], "GET"), (["put"], "PUT"), (["delete"], "DELETE")]
)
def test_what_cannot_be_a_key_is_told(
    refused, arguments: list[str], verb: str, key: str, code: int, told: str
) -> None:
    value = ["value"] if arguments == ["put"] else []

    errors = refused("key", *arguments, key, *value, "--binding", "NOTES", code=code)

    assert told in errors
    assert code == 2 or f"error: KV {verb} failed: 414" in errors


def test_a_prefix_is_utf8(refused) -> None:
    assert "it is not UTF-8" in (
        refused("key", "list", "--prefix", "\udcff", "--binding", "NOTES", code=2)
    )


# Namespaces


def test_namespaces_are_those_of_the_configs_and_of_the_store(kv) -> None:
    kv("key", "put", "a", "1", "--namespace-id", "loose")

    listed = json.loads(kv("namespace", "list"))

    assert listed == [
        {"id": "loose", "title": "loose", "supports_url_encoding": True},
        {"id": "bbb", "title": "shop-DRAFTS", "supports_url_encoding": True},
        {"id": "ppp", "title": "shop-DRAFTS_preview", "supports_url_encoding": True},
        {"id": "aaa", "title": "shop-NOTES", "supports_url_encoding": True},
    ]


def test_without_a_config_the_store_is_to_be_named(kv, refused, tmp_path, monkeypatch) -> None:
    kv("key", "put", "a", "1", "--binding", "NOTES", "--persist-to", "state")
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")

    assert [one["id"] for one in json.loads(kv("namespace", "list", "--persist-to", "../state"))]
    assert kv("key", "get", "a", "--namespace-id", "aaa", "--persist-to", "../state") == b"1"
    assert "bindings: none" in refused(
        "key", "get", "a", "--binding", "NOTES", "--persist-to", "../state"
    )
    assert "no wrangler.json" in refused("key", "get", "a", "--namespace-id", "aaa")


# The store


def test_a_store_that_another_process_holds_is_refused_naming_it(
    kv, refused, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stores, "_PATIENCE_S", 0.05)
    kv("key", "put", "a", "1", "--binding", "NOTES")
    lock = tmp_path / ".edgestead" / "kv_namespace" / "leveldb.lock"

    with lock.open("r+") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        held.truncate()
        held.write("4711\n")
        held.flush()

        told = refused("key", "get", "a", "--binding", "NOTES")

    assert "is in use by process 4711" in told


def test_a_broken_config_is_told_where_it_is_needed(kv, refused, make_worker) -> None:
    make_worker("workers/shop", "", config="x = [\n")

    assert kv("key", "list", "--namespace-id", "aaa") == b"[]\n"
    assert "wrangler.toml:6" in refused("key", "list", "--binding", "NOTES")
