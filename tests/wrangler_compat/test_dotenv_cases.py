"""Dotenv texts, each with the values that wrangler's own reader found in it (dotenv/cases.json)."""

import io
import json
from pathlib import Path
from typing import Any

import dotenv
import pytest

from wrangler_compat.dotenv import parse_dotenv

CASES: list[dict[str, Any]] = json.loads(
    (Path(__file__).parent / "dotenv" / "cases.json").read_text(encoding="utf-8")
)["cases"]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_values_are_those_of_wranglers_reader(case: dict[str, Any]) -> None:
    entries, problems = parse_dotenv(case["text"])

    assert {entry.name: entry.value for entry in entries} == case["values"]
    assert [problem.line for problem in problems] == case.get("complaints", [])


def test_python_dotenv_reads_otherwise_what_is_said_of_it() -> None:
    """The reason for a reader of our own: were it gone, so should the reader be."""
    otherwise = {}
    for case in CASES:
        read = dotenv.dotenv_values(stream=io.StringIO(case["text"]), interpolate=False)
        values = {name: value for name, value in read.items() if value is not None}
        if values != case["values"]:
            otherwise[case["name"]] = values

    assert otherwise == {
        case["name"]: case["python_dotenv"] for case in CASES if "python_dotenv" in case
    }
    assert len(otherwise) > len(CASES) / 4
