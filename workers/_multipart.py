"""multipart/form-data (RFC 7578): written as browsers write it, read with some patience."""

import re
import secrets
from collections.abc import Iterable
from typing import Final
from urllib.parse import unquote_to_bytes

from workers._text import decode_text, encode_text
from workers.blob import Blob, File

__all__ = ["encode_multipart", "header_parameters", "parse_multipart"]

# Over what forms have; it bounds the work that a hostile body can ask for.
_MAX_PARTS: Final = 1_000
_MAX_PART_HEADER_BYTES: Final = 16_384

_PARAMETER = re.compile(
    r""";\s*([!#$%&'*+\-.^_`|~0-9A-Za-z]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^;\s]*))""", re.DOTALL
)
_EXTENDED = re.compile(r"(?:utf-8|iso-8859-1)'[^']*'(.*)", re.IGNORECASE)
_ESCAPES: Final = {"%0A": "\n", "%0D": "\r", "%22": '"'}


def encode_multipart(fields: Iterable[tuple[str, str | Blob]]) -> tuple[bytes, str]:
    """Return the body that carries `fields`, and its content type with the boundary."""
    boundary = f"----edgestead-{secrets.token_hex(16)}"
    pieces: list[bytes] = []
    for name, value in fields:
        head = f'--{boundary}\r\nContent-Disposition: form-data; name="{_escaped(name)}"'
        if isinstance(value, Blob):
            filename = value.name if isinstance(value, File) else "blob"
            data, content_type = value.body_and_type()
            head += (
                f'; filename="{_escaped(filename)}"\r\n'
                f"Content-Type: {content_type or 'application/octet-stream'}"
            )
        else:
            data = encode_text(value)
        pieces += (encode_text(f"{head}\r\n\r\n"), data, b"\r\n")
    pieces.append(f"--{boundary}--\r\n".encode())
    return b"".join(pieces), f"multipart/form-data; boundary={boundary}"


def parse_multipart(data: bytes, boundary: str) -> list[tuple[str, str | File]]:
    """Return the fields in `data`: a part with a file name as a File, others as text.

    What stands before the first boundary and after the last one is passed over. Raises ValueError
    where the body breaks the format, and for over 1000 parts or 16 KiB of headers in a part.
    """
    delimiter = b"--" + encode_text(boundary)
    fields: list[tuple[str, str | File]] = []
    position = _after_first(data, delimiter)
    while not data.startswith(b"--", position):
        if len(fields) == _MAX_PARTS:
            raise ValueError(f"Invalid multipart body: over {_MAX_PARTS} parts")
        head_start = _end_of_line(data, position)
        # A part without headers starts with the empty line that ends them.
        head_end = data.find(b"\r\n\r\n", head_start - 2, head_start + _MAX_PART_HEADER_BYTES)
        if head_end < 0:
            raise ValueError("Invalid multipart body: a part's headers do not end")
        body_start = head_end + 4
        body_end = data.find(b"\r\n" + delimiter, body_start)
        if body_end < 0:
            raise ValueError("Invalid multipart body: the final boundary is missing")
        fields.append(_field(data[head_start:head_end], data[body_start:body_end]))
        position = body_end + 2 + len(delimiter)
    return fields


def header_parameters(value: str) -> dict[str, str]:
    """Return the parameters of a header such as Content-Type, their names in lower case."""
    found: dict[str, str] = {}
    for match in _PARAMETER.finditer(value):
        name, quoted, plain = match.groups()
        found.setdefault(name.lower(), plain if quoted is None else quoted.replace('\\"', '"'))
    return found


def _escaped(text: str) -> str:
    return text.replace("\n", "%0A").replace("\r", "%0D").replace('"', "%22")


def _after_first(data: bytes, delimiter: bytes) -> int:
    if data.startswith(delimiter):
        return len(delimiter)
    found = data.find(b"\r\n" + delimiter)
    if found < 0:
        raise ValueError("Invalid multipart body: the boundary of its content type is not in it")
    return found + 2 + len(delimiter)


def _end_of_line(data: bytes, position: int) -> int:
    """Return where the line after a boundary starts; blanks may follow the boundary."""
    while data.startswith((b" ", b"\t"), position):
        position += 1
    if not data.startswith(b"\r\n", position):
        raise ValueError("Invalid multipart body: a boundary is not alone on its line")
    return position + 2


def _field(head: bytes, data: bytes) -> tuple[str, str | File]:
    disposition = content_type = None
    for line in decode_text(head).split("\r\n"):
        name, colon, value = line.partition(":")
        if colon and name.lower() == "content-disposition":
            disposition = value.strip()
        elif colon and name.lower() == "content-type":
            content_type = value.strip()
    if disposition is None or disposition.partition(";")[0].strip().lower() != "form-data":
        raise ValueError("Invalid multipart body: a part has no Content-Disposition: form-data")
    parameters = header_parameters(disposition)
    if "name" not in parameters:
        raise ValueError("Invalid multipart body: a part has no name")
    filename = _filename(parameters)
    name = _unescaped(parameters["name"])
    if filename is None:
        return name, decode_text(data)
    return name, File(data, filename, content_type or "text/plain")


def _filename(parameters: dict[str, str]) -> str | None:
    extended = _EXTENDED.fullmatch(parameters.get("filename*", ""))
    if extended:
        encoding = "utf-8" if extended[0][:5].lower() == "utf-8" else "latin-1"
        return unquote_to_bytes(extended[1]).decode(encoding, "replace")
    plain = parameters.get("filename")
    return None if plain is None else _unescaped(plain)


def _unescaped(text: str) -> str:
    return re.sub("%0A|%0D|%22", lambda match: _ESCAPES[match[0].upper()], text, flags=re.I)
