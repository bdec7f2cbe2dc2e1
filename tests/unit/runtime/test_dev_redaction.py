"""Keeping secrets out of what is shown."""

import io
import logging
import reprlib
import sys
import threading
import traceback

import pytest
from pydantic import TypeAdapter, ValidationError

from runtime._dev.redaction import Redactor, redact_output

SECRET = "s3cr3t-value-of-some-length-0123456789"


def redacting(*secrets: str) -> Redactor:
    known = frozenset(secrets)
    return Redactor(lambda: known)


class Streams:
    """Standard output and standard error of a process, as far as they got."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.raw = {name: io.BytesIO() for name in ("stdout", "stderr")}
        for name, raw in self.raw.items():
            stream = io.TextIOWrapper(raw, encoding="utf-8", write_through=True)
            monkeypatch.setattr(sys, name, stream)
            monkeypatch.setattr(sys, f"__{name}__", stream)

    def text(self, name: str = "stdout") -> str:
        return self.raw[name].getvalue().decode()


def redacted_streams(monkeypatch: pytest.MonkeyPatch) -> Streams:
    """Redact SECRET and a second secret; by the test itself, as pytest sets streams before it."""
    streams = Streams(monkeypatch)
    redact_output(redacting(SECRET, "first line\nsecond line"))
    return streams


def test_a_secret_is_taken_out_wherever_it_stands() -> None:
    redact = redacting("s3cret", "other")

    assert redact("a s3cret, s3cret and an(other)") == "a [secret], [secret] and an([secret])"
    assert redact("nothing to hide") == "nothing to hide"
    assert redacting()("text") == "text"


def test_secrets_that_a_reload_brings_are_known_at_once() -> None:
    secrets = [frozenset({"first"})]
    redact = Redactor(lambda: secrets[-1])
    before = redact("first second")

    secrets.append(secrets[-1] | {"second"})

    assert (before, redact("first second")) == ("[secret] second", "[secret] [secret]")


# Secrets that were cut short


def test_what_reprlib_and_pydantic_leave_of_a_secret_is_taken_out() -> None:
    redact = redacting(SECRET)
    with pytest.raises(ValidationError) as raised:
        TypeAdapter(int).validate_python(f"{SECRET}{SECRET}")

    assert redact(reprlib.repr(SECRET)) == "'[secret]...[secret]'"
    assert "[secret]...[secret]" in redact(str(raised.value))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("s3cr3t...", "[secret]..."),
        ("(s3cr3t…)", "([secret]…)"),
        ("...6789", "...[secret]"),
        ("s3cr3t-value...length-0123456789 ...6789!", "[secret]...[secret] ...[secret]!"),
        ("s3c...789 waiting... done", "s3c...789 waiting... done"),
        ("s3cr3t-value...", "[secret]..."),
        ("'s3cr3t\\\\-val...\\\\-0123456789'", "'[secret]...[secret]'"),
        ("s3cr3t-value no ellipsis", "s3cr3t-value no ellipsis"),
    ],
)
def test_ends_of_four_characters_beside_an_ellipsis_are_taken_out(text: str, expected: str) -> None:
    assert redacting(SECRET)(text) == expected


# Standard output and standard error


@pytest.mark.parametrize("name", ["stdout", "stderr"])
def test_nothing_is_printed_with_a_secret_in_it(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    streams = redacted_streams(monkeypatch)
    for stream in (getattr(sys, name), getattr(sys, f"__{name}__")):
        stream.write(f"a {SECRET} b\n")
        stream.writelines([SECRET, "\n", "first line\n", "second line\n"])
        stream.buffer.write(f"{SECRET}\n".encode())

    assert streams.text(name) == "a [secret] b\n[secret]\n[secret]\n[secret]\n[secret]\n" * 2


def test_logs_and_tracebacks_pass_through_it(monkeypatch: pytest.MonkeyPatch) -> None:
    streams = redacted_streams(monkeypatch)
    handler = logging.StreamHandler()
    traceback.print_exception(ValueError(f"{SECRET} was refused"))

    handler.emit(logging.makeLogRecord({"msg": "of %r", "args": (SECRET,)}))

    assert "ValueError: [secret] was refused\n" in streams.text("stderr")
    assert "of '[secret]'\n" in streams.text("stderr")


def test_a_secret_that_is_printed_in_parts_is_taken_out(monkeypatch: pytest.MonkeyPatch) -> None:
    streams = redacted_streams(monkeypatch)
    for character in f"<{SECRET}>":
        sys.stdout.write(character)
    before = streams.text()
    sys.stdout.write("\n")

    assert (before, streams.text()) == ("", "<[secret]>\n")


def test_what_has_no_line_end_is_shown_when_it_is_flushed(monkeypatch: pytest.MonkeyPatch) -> None:
    streams = redacted_streams(monkeypatch)
    sys.stdout.write(f"prompt {SECRET}")
    sys.stdout.flush()
    sys.stdout.buffer.write(b"> ")
    sys.stdout.buffer.flush()

    assert streams.text() == "prompt [secret]> "


def test_a_line_without_end_does_not_grow_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    streams = redacted_streams(monkeypatch)
    for _ in range(9):
        sys.stdout.write("x" * 10_000)

    assert len(streams.text()) >= 65_536


def test_bytes_that_are_no_text_are_shown_as_escapes(monkeypatch: pytest.MonkeyPatch) -> None:
    streams = redacted_streams(monkeypatch)
    written = sys.stdout.buffer.write(memoryview(b"\xff\n"))

    assert (written, streams.text()) == (2, "\\xff\n")
    assert sys.stdout.buffer.writable()


def test_lines_of_several_threads_stay_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    streams = redacted_streams(monkeypatch)

    def write() -> None:
        for _ in range(200):
            sys.stdout.write("one line\n")

    threads = [threading.Thread(target=write) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert streams.text() == "one line\n" * 800


def test_the_stream_is_still_the_stream_that_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    streams = Streams(monkeypatch)
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(io.BytesIO(), "latin-1", "replace"))

    redact_output(redacting(SECRET))

    assert (sys.stdout.encoding, sys.stdout.errors) == ("latin-1", "replace")
    assert sys.stdout.writable()
    assert not sys.stdout.isatty()
    assert sys.stdout.write(SECRET) == len(SECRET)
    with pytest.raises(io.UnsupportedOperation):
        sys.stdout.fileno()
    assert streams.text() == ""
