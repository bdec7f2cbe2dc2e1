"""CORS: which origins' pages may read a worker's answers, and what they may send.

The protocol is that of the Fetch standard (https://fetch.spec.whatwg.org/#http-cors-protocol).
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from workers import Request, Response

__all__ = ["Cors", "Origins", "with_headers"]

_ANY: Final = "*"
_LABELS: Final = r"[a-z0-9-]+(?:\.[a-z0-9-]+)*"
_ORIGIN: Final = re.compile(rf"https?://(?:\*\.)?(?:{_LABELS}|\[[0-9a-f:.]+\])(?::[0-9]{{1,5}})?")


@dataclass(frozen=True, slots=True)
class Origins:
    """A set of origins: exact ones, those below a domain (`https://*.example.com`), or any."""

    exact: frozenset[str] = frozenset()
    suffixes: tuple[tuple[str, str], ...] = ()
    any: bool = False

    @classmethod
    def parse(cls, items: Iterable[str]) -> "Origins":
        """Take `https://shop.example.com`, `https://*.example.com` and `*`.

        Raises ValueError for what is none of them, and could therefore never match.
        """
        exact, suffixes, is_any = set(), [], False
        for item in items:
            text = item.strip().lower()
            if not _is_valid(item):
                raise ValueError(
                    f"{item!r} is no origin; write it like https://shop.example.com, "
                    "https://*.example.com or *"
                )
            if text == _ANY:
                is_any = True
            elif "*" in text:
                scheme, _, domain = text.partition("*")
                suffixes.append((scheme, domain))
            else:
                exact.add(text)
        return cls(frozenset(exact), tuple(suffixes), is_any)

    @classmethod
    def parse_valid(cls, items: Iterable[object]) -> "tuple[Origins, int]":
        """Take what `parse` takes, and leave out the rest; return how much that was, too."""
        texts = list(map(str, items))
        valid = [text for text in texts if _is_valid(text)]
        return cls.parse(valid), len(texts) - len(valid)

    def lists(self, origin: str) -> bool:
        """Tell whether `origin` is named, by itself or by its domain; `*` names nobody."""
        text = origin.lower()
        if text in self.exact:
            return True
        return any(
            text.startswith(scheme)
            and text.endswith(domain)
            and re.fullmatch(_LABELS, text[len(scheme) : -len(domain)]) is not None
            for scheme, domain in self.suffixes
        )

    def allow(self, origin: str) -> bool:
        """Tell whether pages of `origin` may read the answers."""
        return self.any or self.lists(origin)


@dataclass(frozen=True, slots=True, kw_only=True)
class Cors:
    """What pages of other origins may do.

    `credentials` lets listed origins send cookies; an origin that only `*` lets in never may.
    """

    origins: Origins
    methods: tuple[str, ...]
    headers: tuple[str, ...] = ()
    expose_headers: tuple[str, ...] = ()
    max_age_s: int = 86_400
    credentials: bool = False

    def answer_headers(self, request: Request) -> dict[str, str]:
        """Return the headers for any answer to `request`; `Vary` alone to an origin not allowed."""
        headers = {"Vary": "Origin"}
        origin = request.headers.get("origin")
        if origin is None or not self.origins.allow(origin):
            return headers
        headers["Access-Control-Allow-Origin"] = origin
        if self.credentials and self.origins.lists(origin):
            headers["Access-Control-Allow-Credentials"] = "true"
        if self.expose_headers:
            headers["Access-Control-Expose-Headers"] = ", ".join(self.expose_headers)
        return headers

    def preflight(self, request: Request) -> Response:
        """Answer OPTIONS: 204, with what is allowed to the page that asks, if anything is."""
        headers = self.answer_headers(request)
        if "Access-Control-Allow-Origin" in headers:
            headers["Access-Control-Allow-Methods"] = ", ".join(self.methods)
            headers["Access-Control-Allow-Headers"] = ", ".join(self.headers)
            headers["Access-Control-Max-Age"] = str(self.max_age_s)
        return Response(None, status=204, headers=headers)


def _is_valid(item: str) -> bool:
    text = item.strip().lower()
    return text == _ANY or _ORIGIN.fullmatch(text) is not None


def with_headers(response: Response, extra: Iterable[tuple[str, str]]) -> Response:
    """Return the response with `extra` headers, each in the place of one of its name.

    `Vary` is added to. It is another response where the headers of one cannot be changed, as on
    Cloudflare; use the one that is returned.
    """
    headers = response.headers
    for name, value in extra:
        there = headers.get(name) if name.lower() == "vary" else None
        # Some kinds of headers would otherwise keep both.
        del headers[name]
        headers[name] = value if there is None else _joined(there, value)
    if response.headers is headers:
        return response
    return Response(
        response.body,
        status=response.status,
        status_text=response.status_text,
        headers=list(headers.items()),
    )


def _joined(value: str, added: str) -> str:
    names = [name.strip() for name in value.split(",")]
    return value if added.lower() in map(str.lower, names) else f"{value}, {added}"
