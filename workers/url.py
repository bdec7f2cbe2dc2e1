"""URLs as the WHATWG URL standard normalises them; for the SDK and the runtime, not for workers.

Known differences: of IDNA (UTS 46) the mapping is NFKC lower-case, and labels are not validated
further; a URL of a scheme other than http, https, ws, wss, ftp and file is only escaped.
"""

import ipaddress
import re
import unicodedata
from collections.abc import Mapping
from typing import Final
from urllib.parse import unquote_to_bytes

from workers._text import encode_text

__all__ = ["normalise_url", "stripped_url"]

_PORTS: Final[Mapping[str, str]] = {
    "http": "80",
    "https": "443",
    "ws": "80",
    "wss": "443",
    "ftp": "21",
    "file": "",
}

_OCTET = r"(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)"
# What most URLs look like: nothing in it is for the parser to change. A host ends in a label that
# starts with a letter, or is a plain IPv4 address; no segment of the path starts with a dot.
_NORMAL = re.compile(
    rf"https?://(?:(?:[a-z0-9_-]+\.)*[a-z](?:[a-z0-9_-]*[a-z0-9])?|{_OCTET}(?:\.{_OCTET}){{3}})"
    r"(?::(?!80/|443/)(?:[1-9]\d{0,3}|[1-5]\d{4}))?"
    r"(?:/(?![.%])[A-Za-z0-9_~!$&'()*+,;=:@%|.-]*)+"
    r"(?:\?[A-Za-z0-9_~!$&()*+,;=:@%|./?-]*)?(?:#[A-Za-z0-9_~!$&'()*+,;=:@%|./?-]*)?",
    re.ASCII,
)

_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*):(.*)", re.DOTALL)
_AUTHORITY = re.compile(r"[/\\]*([^/\\?#]*)([^?#]*)(\?[^#]*)?(#.*)?", re.DOTALL)
_FILE_AUTHORITY = re.compile(r"(?:[/\\]{2})?([^/\\?#]*)([^?#]*)(\?[^#]*)?(#.*)?", re.DOTALL)
_CREDENTIALS = re.compile(r"(:[/\\]*)[^/\\?#]*@")
_STRIPPED = "".join(map(chr, range(0x21)))
_DROPPED: Final = {ord(character): None for character in "\t\n\r"}
# The standard's percent-encode sets; `%` itself is never escaped.
_IN_FRAGMENT = re.compile(r"[^\x21\x23-\x3b\x3d\x3f-\x5f\x61-\x7e]+")
_IN_QUERY = re.compile(r"[^\x21\x24-\x26\x28-\x3b\x3d\x3f-\x7e]+")
_IN_PATH = re.compile(r"[^\x21\x24-\x3b\x3d\x40-\x5d\x5f\x61-\x7a\x7c\x7e]+")
_IN_USERINFO = re.compile(r"[^\x21\x24-\x2e\x30-\x39\x41-\x5a\x5f\x61-\x7a\x7e]+")
_OPAQUE = re.compile(r"[^\x20-\x7e]+")

_FORBIDDEN_IN_HOST = re.compile(r"[\x00-\x20\x7f#/:<>?@\[\\\]^|%]")
_IGNORED_IN_HOST: Final = {
    ord(character): None for character in "\u00ad\u200b\u2060\ufeff\u180b\u180c\u180d"
}
_DOTS: Final = {ord(character): "." for character in "\u3002\uff0e\uff61"}
_NUMERIC = re.compile(r"\d+|0[xX][0-9A-Fa-f]*", re.ASCII)


def normalise_url(url: str) -> str:
    """Return the absolute `url` as JavaScript's `new URL(url).href` gives it.

    Raises ValueError `Invalid URL: …` when it is not an absolute URL.
    """
    if _NORMAL.fullmatch(url):
        return url
    match = _SCHEME.fullmatch(stripped_url(url))
    if match is None:
        raise _invalid(url)
    scheme = match[1].lower()
    if scheme not in _PORTS:
        return f"{scheme}:{_escaped(_OPAQUE, match[2])}"
    try:
        return _special(scheme, match[2])
    except ValueError:
        raise _invalid(url) from None


def stripped_url(url: str) -> str:
    """Return `url` without the blanks around it and the line breaks and tabs in it."""
    return url.strip(_STRIPPED).translate(_DROPPED)


