"""What a config file gives, case by case, against what wrangler made of the same files.

The data beside this module is described in README.md.
"""

import datetime
import json
import re
import tomllib
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from wrangler_compat import Diagnostics, WorkerConfig, read_config
from wrangler_compat.diagnostics import Message

HERE = Path(__file__).parent
BASE_TEXT = (HERE / "base.toml").read_text()
BASE_SETTINGS = json.loads((HERE / "base.wrangler.json").read_text())["settings"]
WORDINGS = tomllib.loads((HERE / "wording.toml").read_text())["wording"]
TODAY = datetime.date(2025, 6, 1)

CASE_KEYS = frozenset("name config whole file env files errors warnings verdict toml_only".split())

Case = dict[str, Any]


def load_cases() -> Iterator[Case]:
    for file in sorted((HERE / "cases").glob("*.toml")):
        frozen = json.loads(file.with_suffix(".wrangler.json").read_text())
        for case in tomllib.loads(file.read_text())["case"]:
            name = f"{file.stem}: {case['name']}"
            assert case.keys() <= CASE_KEYS, f"{name} has keys that README.md does not name"
            assert case["name"] in frozen, f"{name} is not frozen: README.md says how"
            case["id"] = name
            case["wrangler"] = frozen[case["name"]]
            case.setdefault("file", "wrangler.toml")
            if not case.get("whole"):
                case["config"] = BASE_TEXT + case["config"]
            yield case


CASES = list(load_cases())
IN_ANY_FORMAT = [
    case
    for case in CASES
    if case["file"] == "wrangler.toml"
    and "raised" not in case["wrangler"]
    and "toml_only" not in case
]


def each(cases: Sequence[Case]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("case", cases, ids=[case["id"] for case in cases])


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "project"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder


def read(
    folder: Path, case: Case, *, file: str = "", text: str = ""
) -> tuple[WorkerConfig | None, Diagnostics]:
    """Read a case's config, or `text` in a file of another format in its place."""
    for name in ("src/entry.py", *case.get("files", ())):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()
    path = folder / (file or case["file"])
    path.write_text(text or case["config"])
    return read_config(path, env=case.get("env"), today=TODAY)


def shown(messages: Sequence[Message], folder: Path) -> str:
    """Return messages as the cases write them: place and text, its further lines indented."""
    lines = []
    for message in messages:
        place = message.position
        where = "-" if place is None else f"{place.line}:{place.column}"
        lines.append(f"{where} {message.text}".replace("\n", "\n  ") + "\n")
    return "".join(lines).replace(str(folder), "{folder}")


def settings_of(config: WorkerConfig) -> dict[str, Any]:
    return dict(json.loads(json.dumps(config.settings)))


def settings_of_wrangler(case: Case, folder: Path) -> dict[str, Any]:
    frozen = case["wrangler"]
    settings = {**BASE_SETTINGS, **frozen["settings"]}
    for key in frozen.get("absent", ()):
        del settings[key]
    text = json.dumps(settings).replace("{folder}", str(folder))
    return dict(json.loads(text.replace("{parent}", str(folder.parent))))


@each(CASES)
def test_diagnostics_are_those_of_the_case(case: Case, folder: Path) -> None:
    config, report = read(folder, case)

    assert shown(report.errors, folder) == case.get("errors", "")
    assert shown(report.warnings, folder) == case.get("warnings", "")
    assert (config is None) == ("errors" in case)


@each([case for case in CASES if "settings" in case["wrangler"] and "errors" not in case])
def test_settings_are_those_of_wrangler(case: Case, folder: Path) -> None:
    config, _ = read(folder, case)

    assert config is not None
    assert settings_of(config) == settings_of_wrangler(case, folder)


@each(CASES)
def test_verdict_is_that_of_wrangler_unless_there_is_a_reason(case: Case) -> None:
    frozen = case["wrangler"]
    is_refused_by_wrangler = "raised" in frozen or frozen["errors"] != []

    assert (is_refused_by_wrangler != ("errors" in case)) == ("verdict" in case)


def normalised(text: str, env: str | None) -> str:
    """Return a message on one line, without the places that one side names and the other not."""
    return " ".join(text.replace(f'"env.{env}.', '"').split())


@each([case for case in CASES if "raised" not in case["wrangler"]])
def test_words_are_those_of_wrangler_unless_there_is_a_reason(case: Case, folder: Path) -> None:
    _, report = read(folder, case)
    env = case.get("env")
    ours = [normalised(message.text, env) for message in (*report.errors, *report.warnings)]

    for text in case["wrangler"]["errors"] + case["wrangler"]["warnings"]:
        theirs = normalised(text, env)
        known = [entry for entry in WORDINGS if re.fullmatch(entry["wrangler"], theirs)]
        # Ours may go on after theirs, but not be silent without a reason.
        is_said = any(own.startswith(theirs) for own in ours)
        may_be_silent = "verdict" in case or any(entry.get("unsaid") for entry in known)
        assert is_said or (known and (ours or may_be_silent)), theirs


@pytest.mark.parametrize("entry", WORDINGS, ids=[entry["wrangler"] for entry in WORDINGS])
def test_other_words_are_needed_by_a_case(entry: dict[str, Any]) -> None:
    texts = [
        normalised(text, case.get("env"))
        for case in CASES
        for text in case["wrangler"].get("errors", []) + case["wrangler"].get("warnings", [])
    ]

    assert any(re.fullmatch(entry["wrangler"], text) for text in texts)
    assert entry["reason"]


def as_jsonc(data: dict[str, Any]) -> str:
    """Return JSON with a comment on each line, and a comma behind each last item."""
    text = re.sub(r"([^\s,{[])\n(?=\s*[}\]])", r"\1,\n", json.dumps(data, indent=2))
    return "/* a\nb */" + re.sub(r"$", " // c", text, flags=re.MULTILINE)


def without_places(messages: Sequence[Message]) -> list[str]:
    """Return messages without places in the file, and without examples of what to write there."""
    drop = r" \(\w+\.\w+:\d+:\d+\)|, for example .*"
    return [re.sub(drop, "", message.text) for message in messages]


@pytest.mark.parametrize(("file", "dump"), [("wrangler.json", json.dumps), ("x.jsonc", as_jsonc)])
@each(IN_ANY_FORMAT)
def test_other_formats_give_the_same(
    case: Case, file: str, dump: Callable[[object], str], folder: Path
) -> None:
    config, report = read(folder, case)
    same, same_report = read(folder, case, file=file, text=dump(tomllib.loads(case["config"])))

    assert without_places(same_report.errors) == without_places(report.errors)
    assert without_places(same_report.warnings) == without_places(report.warnings)
    assert (same is None) == (config is None)
    if config is not None and same is not None:
        paths = {"configPath": "", "userConfigPath": ""}
        assert settings_of(same) | paths == settings_of(config) | paths
