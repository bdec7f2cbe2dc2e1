"""`runtime check`: all diagnostics of all files."""

import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

SOURCE = "async def on_fetch(request):\n    pass\n"
SECRET = "hunter2-hunter2"


@pytest.fixture
def check(refused: Callable[..., tuple[int, str]]) -> Callable[..., tuple[int, str]]:
    """Run `runtime check` in the test's folder."""
    return lambda *arguments: refused("check", *arguments)


def diagnostics(output: str) -> list[dict[str, Any]]:
    return list(json.loads(output)["diagnostics"])


def messages(output: str) -> list[str]:
    return [one["message"] for one in diagnostics(output)]


def test_config_without_faults_is_fine(check, make_worker) -> None:
    make_worker("shop", SOURCE)

    assert check("shop") == (0, "1 config checked: 0 errors, 0 warnings\n")


def test_warnings_and_errors_of_all_files_are_two_trees(check, make_worker) -> None:
    make_worker("workers/a", SOURCE, config="unknown = 1\n[env.x]\nlogpush = 5\n")
    make_worker("workers/b", SOURCE, config="logpush = 6\n")

    code, output = check()

    assert code == 1
    assert output == (
        "Warnings:\n"
        "Processing workers/a/wrangler.toml configuration:\n"
        '  - Unexpected fields found in top-level field: "unknown" (workers/a/wrangler.toml:5:1)\n'
        "\n"
        "Errors:\n"
        "Processing workers/a/wrangler.toml configuration:\n"
        '  - "env.x" environment configuration\n'
        '      - Expected "env.x.logpush" to be of type boolean but got 5. '
        "(workers/a/wrangler.toml:7:1)\n"
        "Processing workers/b/wrangler.toml configuration:\n"
        '  - Expected "logpush" to be of type boolean but got 6. (workers/b/wrangler.toml:5:1)\n'
        "\n"
        "2 configs checked: 2 errors, 1 warning\n"
    )


def test_warnings_alone_are_no_failure(check, make_worker) -> None:
    make_worker("shop", SOURCE, config="unknown = 1\n")

    assert check("shop")[0] == 0


def test_one_environment_can_be_chosen(check, make_worker) -> None:
    make_worker("shop", SOURCE, config="[env.x]\nlogpush = 5\n[env.y]\n")

    assert check("shop", "--env", "y")[0] == 0
    assert check("shop", "--env", "x")[0] == 1
    assert "No environment found in configuration with name" in check("shop", "-e", "z")[1]


def test_json_has_the_place_and_the_key_of_each(check, make_worker) -> None:
    make_worker(
        "shop", SOURCE, config='routs = []\n[[kv_namespaces]]\nbinding = "KV"\nid = 5\n[env.x]\n'
    )

    code, output = check("-c", "shop/wrangler.toml", "--json")

    assert code == 1
    assert json.loads(output)["errors"] == 1
    assert json.loads(output)["warnings"] == 2
    assert diagnostics(output) == [
        {
            "file": "shop/wrangler.toml",
            "line": 8,
            "column": 1,
            "severity": "error",
            "message": '"kv_namespaces[0]" bindings should have a string "id" field but got '
            '{"binding":"KV","id":5}.',
            "path": ["kv_namespaces", 0, "id"],
        },
        {
            "file": "shop/wrangler.toml",
            "line": 5,
            "column": 1,
            "severity": "warning",
            "message": 'Unexpected fields found in top-level field: "routs"\n'
            'Did you mean "routes"?',
            "path": ["routs"],
        },
        {
            "file": "shop/wrangler.toml",
            "line": 6,
            "column": 3,
            "severity": "warning",
            "message": '"kv_namespaces" exists at the top level, but not on "env.x".\n'
            'This is not what you probably want, since "kv_namespaces" is not inherited by '
            'environments.\nPlease add "kv_namespaces" to "env.x".',
            "path": ["kv_namespaces"],
        },
    ]


