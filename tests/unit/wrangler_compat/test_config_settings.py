"""Settings against what wrangler's own reader printed for the same files.

`data/settings/*.expected.json` hold its output, merged over the versions named in them: a key that
only one of them knows counts as well. Paths in the files' folder begin with `{folder}`.
"""

import json
from pathlib import Path
from typing import Any

import pytest

from wrangler_compat import read_config

DATA = Path(__file__).parent / "data" / "settings"
SOURCES = sorted(path for path in DATA.iterdir() if not path.name.endswith(".expected.json"))


def recorded(source: Path) -> list[dict[str, Any]]:
    return list(json.loads(source.with_suffix(".expected.json").read_text())["results"])


CASES = [
    pytest.param(source, result, id=f"{source.name}-{result['env']}")
    for source in SOURCES
    for result in recorded(source)
]


@pytest.mark.parametrize(("source", "result"), CASES)
def test_settings_are_those_of_wrangler(
    source: Path, result: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "project"
    folder.mkdir()
    monkeypatch.chdir(folder)
    text = json.dumps(result["settings"])
    text = text.replace("{folder}", str(folder)).replace("{parent}", str(tmp_path))
    expected = json.loads(text)
    main = Path(expected["main"])
    main.parent.mkdir(parents=True, exist_ok=True)
    main.touch()
    config_file = folder / f"wrangler{source.suffix}"
    config_file.write_text(source.read_text())

    config, report = read_config(config_file, env=result["env"])

    assert config is not None, report.render_errors()
    assert json.loads(json.dumps(config.settings)) == expected


def test_number_that_json_lacks_is_null_and_a_variable_all_the_same(tmp_path: Path) -> None:
    (tmp_path / "entry.py").touch()
    path = tmp_path / "wrangler.toml"
    path.write_text('name = "w"\nmain = "entry.py"\n[vars]\nA = [inf, nan, 1.5]\n')

    config, _ = read_config(path)

    assert config is not None
    assert config.settings["vars"] == {"A": [None, None, 1.5]}
    (variable,) = config.bindings
    assert variable.fields["json"][0] == float("inf")