def _special(scheme: str, rest: str) -> str:
    pattern = _FILE_AUTHORITY if scheme == "file" else _AUTHORITY
    match = pattern.fullmatch(rest)
    assert match is not None  # the pattern has a place for every character
    authority, path, query, fragment = match.groups()
    userinfo, at, address = authority.rpartition("@")
    host, port = _split_port(address)
    if scheme == "file" and (at or port):
        raise ValueError(authority)
    parts = [f"{scheme}://", _userinfo(userinfo) if at else "", _host(host, scheme == "file")]
    if port and str(int(port)) != _PORTS[scheme]:
        parts.append(f":{int(port)}")
    parts.append(_path(path))
    parts.append(_escaped(_IN_QUERY, query or ""))
    parts.append(_escaped(_IN_FRAGMENT, fragment or ""))
    return "".join(parts)


def _invalid(url: str) -> ValueError:
    # A password, if there is one, must not come into a log.
    shown = _CREDENTIALS.sub(r"\1…@", url, count=1)
    return ValueError(f"Invalid URL: {shown}")


def _split_port(address: str) -> tuple[str, str]:
    host, colon, port = address.rpartition(":")
    if not colon or port.endswith("]"):
        return address, ""
    if port and (not re.fullmatch(r"\d+", port, re.ASCII) or int(port) > 65535):
        raise ValueError(port)
    return host, port


def _userinfo(text: str) -> str:
    user, _, password = text.partition(":")
    shown = _escaped(_IN_USERINFO, user)
    if password:
        shown += f":{_escaped(_IN_USERINFO, password)}"
    return f"{shown}@" if shown else ""


def _path(path: str) -> str:
    kept: list[str] = []
    segments = path.replace("\\", "/").split("/")[1:] or [""]
    for index, segment in enumerate(segments):
        dots = segment.lower().replace("%2e", ".")
        last = index == len(segments) - 1
        if dots == "..":
            if kept:
                kept.pop()
        elif dots != ".":
            kept.append(_escaped(_IN_PATH, segment))
            continue
        if last:
            kept.append("")
    return "/" + "/".join(kept)


def _escaped(unsafe: re.Pattern[str], text: str) -> str:
    return unsafe.sub(
        lambda match: "".join([f"%{byte:02X}" for byte in encode_text(match[0])]), text
    )


def _host(host: str, may_be_empty: bool) -> str:
    if host.startswith("["):
        return _ipv6(host)
    domain = _domain(unquote_to_bytes(host).decode())
    if (not domain and not may_be_empty) or _FORBIDDEN_IN_HOST.search(domain):
        raise ValueError(host)
    labels = domain.removesuffix(".").split(".")
    return _ipv4(labels) if _NUMERIC.fullmatch(labels[-1]) else domain


def _domain(host: str) -> str:
    """Return `host` in ASCII: each label with other characters in Punycode."""
    if host.isascii():
        return host.lower()
    # Letter by letter: a word's last sigma must not get a form of its own.
    lowered = "".join([character.lower() for character in host.translate(_IGNORED_IN_HOST)])
    mapped = unicodedata.normalize("NFKC", lowered).lower()
    labels = mapped.translate(_DOTS).split(".")
    if any(unicodedata.category(character) in ("Cc", "Cn", "Co") for character in mapped):
        raise ValueError(host)
    return ".".join(
        label if label.isascii() else f"xn--{label.encode('punycode').decode()}" for label in labels
    )


def _ipv4(labels: list[str]) -> str:
    """Return the address of up to four numbers, the last of which fills what is left."""
    if len(labels) > 4 or not all(map(_NUMERIC.fullmatch, labels)):
        raise ValueError(labels)
    *heads, last = [_ipv4_number(label) for label in labels]
    if any(number > 255 for number in heads) or last >= 256 ** (5 - len(labels)):
        raise ValueError(labels)
    address = last + sum(number << 8 * (3 - index) for index, number in enumerate(heads))
    return str(ipaddress.IPv4Address(address))


def _ipv4_number(label: str) -> int:
    if label[:2].lower() == "0x":
        return int(label[2:] or "0", 16)
    if len(label) > 1 and label.startswith("0"):
        return int(label, 8)
    return int(label)


def _ipv6(host: str) -> str:
    if not host.endswith("]") or "%" in host:
        raise ValueError(host)
    address = ipaddress.IPv6Address(host[1:-1])
    mapped = address.ipv4_mapped
    if mapped is not None:
        # Newer Pythons write these with dots, the standard does not.
        high, low = divmod(int(mapped), 65536)
        return f"[::ffff:{high:x}:{low:x}]"
    return f"[{address}]"