@pytest.mark.parametrize(
    ("name", "text", "line", "column"),
    [
        ("wrangler.toml", 'name = "w"\nmain = \n', 2, 8),
        ("wrangler.json", '{\n  "name": "w",\n  "main" 5\n}', 3, 10),
        ("wrangler.jsonc", '{\n  // a comment\n  "name": "w" "x"\n}', 3, 15),
    ],
)
def test_fault_of_the_syntax_has_its_place(
    check, tmp_path: Path, name: str, text: str, line: int, column: int
) -> None:
    (tmp_path / name).write_text(text)

    code, output = check("--json")

    (fault,) = diagnostics(output)
    assert code == 1
    assert (fault["file"], fault["line"], fault["column"]) == (name, line, column)
    assert fault["severity"] == "error"


def test_fault_without_a_place_names_its_file(check, tmp_path: Path) -> None:
    (tmp_path / "wrangler.toml").mkdir()

    code, output = check("-c", "wrangler.toml")

    assert code == 1
    assert output == "error: there is no config file wrangler.toml\n"


def test_service_that_nobody_provides_is_told(check, make_worker) -> None:
    service = '[[services]]\nbinding = "AUTH"\nservice = "{}"\n'
    make_worker("front", SOURCE, config=service.format("auht"))
    make_worker("auth", SOURCE, config=service.format("front"))

    code, output = check("front", "auth")

    assert code == 0
    assert '"AUTH" of worker "front" leads to a worker "auht", which does not exist here' in output
    assert output.endswith("2 configs checked: 0 errors, 1 warning\n")


def test_service_of_a_worker_with_errors_is_not_told(check, make_worker) -> None:
    make_worker("front", SOURCE, config='[[services]]\nbinding = "A"\nservice = "auth"\n')
    make_worker("auth", SOURCE, config="logpush = 5\n")

    assert "leads to a worker" not in check("front", "auth")[1]


def test_service_of_a_worker_that_cannot_be_read_is_not_told(check, make_worker) -> None:
    make_worker("front", SOURCE, config='[[services]]\nbinding = "A"\nservice = "auth"\n')
    make_worker("auth", SOURCE, config="logpush =\n")

    assert "leads to a worker" not in check("front", "auth")[1]


@pytest.mark.skipif(shutil.which("git") is None, reason="there is no git here")
def test_errors_do_not_hide_the_accidents_of_a_file(check, make_worker, tmp_path: Path) -> None:
    folder = make_worker(
        "shop",
        SOURCE,
        config=f'logpush = 5\n[vars]\nAPI_KEY = "{SECRET}"\n'
        '[[services]]\nbinding = "AUTH"\nservice = "auth"\n'
        '[[kv_namespaces]]\nbinding = "KV"\nid = "1"\n'
        '[[env.x.kv_namespaces]]\nbinding = "KV"\nid = "1"\n'
        '[[r2_buckets]]\nbinding = "B"\nbucket_name = "bucket"\n',
    )
    (folder / ".dev.vars").write_text(f"OTHER={SECRET}\n")
    for arguments in (["init", "-q", "."], ["add", "-f", "."]):
        subprocess.run(["git", *arguments], cwd=tmp_path, check=True, capture_output=True)

    code, output = check("shop")

    assert code == 1
    for told in (
        'Expected "logpush" to be of type boolean but got 5.',
        'The variable "API_KEY" looks like a secret',
        '"AUTH" of worker "shop" leads to a worker "auth", which does not exist here',
        'The top level and "env.x" share the kv_namespace "1"',
        'no installed plugin serves the binding kind "r2_bucket"',
        '"shop/.dev.vars" is tracked by git',
    ):
        assert output.count(told) == 1, told
    assert SECRET not in output


def test_route_that_two_workers_claim_is_told(check, make_worker) -> None:
    for name in ("a", "b"):
        make_worker(name, SOURCE, config='routes = ["x.example/*"]\n')

    assert 'Two workers claim the route "x.example/*"' in check("a", "b")[1]


def test_namespace_of_two_environments_is_told(check, make_worker) -> None:
    table = '[[{}kv_namespaces]]\nbinding = "KV"\nid = "one"\n'
    make_worker("shop", SOURCE, config=table.format("") + table.format("env.x."))

    assert 'The top level and "env.x" share the kv_namespace "one"' in check("shop")[1]


