import pytest
from hypothesis import given
from hypothesis import strategies as st

from wrangler_compat.dotenv import DotenvEntry, DotenvProblem, expand_references, parse_dotenv

SAFE_VALUES = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="'\\\r"))


def values(text: str) -> dict[str, str]:
    return {entry.name: entry.value for entry in parse_dotenv(text)[0]}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("A=1", {"A": "1"}),
        ("A = spaced value  \n", {"A": "spaced value"}),
        ("export A=1", {"A": "1"}),
        ("  A=1", {"A": "1"}),
        ("A.b-c=1", {"A.b-c": "1"}),
        ("A: yaml", {"A": "yaml"}),
        ("A=\nB=", {"A": "", "B": ""}),
        ("A=''", {"A": ""}),
        ("A=1\r\nB=2\rC=3", {"A": "1", "B": "2", "C": "3"}),
        ("\ufeffA=1", {"A": "1"}),
        ("# comment\n\n  # more\nA=1", {"A": "1"}),
        ("A=1 # comment", {"A": "1"}),
        ("A=ab#cd", {"A": "ab"}),
        ('A="ab#cd" # comment', {"A": "ab#cd"}),
        ("A='ab # cd'", {"A": "ab # cd"}),
        ('A=`it\'s "so"`', {"A": 'it\'s "so"'}),
        ("A=it's", {"A": "it's"}),
        (r'A="x\ny\rz\tq"', {"A": "x\ny\rz\\tq"}),
        (r"A='x\ny'", {"A": r"x\ny"}),
        (r"A=x\ny", {"A": r"x\ny"}),
        (r'A="say \"hi\""', {"A": r"say \"hi\""}),
        ("A='C:\\temp\\'\nB=1", {"A": "C:\\temp\\", "B": "1"}),
        ('A="one\ntwo\n# three"\nB=1', {"A": "one\ntwo\n# three", "B": "1"}),
        ('A="it\'s" x', {"A": '"it\'s" x'}),
        ("A='a'b'", {"A": "a'b"}),
        ("A=$B ${C}", {"A": "$B ${C}"}),
        ("A=a=b==", {"A": "a=b=="}),
        ("A=1\nA=2", {"A": "2"}),
        ("A= ' spaced ' ", {"A": " spaced "}),
        ("export  A =  1", {"A": "1"}),
        ("A='#'#c", {"A": "#"}),
        ('A="say "hi""', {"A": 'say "hi"'}),
        ('A="\r\n"\r\nB=1', {"A": "\n", "B": "1"}),
        ("A='one\ntwo'\nB=`x\ny`", {"A": "one\ntwo", "B": "x\ny"}),
        ("\ufeff# comment\nA=é\u2028", {"A": "é"}),
        ("A=#", {"A": ""}),
        ("", {}),
    ],
)
def test_values_are_those_that_the_npm_package_reads(text: str, expected: dict[str, str]) -> None:
    assert values(text) == expected
    assert parse_dotenv(text)[1] == []


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
