import pytest
from hypothesis import given
from hypothesis import strategies as st

from wrangler_compat.dotenv import DotenvEntry, DotenvProblem, expand_references, parse_dotenv

SAFE_VALUES = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="'\\\r"))


def values(text: str) -> dict[str, str]:
    return {entry.name: entry.value for entry in parse_dotenv(text)[0]}


def test_line_counts_through_multi_line_values() -> None:
    entries, _ = parse_dotenv('A="1\n2"\n\nB=x\n')

    assert entries == [DotenvEntry("A", "1\n2", 1), DotenvEntry("B", "x", 4)]


def test_line_that_is_no_assignment_is_named_without_what_it_says() -> None:
    entries, problems = parse_dotenv("A=1\nhunter2 !!\n=3\nB=2")

    assert [entry.name for entry in entries] == ["A", "B"]
    assert problems == [
        DotenvProblem("is not of the form NAME=value and is ignored", 2),
        DotenvProblem("is not of the form NAME=value and is ignored", 3),
    ]


def test_text_of_the_next_line_as_a_value_is_named() -> None:
    entries, problems = parse_dotenv("A:\nB=2\nC:\n\n")

    assert [(entry.name, entry.value) for entry in entries] == [("A", "B=2"), ("C", "")]
    assert problems == [DotenvProblem("gives A the text of the next line", 1)]


def test_open_quote_is_named_and_stays_in_the_value() -> None:
    entries, problems = parse_dotenv('A="open\nB=2')

    assert [(entry.name, entry.value) for entry in entries] == [("A", '"open'), ("B", "2")]
    assert problems == [DotenvProblem("opens a quote for A that is never closed", 1)]


@pytest.mark.parametrize(
    ("text", "environ", "expected"),
    [
        ("B=$A", {"A": "1"}, {"B": "1"}),
        ("B=${A}x", {"A": "1"}, {"B": "1x"}),
        ("A=1\nB=${A}${A}", {}, {"A": "1", "B": "11"}),
        ("B=$A\nA=1", {}, {"B": "", "A": "1"}),
        ("B='$A'", {"A": "1"}, {"B": "1"}),
        ("B=a\\$A", {"A": "1"}, {"B": "a$A"}),
        ("B=${A:-none}", {}, {"B": "none"}),
        ("B=${A:-none}", {"A": "1"}, {"B": "1"}),
        ("B=${A-none}", {}, {"B": "none"}),
        ("B=${A:-none}", {"A": ""}, {"B": "none"}),
        ("B=${A:+some}", {"A": "1"}, {"B": "some"}),
        ("B=${A:+some}", {}, {"B": ""}),
        ("B=${A+some}", {"A": "1"}, {"B": "some"}),
        ("B=${A:-a:-b}", {}, {"B": "a:-b"}),
        ("C=3\nB=${A:-${C}}", {}, {"C": "3", "B": "3"}),
        ("A='\\$X'\nB=$A", {"X": "1"}, {"A": "$X", "B": "$X"}),
        ("A=1\nB=$A", {"A": "2"}, {"A": "2", "B": "2"}),
        ("A=1", {"A": ""}, {"A": "1"}),
        ("A=${A}x", {}, {"A": "x"}),
        ("B=${A}", {"A": "${B}"}, {"B": ""}),
        ("A=5$ and $5", {}, {"A": "5$ and $5"}),
    ],
)
def test_references_are_replaced_as_the_npm_package_replaces_them(
    text: str, environ: dict[str, str], expected: dict[str, str]
) -> None:
    assert expand_references(values(text), environ) == expected


def test_variables_that_name_each_other_come_to_an_end() -> None:
    environ = {"B": "y${C}", "C": "z${B}"}

    expanded = expand_references({"A": "x${B}"}, environ)

    assert expanded["A"].startswith("xyzyz")


@given(st.text() | st.text("A=\"'`#\\ \n:x", max_size=30))
def test_no_text_raises_and_every_line_is_an_assignment_blank_or_named(text: str) -> None:
    entries, problems = parse_dotenv(text)

    lines = text.count("\n") + text.count("\r") + 1
    assert all(1 <= item.line <= lines for item in [*entries, *problems])
    assert "\r" not in "".join(entry.value for entry in entries) or "\\r" in text
    expand_references({entry.name: entry.value for entry in entries}, {})


@given(st.dictionaries(st.from_regex(r"[A-Za-z_][A-Za-z0-9_]*", fullmatch=True), SAFE_VALUES))
def test_single_quoted_values_survive(assignments: dict[str, str]) -> None:
    text = "".join(f"export {name}='{value}' # {name}\n" for name, value in assignments.items())

    assert values(text) == assignments
