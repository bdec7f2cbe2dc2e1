"""Names of workers, made from any text."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wrangler_compat.names import MAX_WORKER_NAME_LENGTH, suggest_worker_name


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("my-worker", "my-worker"),
        ("My Worker", "my-worker"),
        ("my_worker.v2", "my-worker-v2"),
        ("--my---worker--", "my-worker"),
        ("Crème Brûlée", "creme-brulee"),
        ("Größe", "grosse"),
        ("x" * 62 + " y", "x" * 62),
        ("日本", ""),
        ("", ""),
    ],
)
def test_a_valid_name_close_to_the_text_is_suggested(text: str, name: str) -> None:
    assert suggest_worker_name(text) == name


@given(st.text(max_size=100))
def test_what_is_suggested_is_valid_and_stays_as_it_is(text: str) -> None:
    name = suggest_worker_name(text)

    assert re.fullmatch(r"([a-z0-9]+(-[a-z0-9]+)*)?", name)
    assert len(name) <= MAX_WORKER_NAME_LENGTH
    assert suggest_worker_name(name) == name
