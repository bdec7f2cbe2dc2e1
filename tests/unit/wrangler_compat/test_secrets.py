import logging
import pickle
from pathlib import Path

import pytest

from wrangler_compat import Diagnostics, LocalSecrets, Position, SecretValue, read_local_secrets


def write(folder: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        (folder / name).write_text(text)


def revealed(found: LocalSecrets) -> dict[str, str]:
    return {name: secret.value.reveal() for name, secret in found.secrets.items()}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_secret_value_shows_itself_only_when_asked() -> None:
    value = SecretValue("hunter2")

    logged = logging.makeLogRecord({"msg": "%s %r", "args": (value, value)}).getMessage()
    shown = [repr(value), str(value), f"{value}", f"{value:>9}", f"{value!r}", logged]

    assert not any("hunter2" in text for text in shown)
    assert value.reveal() == "hunter2"
    with pytest.raises(TypeError, match="cannot be pickled"):
        pickle.dumps(value)


def test_secret_values_are_equal_by_their_text() -> None:
    assert SecretValue("a") == SecretValue("a")
    assert SecretValue("a") != SecretValue("b")
    assert SecretValue("a") != "a"
    assert len({SecretValue("a"), SecretValue("a"), SecretValue("b")}) == 2


@pytest.mark.parametrize(
    ("files", "env", "expected"),
    [
        ([], None, []),
        ([".dev.vars", ".env"], None, [".dev.vars"]),
        ([".dev.vars", ".dev.vars.staging"], "staging", [".dev.vars.staging"]),
        ([".dev.vars", ".dev.vars.staging"], None, [".dev.vars"]),
        ([".dev.vars", ".env.staging"], "staging", [".dev.vars"]),
        ([".env", ".env.local", ".env.x"], None, [".env", ".env.local"]),
        (
            [".env", ".env.local", ".env.x", ".env.x.local"],
            "x",
            [".env", ".env.local", ".env.x", ".env.x.local"],
        ),
    ],
)
def test_files_that_count(
    folder: Path, files: list[str], env: str | None, expected: list[str]
) -> None:
    write(folder, {name: f"NAME={name}\nFROM_{index}=x" for index, name in enumerate(files)})

    found = read_local_secrets(folder, env)

    assert [path.name for path in found.files] == expected
    if expected:
        assert revealed(found)["NAME"] == expected[-1]


def test_each_secret_knows_where_it_comes_from(folder: Path) -> None:
    write(folder, {".env": "A=1\nB=2\n", ".env.local": "\nB=3\n"})

    secrets = read_local_secrets(folder).secrets

    assert (secrets["A"].source, secrets["A"].position) == (".env:1", Position(".env", 1, 1))
    assert (secrets["B"].source, secrets["B"].name) == (".env.local:2", "B")


def test_only_declared_names_are_taken_and_missing_ones_named(folder: Path) -> None:
    write(folder, {".dev.vars": "A=file\nOTHER=x\n"})
    report = Diagnostics()

    found = read_local_secrets(
        folder, required=["B", "A", "C", "A"], environ={"B": "env", "OTHER": "y"}, report=report
    )

    assert revealed(found) == {"B": "env", "A": "file"}
    assert found.secrets["B"].source == "environment variable B"
    assert found.missing == ("C",)
    assert str(report) == (
        'The secret "C" is required, but nothing defines it. '
        "Add C=… to .dev.vars, or set it as an environment variable."
    )


def test_environment_counts_for_declared_names_only(folder: Path) -> None:
    assert revealed(read_local_secrets(folder, environ={"A": "1"})) == {}
    assert revealed(read_local_secrets(folder, required=[], environ={"A": "1"})) == {}
    assert read_local_secrets(folder, required=["A"]).missing == ("A",)


@pytest.mark.parametrize(
    ("file", "content", "environ", "winner"),
    [
        (".dev.vars", "A=file", "environment", "file"),
        (".env", "A=file", "environment", "environment"),
        (".env", "A=file", "", "file"),
        (".env", "B=file", "", ""),
        (".dev.vars", "B=file", "environment", "environment"),
    ],
)
def test_environment_stands_between_dev_vars_and_dotenv(
    folder: Path, file: str, content: str, environ: str, winner: str
) -> None:
    write(folder, {file: content})

    found = read_local_secrets(folder, required=["A"], environ={"A": environ})

    assert revealed(found) == {"A": winner}
    assert found.missing == ()


def test_name_of_a_variable_counts_as_declared_in_files(folder: Path) -> None:
    write(folder, {".dev.vars": "A=1\nVARIABLE=2\nOTHER=3\n"})

    found = read_local_secrets(
        folder, required=["A"], variables=["VARIABLE", "UNSET"], environ={"UNSET": "x"}
    )

    assert revealed(found) == {"A": "1", "VARIABLE": "2"}
    assert found.missing == ()


def test_references_are_replaced_in_dotenv_files_only(folder: Path) -> None:
    write(folder, {".env": "HOST=example.com\n", ".env.local": "URL=https://${HOST}/$PATH\n"})

    assert revealed(read_local_secrets(folder, environ={"PATH": "/bin"})) == {
        "HOST": "example.com",
        "URL": "https://example.com/",
    }
    write(folder, {".dev.vars": "URL=https://${HOST}/\n"})
    assert revealed(read_local_secrets(folder)) == {"URL": "https://${HOST}/"}


def test_references_see_the_environment_where_secrets_are_declared(folder: Path) -> None:
    write(folder, {".env": "URL=https://${HOST}/\n"})

    found = read_local_secrets(folder, required=["URL"], environ={"HOST": "example.org"})

    assert revealed(found) == {"URL": "https://example.org/"}
    assert found.secrets["URL"].source == ".env:1"


@pytest.mark.parametrize("env", ["a\0b", "x" * 300, "no/such/folder"])
def test_environment_whose_name_is_no_file_name_has_no_files_of_its_own(
    folder: Path, env: str
) -> None:
    write(folder, {".dev.vars": "A=1\n"})

    assert revealed(read_local_secrets(folder, env)) == {"A": "1"}


def test_bad_line_is_a_warning_that_keeps_the_secret_out(folder: Path) -> None:
    write(folder, {".dev.vars": "A=1\nhunter2 hunter2\n"})
    report = Diagnostics()

    found = read_local_secrets(folder, report=report)

    assert revealed(found) == {"A": "1"}
    assert str(report) == (
        "Line 2 of .dev.vars is not of the form NAME=value and is ignored. (.dev.vars:2:1)"
    )


def test_file_that_is_no_text_is_an_error(folder: Path) -> None:
    (folder / ".dev.vars").write_bytes(b"A=1\nB=\xff\n")
    report = Diagnostics()

    found = read_local_secrets(folder, report=report)

    assert found.secrets == {}
    assert [str(message.position) for message in report.errors] == [".dev.vars:2:3"]
