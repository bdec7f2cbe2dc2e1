"""Which texts give a secret away, and in how many ways each may be written."""

import base64
import json
import re
from collections.abc import Iterable, Iterator
from html.entities import codepoint2name
from urllib.parse import unquote

__all__ = ["SecretForms", "is_worth_hiding", "pieces_of"]

_SHORTEST = 4
"""A shorter text is found by trying, and would blank out parts of words and numbers."""

_SHORTEST_PART = 8
"""The same for what is a part of a secret only perhaps: an item between commas, an escaped line."""

_SHORTEST_BASE64 = 6

# What local secrets files hold beside secrets. Without these no line of output could be read.
_ORDINARY = re.compile(
    r"""
    true | false | null | none | undefined
    | dev | development | local | prod | production | preview | stage | staging | test | testing
    | debug | info | warn | warning | error | critical
    | \d{1,5}
    | (?:https?://)? (?:localhost | 127\.0\.0\.1 | \[::1\] | 0\.0\.0\.0) (?::\d{1,5})? /?
    """,
    re.VERBOSE | re.IGNORECASE,
)
_PARTS = re.compile(r",|\\[nr]")
_PASSWORD = re.compile(r"://[^/?#@\s:]*:([^/?#@\s]+)@")
_PLAIN = re.compile(r"[A-Za-z0-9]+")
_RUNS = re.compile(r"[A-Za-z0-9]+|\\+|.", re.DOTALL)
# Before what is escaped stands one, or as many as it took to escape it again.
_BACKSLASH = r"(?:\\|(?i:%(?:25)*5c|&(?:amp;)*(?:bsol|#0*92|#x0*5c);))"
_SHORT_ESCAPES = {"\t": "t", "\n": "n", "\r": "r", "\f": "f", "\b": "b", "\v": "v", "\a": "a"}


def is_worth_hiding(text: str) -> bool:
    """Tell whether a text may be a secret: no short one, no ordinary word or number."""
    return len(text) >= _SHORTEST and _ORDINARY.fullmatch(text) is None


def pieces_of(secret: str) -> frozenset[str]:
    """Return what gives a secret away when it is seen by itself.

    That is each line; where the secret is JSON, each text in it; the items of a list; and the
    password in a URL.
    """
    lines = [line.strip() for line in secret.splitlines()]
    parts = (part.strip() for line in lines for part in _PARTS.split(line))
    passwords = _PASSWORD.findall(secret)
    pieces = {*lines, *_texts_in(secret), *passwords, *map(unquote, passwords)}
    pieces.update(part for part in parts if len(part) >= _SHORTEST_PART)
    return frozenset(filter(is_worth_hiding, pieces))


class SecretForms:
    """The forms in which a set of secrets may be written."""

    def __init__(self, secrets: Iterable[str]) -> None:
        secrets = frozenset(secrets)
        self.pieces = frozenset(piece for secret in secrets for piece in pieces_of(secret))
        encoded = {form for text in secrets | self.pieces for form in _base64_forms(text)}
        # The longest first: of two that begin alike nothing of the longer one is to be left. Each
        # with what is the same in every form: to look for that costs little.
        self._forms = [
            (max(_PLAIN.findall(text), key=len, default=""), text)
            for text in sorted(self.pieces | encoded, key=lambda text: (-len(text), text))
        ]

    def replace(self, text: str, by: str) -> str:
        """Return `text` with every form of every secret replaced."""
        found = [form for plain, form in self._forms if plain in text]
        return re.sub("|".join(map(_written, found)), by, text) if found else text


def _texts_in(secret: str) -> Iterator[str]:
    if not secret.lstrip().startswith(("{", "[")):
        return
    try:
        pending = [json.loads(secret)]
    except (ValueError, RecursionError):
        return
    while pending:
        value = pending.pop()
        if isinstance(value, dict):
            pending += value.values()
        elif isinstance(value, list):
            pending += value
        elif isinstance(value, str):
            yield from (line.strip() for line in value.splitlines())


def _base64_forms(secret: str) -> Iterator[str]:
    """Yield what is in the base64 of every text that has the secret in it.

    Three bytes become four characters, so there are three forms, by where the secret begins.
    """
    if not is_worth_hiding(secret):
        return
    data = _utf8(secret)
    for offset in range(3):
        for encode in (base64.b64encode, base64.urlsafe_b64encode):
            text = encode(bytes(offset) + data).decode("ascii").rstrip("=")
            # The first and the last character may depend on what stands around the secret.
            end = len(text) - bool((offset + len(data)) % 3)
            form = text[(0, 2, 3)[offset] : end]
            if len(form) >= _SHORTEST_BASE64:
                yield form


def _written(text: str) -> str:
    """Return a pattern for a text as it is and as it is escaped.

    As Python, JSON and JavaScript write it in a literal, as HTML and URLs have it, once or several
    times over, also where only some of the characters are escaped.
    """
    return "".join(map(_run_written, _RUNS.findall(text)))


def _run_written(run: str) -> str:
    # No possessive quantifiers: early releases of Python 3.11 lose matches by them.
    if run.isascii() and run.isalnum():
        return run
    if run.startswith("\\"):
        return rf"{_BACKSLASH}{{{len(run)},}}"
    return rf"{_BACKSLASH}*(?:{_literal(run)}|(?i:{_url(run)}|{_html(run)}))"


def _literal(character: str) -> str:
    code = ord(character)
    escapes = [f"u{code:04x}", f"x{code:02x}"] if code <= 0xFFFF else [f"U{code:08x}"]
    if code > 0xFFFF:
        units = character.encode("utf-16-be")
        escapes.append(rf"u{units[:2].hex()}{_BACKSLASH}+u{units[2:].hex()}")
    if code > 0x7F:
        escapes.append(rf"{_BACKSLASH}+".join(f"x{byte:02x}" for byte in _utf8(character)))
    short = _SHORT_ESCAPES.get(character)
    raw = [re.escape(character), *([short] if short else [])]
    return "|".join((*raw, f"(?i:{'|'.join(escapes)})"))


def _url(character: str) -> str:
    encoded = "".join(f"%(?:25)*{byte:02x}" for byte in _utf8(character))
    return rf"{encoded}|\+" if character == " " else encoded


def _html(character: str) -> str:
    code = ord(character)
    name = codepoint2name.get(code, "apos" if character == "'" else f"#{code}")
    return f"&(?:amp;)*(?:{name}|#0*{code}|#x0*{code:x});"


def _utf8(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")
