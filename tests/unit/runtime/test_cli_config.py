"""`runtime config`: the normalised config, and where each value comes from."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from wrangler_compat import read_config

SOURCE = "async def on_fetch(request):\n    pass\n"
SECRET = "hunter2-hunter2"
CONFIG = f"""\
routes = ["shop.example/*", {{ pattern = "example.com", custom_domain = true }}]
secrets = {{ required = ["API_KEY", "MISSING"] }}

[vars]
GREETING = "hello"
LIMITS = {{ most = 5 }}
REPLACED = "plain"
DB = "postgres://u:{SECRET}@db.example/x"

[[kv_namespaces]]
binding = "STOCK"
id = "one"
preview_id = "two"

[[services]]
binding = "AUTH"
service = "auth"

[[hyperdrive]]
binding = "HD"
id = "x"
localConnectionString = "postgres://u:{SECRET}@db.example/x"

[triggers]
crons = ["*/5 * * * *"]

[dev]
port = 9000

[env.staging]
routes = [{{ pattern = "s.example/*", zone_name = "s.example" }}]
logpush = true

[env.staging.vars]
GREETING = "hi"
"""


class Ended:
    """What a command printed, standard output and standard error apart."""

    def __init__(self, process: subprocess.CompletedProcess[str]) -> None:
        self.code = process.returncode
        self.out = process.stdout
        self.err = process.stderr

    @property
    def json(self) -> Any:
        return json.loads(self.out)


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Ended]:
    """Run `runtime config` in the test's folder."""
    monkeypatch.setenv("API_KEY", SECRET)
    command = [str(Path(sys.executable).with_name("runtime")), "config"]
    return lambda *arguments: Ended(
        subprocess.run(
            [*command, *map(str, arguments)], cwd=tmp_path, capture_output=True, text=True
        )
    )


@pytest.fixture
def shop(make_worker: Callable[..., Path]) -> Path:
    """A worker that uses much of what a config can say."""
    folder = make_worker("shop", SOURCE, config=CONFIG)
    (folder / ".dev.vars").write_text(f"API_KEY={SECRET}\nREPLACED={SECRET}\n")
    return folder


def test_config_is_shown_in_aligned_sections(config, shop: Path) -> None:
    ended = config("shop")

    assert ended.code == 0
    assert ended.out == (
        "Worker\n"
        "  config               shop/wrangler.toml\n"
        "  environment          top level (defined: staging)\n"
        "  name                 shop\n"
        f"  main                 {shop}/src/entry.py\n"
        "  compatibility_date   2026-01-01\n"
        "  compatibility_flags  python_workers\n"
        "\n"
        "Routes\n"
        "  shop.example/*\n"
        "  example.com     custom domain\n"
        "\n"
        "Triggers\n"
        "  cron  */5 * * * *\n"
        "\n"
        "Bindings\n"
        "  GREETING  plain_text    hello\n"
        '  LIMITS    json          {"most":5}\n'
        "  REPLACED  secret_text   from shop/.dev.vars:2\n"
        "  DB        plain_text    (hidden: it looks like a secret)\n"
        "  STOCK     kv_namespace  namespace_id one, preview_id two\n"
        "  AUTH      service       auth\n"
        "  HD        hyperdrive    (hidden: it looks like a secret)\n"
        "  API_KEY   secret_text   from shop/.dev.vars:1\n"
        "\n"
        "Secrets that are missing\n"
        "  MISSING\n"
        "\n"
        "dev\n"
        "  port  9000\n"
    )
    assert 'The secret "MISSING" is required' in ended.err
    assert SECRET not in ended.out + ended.err


def test_environment_is_what_is_shown(config, shop: Path) -> None:
    ended = config("shop", "--env", "staging")

    assert "environment          staging (defined: staging)\n" in ended.out
    assert "name                 shop-staging\n" in ended.out
    assert "logpush              true\n" in ended.out
    assert "Routes\n  s.example/*  zone s.example\n" in ended.out
    assert '"kv_namespaces" exists at the top level, but not on "env.staging"' in ended.err


def test_json_is_what_wranglers_reader_returns(config, shop: Path) -> None:
    ended = config("shop", "--json", "-e", "staging")

    read, _ = read_config(shop, env="staging")
    assert read is not None
    assert ended.json == read.settings
    assert ended.json["targetEnvironment"] == "staging"


def test_json_has_no_secret_and_no_number_that_json_lacks(config, make_worker) -> None:
    folder = make_worker("shop", SOURCE, config="[vars]\nA = 'plain'\nB = inf\nC = 'ü\\u001b'\n")
    (folder / ".dev.vars").write_text(f"A={SECRET}\n")

    ended = config("shop", "--json")

    assert ended.json["vars"] == {"A": "plain", "B": None, "C": "ü\\u001b"}
    assert ended.out.isascii()
    assert SECRET not in ended.out + ended.err


