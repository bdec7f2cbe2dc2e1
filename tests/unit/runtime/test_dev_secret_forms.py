"""Which texts give a secret away, and the ways in which they are written."""

import base64
import html
import json
import re
import urllib.parse
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runtime._dev.secret_forms import SecretForms, is_worth_hiding, pieces_of

# Every kind of character that somebody escapes.
AWKWARD = "a\"b'c\\d<e>&f %g/h?i=j+k#l\té日🔑z"

WRITTEN: dict[str, Callable[[str], str]] = {
    "as it is": str,
    "repr": repr,
    "repr within a text of single quotes": lambda text: repr(f"'{text}"),
    "repr within a text of double quotes": lambda text: repr(f'"{text}'),
    "repr of a list": lambda text: repr([text]),
    "repr of repr": lambda text: repr(repr(text)),
    "repr of bytes": lambda text: repr(text.encode()),
    "ascii": ascii,
    "JSON": json.dumps,
    "JSON as UTF-8": lambda text: json.dumps(text, ensure_ascii=False),
    "JSON in JSON": lambda text: json.dumps({"body": json.dumps({"key": text})}),
    "HTML": html.escape,
    "HTML without quotes": lambda text: html.escape(text, quote=False),
    "HTML as markupsafe has it": lambda text: (
        html.escape(text).replace("&quot;", "&#34;").replace("&#x27;", "&#39;")
    ),
    "HTML twice": lambda text: html.escape(html.escape(text)),
    "HTML of repr": lambda text: html.escape(repr(text)),
    "a URL of repr": lambda text: urllib.parse.quote(repr(text)),
    "a URL's path": urllib.parse.quote,
    "a URL's part": lambda text: urllib.parse.quote(text, safe=""),
    "a URL's part in small letters": lambda text: re.sub(
        "%..", lambda found: found[0].lower(), urllib.parse.quote(text, safe="")
    ),
    "a URL in a URL": lambda text: urllib.parse.quote(urllib.parse.quote(text, safe=""), safe=""),
    "a form": lambda text: urllib.parse.urlencode({"key": text}),
    "unicode_escape": lambda text: text.encode("unicode_escape").decode(),
    "a pattern": re.escape,
    "base64": lambda text: base64.b64encode(text.encode()).decode(),
    "base64 of user and password": lambda text: base64.b64encode(f"me:{text}".encode()).decode(),
    "base64 in the middle": lambda text: base64.b64encode(f"12{text}xyz".encode()).decode(),
    "base64 for URLs": lambda text: base64.urlsafe_b64encode(f"x{text}?".encode()).decode(),
}


def hidden(text: str, *secrets: str) -> str:
    return SecretForms(secrets).replace(text, "[secret]")


@pytest.mark.parametrize("form", WRITTEN)
@pytest.mark.parametrize("secret", ["hunter2-hunter2", AWKWARD, "C:\\new\\\\temp\\", "ключ ключ"])
def test_a_secret_is_found_however_it_is_written(form: str, secret: str) -> None:
    shown = hidden(f"a {WRITTEN[form](secret)} b", secret)

    assert shown.startswith("a ")
    assert shown.endswith(" b")
    assert shown.count("[secret]") == 1
    assert len(shown) < len("a  b[secret]") + 30


@given(st.text(min_size=4), st.sampled_from(sorted(WRITTEN)))
def test_any_secret_of_one_line_is_found(secret: str, form: str) -> None:
    secret = f"<{secret.translate(dict.fromkeys(map(ord, LINE_ENDS)))}>1{'x' * 6}"
    try:
        written = WRITTEN[form](secret)
    except UnicodeEncodeError:
        # A lone surrogate has no bytes.
        return

    assert "[secret]" in hidden(written, secret)


LINE_ENDS = "\n\r\v\f\x1c\x1d\x1e\x85\u2028\u2029"


@pytest.mark.parametrize(
    "secret",
    ["true", "FALSE", "dev", "production", "debug", "8787", "2026", "http://localhost:8787", "::"]
    + ["localhost", "127.0.0.1:5173", "https://[::1]/", "", "a", "pin", "123", "99999"],
)
def test_short_texts_and_ordinary_words_are_left_alone(secret: str) -> None:
    text = f"it is {secret}, and stays so"

    assert not is_worth_hiding(secret)
    assert hidden(text, secret) == text


@pytest.mark.parametrize(
    "secret", ["pass", "1234567", "trueish", "http://localhost.example/", "a b c"]
)
def test_everything_else_is_hidden(secret: str) -> None:
    assert hidden(f"it is {secret}", secret) == "it is [secret]"


def test_each_line_of_a_secret_gives_it_away() -> None:
    key = "-----BEGIN KEY-----\nMIIB+abc/def\n  ghij klmn\nab\n-----END KEY-----\n"

    for shown in (key, repr(key), key.replace("\n", "\n    "), f"{[key]}", json.dumps(key)):
        left = hidden(shown, key)
        assert not any(piece in left for piece in ("BEGIN", "MIIB", "ghij", "END"))
    assert hidden("ghij klmn", key) == "[secret]"


def test_lines_that_are_escaped_in_the_secret_itself_give_it_away() -> None:
    key = r"-----BEGIN KEY-----\nMIIB+abc/def\n-----END KEY-----\n"

    assert hidden(key.replace(r"\n", "\n"), key) == "[secret]\n[secret]\n[secret]\n"
    assert hidden(r"C:\new is a folder", r"C:\new") == "[secret] is a folder"


def test_texts_in_a_secret_that_is_json_give_it_away() -> None:
    secret = '{"user": "somebody", "on": [true, 5, {"password": "hunter2"}], "key": "a-b\\nc-d-e"}'

    assert hidden("hunter2 of somebody", secret) == "[secret] of [secret]"
    assert hidden("c-d-e", secret) == "[secret]"
    assert {"hunter2", "somebody", "c-d-e"} < pieces_of(secret)


@pytest.mark.parametrize("secret", ['{"broken":', "[" * 10_000, "{}"])
def test_what_is_no_json_is_a_text(secret: str) -> None:
    assert pieces_of(secret) == ({secret} if is_worth_hiding(secret) else set())


def test_items_of_a_list_give_it_away_unless_they_are_short() -> None:
    secret = "first-key-1, second-key, abc, short"

    assert hidden("second-key short", secret) == "[secret] short"


def test_the_password_in_a_url_gives_it_away() -> None:
    secret = "postgres://me:pa%24%24word@db.example/shop"

    assert hidden("pa$$word or pa%24%24word", secret) == "[secret] or [secret]"
    assert hidden("me at db.example", secret) == "me at db.example"


def test_a_secret_in_another_one_leaves_nothing_of_the_longer() -> None:
    assert hidden("password1 pass", "pass", "password1") == "[secret] [secret]"


def test_runs_of_backslashes_cost_no_time() -> None:
    secret = "\\" * 40 + "'" + "\\" * 40 + "x"

    assert hidden("\\" * 20_000, secret) == "\\" * 20_000


def test_without_secrets_nothing_is_replaced() -> None:
    pieces: Any = SecretForms([]).pieces

    assert pieces == frozenset()
    assert hidden("text") == "text"
