"""Writes what wrangler makes of the cases into `cases/*.wrangler.json`.

Usage: python freeze.py WRANGLER_PACKAGE… (folders named `wrangler` in a `node_modules`, the oldest
version first). The settings are merged over the versions, since a key that only one of them knows
counts as well; the messages are those of the last.
"""

import json
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
CASES = sorted((HERE / "cases").glob("*.toml"))
BASE_TEXT = (HERE / "base.toml").read_text()
BASE: dict[str, Any] = {"name": "base", "config": ""}


def main(packages: list[Path]) -> None:
    """Freeze every case; the versions are written beside the base that the others build on."""
    versions = [
        json.loads((package / "package.json").read_text())["version"] for package in packages
    ]
    groups = {file: tomllib.loads(file.read_text())["case"] for file in CASES}
    with tempfile.TemporaryDirectory() as root:
        cases = [BASE, *(case for group in groups.values() for case in group)]
        paths = [_write(Path(root) / str(index), case) for index, case in enumerate(cases)]
        results = [_ask(package, cases, paths) for package in packages]
    base, *frozen = [_merged(list(answers)) for answers in zip(*results, strict=True)]
    _dump(HERE / "base.wrangler.json", {"versions": versions, "settings": base["settings"]})
    for file, group in groups.items():
        answers = {case["name"]: _shown(case, frozen.pop(0), base["settings"]) for case in group}
        _dump(file.with_suffix(".wrangler.json"), answers)


def _write(folder: Path, case: dict[str, Any]) -> Path:
    path: Path = folder / "project" / case.get("file", "wrangler.toml")
    path.parent.mkdir(parents=True)
    path.write_text(case["config"] if case.get("whole") else BASE_TEXT + case["config"])
    return path


def _ask(package: Path, cases: list[dict[str, Any]], paths: list[Path]) -> list[dict[str, Any]]:
    wanted = [
        {"path": str(path), "env": case.get("env")} for case, path in zip(cases, paths, strict=True)
    ]
    run = subprocess.run(
        ["node", str(HERE / "normalise.cjs"), str(package)],
        input=json.dumps(wanted),
        capture_output=True,
        text=True,
        check=True,
    )
    return [
        _portable(answer, path) for answer, path in zip(json.loads(run.stdout), paths, strict=True)
    ]


def _portable(answer: dict[str, Any], path: Path) -> dict[str, Any]:
    folder = path.parent.resolve()
    text = (
        json.dumps(answer).replace(str(folder), "{folder}").replace(str(folder.parent), "{parent}")
    )
    return dict(json.loads(text))


def _merged(answers: list[dict[str, Any]]) -> dict[str, Any]:
    last = answers[-1]
    if "settings" not in last:
        return last
    settings: dict[str, Any] = {}
    for answer in answers:
        settings |= answer.get("settings", {})
    settings = {key: settings[key] for key in sorted(settings)}
    return {**last, "settings": settings}


def _shown(case: dict[str, Any], answer: dict[str, Any], base: dict[str, Any]) -> dict[str, Any]:
    """Return an answer with the settings that are not as in the base.

    Errors leave none, unless the verdict is not ours, so that ours may be a result.
    """
    settings = answer.pop("settings", None)
    if settings is None or (answer["errors"] and "verdict" not in case):
        return answer
    changed = {key: settings[key] for key in settings if base.get(key) != settings[key]}
    absent = sorted(base.keys() - settings.keys())
    return {**answer, "settings": changed, **({"absent": absent} if absent else {})}


def _dump(file: Path, value: object) -> None:
    file.write_text(json.dumps(value, indent=2, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main([Path(argument) for argument in sys.argv[1:]])
