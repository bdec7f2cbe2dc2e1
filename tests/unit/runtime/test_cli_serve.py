"""`runtime serve`: its options, and what it says when it cannot serve."""

from collections.abc import Callable
from pathlib import Path

import pytest

from runtime._cli.serve import serve as serve_command

Refused = Callable[..., tuple[int, str]]

HELLO = """
from workers import Response
async def on_fetch(request):
    return Response("hello")
"""


@pytest.fixture
def folder(make_worker: Callable[..., Path]) -> Path:
    """A worker that could be served."""
    return make_worker("hello", HELLO)


def test_help_names_every_option_and_its_default(refused: Refused) -> None:
    code, output = refused("serve", "--help")

    assert code == 0
    for option in (
        "--config",
        "-c",
        "--env",
        "--host",
        "--local-protocol",
        "--log-level",
        "--no-reload",
        "--persist-to",
        "--port",
        "--test-scheduled",
        "--var",
    ):
        assert f"{option} " in output or f"{option}," in output
    assert "[8787]" in output
    assert serve_command.__doc__ is not None
    assert serve_command.__doc__.partition(":")[0] in output


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("--var", "NOCOLON"), "'NOCOLON' is not K:V"),
        (("--var", ":value"), "':value' is not K:V"),
        (("--port", "70000"), "65535"),
        (("--local-protocol", "gopher"), "gopher"),
        (("--log-level", "loud"), "loud"),
        (("--no-such-option",), "--no-such-option"),
    ],
)
def test_a_wrong_option_is_named(refused: Refused, folder, arguments, told: str) -> None:
    code, output = refused("serve", folder, *arguments)

    assert code == 2
    assert told in output
    assert "Traceback" not in output


def test_wrong_settings_of_the_environment_are_all_named(refused: Refused, folder) -> None:
    code, output = refused("serve", folder, EDGESTEAD_PORT="many", EDGESTEAD_LOG_LEVEL="loud")

    assert code == 2
    assert output.startswith("error: settings in the environment are wrong\n")
    assert "EDGESTEAD_PORT: " in output
    assert "EDGESTEAD_LOG_LEVEL: " in output
    assert "Traceback" not in output


def test_no_config_says_where_it_looked_and_what_to_do(refused: Refused, tmp_path) -> None:
    code, output = refused("serve")
    missing_code, missing = refused("serve", "nowhere")

    assert (code, missing_code) == (1, 1)
    assert "no wrangler.json, wrangler.jsonc or wrangler.toml" in output
    assert str(tmp_path) in output
    assert "no file or folder nowhere" in missing
    assert "Traceback" not in output + missing


def test_a_missing_main_is_named(refused: Refused, folder) -> None:
    (folder / "src" / "entry.py").unlink()

    code, output = refused("serve", folder, "--port", "0")

    assert code == 1
    assert "src/entry.py" in output
    assert "Traceback" not in output


def test_every_config_that_is_wrong_is_told(refused: Refused, make_worker, tmp_path) -> None:
    make_worker("one", HELLO, config="x = [\n")
    make_worker("two", HELLO, config="y = [\n")

    code, output = refused("serve", tmp_path, "--port", "0")

    assert code == 1
    assert "one/wrangler.toml:6" in output
    assert "two/wrangler.toml:6" in output


def test_two_workers_of_one_name_are_refused_with_both_files(
    refused: Refused, make_worker, tmp_path
) -> None:
    make_worker("one/hello", HELLO)
    make_worker("two/hello", HELLO)

    code, output = refused("serve", tmp_path / "one", tmp_path / "two", "--port", "0")

    assert code == 1
    assert 'two workers have the name "hello"' in output
    assert "one/hello/wrangler.toml" in output
    assert "two/hello/wrangler.toml" in output


def test_a_state_folder_that_cannot_be_made_is_named(refused: Refused, folder, tmp_path) -> None:
    (tmp_path / "file").write_text("")

    code, output = refused(
        *("serve", folder, "--port", "0", "--local-protocol", "https"),
        *("--persist-to", tmp_path / "file"),
    )

    assert code == 1
    assert str(tmp_path / "file") in output
    assert "Traceback" not in output
