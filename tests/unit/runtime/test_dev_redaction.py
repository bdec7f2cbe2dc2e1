"""Keeping secrets out of what is shown."""

import io
import sys

import pytest

from runtime._dev.redaction import Redactor, redacted_output


def redacting(*secrets: str) -> Redactor:
    return Redactor(lambda: frozenset(secrets))


def test_a_secret_is_taken_out_wherever_it_stands() -> None:
    redact = redacting("s3cret", "other")

    assert redact("a s3cret, s3cret and an(other)") == "a [secret], [secret] and an([secret])"
    assert redact("nothing to hide") == "nothing to hide"


def test_without_secrets_a_text_stays_as_it_is() -> None:
    assert redacting()("text") == "text"


def test_what_is_too_short_to_be_a_secret_stays() -> None:
    assert redacting("a", "1", "yes")("a 1 yes") == "a 1 yes"


def test_a_secret_in_another_one_leaves_nothing_of_the_longer() -> None:
    assert redacting("pass", "password1")("password1 pass") == "[secret] [secret]"


def test_a_secret_of_several_lines_is_taken_out_line_by_line_and_as_repr() -> None:
    key = "-----BEGIN\nabcd'efgh\n-----END"
    redact = redacting(key)

    for shown in (key, repr(key), f"{[key]}", key.replace("\n", "\n    ")):
        assert "abcd" not in redact(shown)
        assert "BEGIN" not in redact(shown)


def test_secrets_that_a_reload_brings_are_known_at_once() -> None:
    secrets = {"first"}
    redact = Redactor(lambda: frozenset(secrets))
    before = redact("first second")

    secrets |= {"second"}

    assert (before, redact("first second")) == ("[secret] second", "[secret] [secret]")


def test_nothing_is_printed_with_a_secret_in_it(capsys: pytest.CaptureFixture[str]) -> None:
    with redacted_output(redacting("s3cret")):
        sys.stdout.write("out s3cret")
        sys.stdout.flush()
        sys.stderr.write("err s3cret")

    sys.stdout.write(" and after: s3cret")
    captured = capsys.readouterr()
    assert captured.out == "out [secret] and after: s3cret"
    assert captured.err == "err [secret]"


def test_the_stream_is_still_the_stream_that_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = io.TextIOWrapper(io.BytesIO(), encoding="latin-1")
    monkeypatch.setattr(sys, "stdout", stream)

    with redacted_output(redacting("s3cret")):
        wrapped = sys.stdout
        assert wrapped.encoding == "latin-1"
        assert wrapped.writable()
        assert not wrapped.isatty()
        assert wrapped.write("s3cret") == 6
        with pytest.raises(io.UnsupportedOperation):
            wrapped.fileno()

    assert sys.stdout is stream