@pytest.mark.parametrize("config", ["", "dev = { port = 9000 }\n"])
def test_workers_that_cannot_be_served_together_are_an_error(
    check, make_worker, config: str
) -> None:
    make_worker("one/shop", SOURCE, config=config)
    other = make_worker("two/shop", SOURCE, config=config)
    if config:
        path = other / "wrangler.toml"
        path.write_text(path.read_text().replace('"shop"', '"other"'))

    code, output = check("one", "two", "--json")

    (fault,) = diagnostics(output)
    assert code == 1
    assert fault["message"].startswith("two workers have the ")
    assert fault["file"] == "two/shop/wrangler.toml"
    assert fault["path"] == (["dev", "port"] if config else ["name"])


def test_all_that_workers_have_in_common_is_told(check, make_worker) -> None:
    for folder in ("one", "two", "three"):
        make_worker(f"{folder}/shop", SOURCE, config="dev = { port = 9000 }\n")

    found = messages(check("one", "two", "three", "--json")[1])

    assert [message.partition(":")[0] for message in found] == [
        'two workers have the name "shop"',
        "two workers have the dev.port 9000",
    ] * 2


def test_kind_that_nobody_serves_is_told(check, make_worker) -> None:
    make_worker("shop", SOURCE, config='[[r2_buckets]]\nbinding = "B"\nbucket_name = "bucket"\n')

    (warning,) = diagnostics(check("shop", "--json")[1])

    assert 'no installed plugin serves the binding kind "r2_bucket" of "B"' in warning["message"]
    assert warning["line"] == 6


def test_plugin_that_does_not_load_is_told(check, refused, make_worker, broken_plugin) -> None:
    make_worker("shop", SOURCE)

    code, output = refused("check", "shop", PYTHONPATH=broken_plugin)

    assert code == 0
    assert "does not load" in output


@pytest.mark.skipif(shutil.which("git") is None, reason="there is no git here")
def test_committed_secrets_are_told_and_not_shown(check, make_worker, tmp_path: Path) -> None:
    folder = make_worker("shop", SOURCE, config=f'[vars]\nAPI_KEY = "{SECRET}"\n')
    (folder / ".dev.vars").write_text(f"OTHER={SECRET}\n")
    for arguments in (["init", "-q", "."], ["add", "-f", "."]):
        subprocess.run(["git", *arguments], cwd=tmp_path, check=True, capture_output=True)

    code, output = check("shop")

    assert code == 0
    assert '"shop/.dev.vars" is tracked by git' in output
    assert 'The variable "API_KEY" looks like a secret' in output
    assert SECRET not in output


def test_config_that_loses_to_another_is_told(check, make_worker) -> None:
    folder = make_worker("shop", SOURCE)
    (folder / "wrangler.json").write_text('{"name": "shop", "main": "src/entry.py"}')

    assert "wrangler.json is used, wrangler.toml is ignored" in check("shop")[1]


def test_no_config_says_where_it_looked(check) -> None:
    code, output = check("nowhere")

    assert code == 1
    assert "there is no file or folder nowhere" in output


def test_no_config_is_json_where_that_is_asked_for(check) -> None:
    code, output = check("nowhere", "--json")

    (fault,) = diagnostics(output)
    assert code == 1
    assert (fault["severity"], fault["file"]) == ("error", None)
    assert fault["message"] == "there is no file or folder nowhere"


@pytest.mark.parametrize("encoding", ["ascii", "utf-8:strict"])
def test_what_a_terminal_cannot_show_is_escaped(
    refused, make_worker, tmp_path: Path, encoding: str
) -> None:
    folder = make_worker("shop", SOURCE, config='"naïve" = 1\n')
    odd = folder.rename(tmp_path / "caf\udce9")

    code, output = refused("check", odd, PYTHONIOENCODING=encoding, PYTHONUTF8="0")

    assert code == 0, output
    assert "caf\\udce9/wrangler.toml" in output
    assert ("na\\xefve" in output) == (encoding == "ascii")