def test_every_value_is_told_with_its_source(config, shop: Path) -> None:
    ended = config("shop", "--explain", "--env", "staging")

    lines = {line.split()[0]: " ".join(line.split()[1:]) for line in ended.out.splitlines() if line}
    assert lines["name"] == (
        "shop-staging shop/wrangler.toml:1:1, inherited from the top level, "
        "with the environment's name added"
    )
    assert lines["logpush"] == 'true shop/wrangler.toml:36:1, in "env.staging"'
    assert lines["vars.GREETING"] == 'hi shop/wrangler.toml:39:1, in "env.staging"'
    assert lines["dev.port"] == "9000 shop/wrangler.toml:32:1, inherited from the top level"
    assert lines["no_bundle"] == "true because main is Python"
    assert lines["kv_namespaces"] == "[]"
    assert lines["API_KEY"] == "shop/.dev.vars:1"
    assert (
        ended.out.index("Set in a file") < ended.out.index("Derived") < ended.out.index("Default")
    )


def test_secrets_are_explained_by_name_and_source_only(config, shop: Path) -> None:
    ended = config("shop", "--explain")

    assert "vars.REPLACED" in ended.out
    assert "(replaced)" in ended.out
    assert "replaced by shop/.dev.vars:2" in ended.out
    assert "(hidden: it looks like a secret)" in ended.out
    assert "MISSING   missing: nothing defines it" in ended.out
    assert SECRET not in ended.out + ended.err


def test_environment_variable_is_named_as_the_source(config, shop: Path) -> None:
    (shop / ".dev.vars").unlink()

    ended = config("shop", "--explain")

    assert "API_KEY  environment variable API_KEY\n" in ended.out
    assert SECRET not in ended.out + ended.err


def test_explanation_in_json_has_every_place(config, shop: Path) -> None:
    ended = config("shop", "--explain", "--json")

    by_path = {tuple(one["path"]): one for one in ended.json["settings"]}
    assert by_path["vars", "GREETING"] == {
        "path": ["vars", "GREETING"],
        "value": "hello",
        "hidden": False,
        "origin": "top level",
        "file": "shop/wrangler.toml",
        "line": 9,
        "column": 1,
        "reason": None,
        "replaced_by": None,
    }
    assert by_path["vars", "DB"]["hidden"]
    assert by_path["vars", "DB"]["value"] is None
    assert by_path["queues", "producers"]["origin"] == "default"
    assert by_path["queues", "producers"]["line"] is None
    assert {one["name"]: one["source"] for one in ended.json["secrets"]} == {
        "API_KEY": "shop/.dev.vars:1",
        "REPLACED": "shop/.dev.vars:2",
        "MISSING": None,
    }
    assert SECRET not in ended.out


def test_errors_end_with_their_places_and_exit_code_1(config, make_worker) -> None:
    make_worker("shop", SOURCE, config='unknown = 1\nlogpush = "x"\n')

    ended = config("shop")

    assert (ended.code, ended.out) == (1, "")
    assert ended.err.startswith("warning: Processing shop/wrangler.toml configuration:\n")
    assert "\nerror: Processing shop/wrangler.toml configuration:\n" in ended.err
    assert "shop/wrangler.toml:6:1" in ended.err


def test_config_file_can_be_named_and_losing_ones_are(config, shop: Path) -> None:
    (shop / "other.toml").write_text('name = "other"\nmain = "src/entry.py"\n')
    (shop / "wrangler.jsonc").write_text('{"name": "json", "main": "src/entry.py"}')

    assert "name         other\n" in config("-c", "shop/other.toml").out
    ended = config("shop")
    assert "name         json\n" in ended.out
    assert "wrangler.jsonc is used, wrangler.toml is ignored" in ended.err


def test_several_configs_are_listed_for_a_choice(config, make_worker, tmp_path: Path) -> None:
    make_worker("workers/a", SOURCE)
    make_worker("workers/b", SOURCE)

    ended = config()

    assert ended.code == 2
    assert "workers/a/wrangler.toml" in ended.err
    assert "workers/b/wrangler.toml" in ended.err


def test_no_config_says_where_it_looked(config) -> None:
    ended = config("nowhere")

    assert (ended.code, ended.out) == (1, "")
    assert "there is no file or folder nowhere" in ended.err


def test_plugin_that_does_not_load_is_told(refused, shop: Path, broken_plugin: str) -> None:
    code, output = refused("config", "shop", PYTHONPATH=broken_plugin)

    assert code == 0
    assert output.startswith("warning: the binding plugin nothing:Plugin of broken 1.0 does not")
