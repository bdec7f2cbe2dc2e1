"""The page on which the mails of the outbox are read."""

import json
from datetime import UTC, datetime
from email.message import EmailMessage
from html import escape
from http import HTTPMethod
from typing import Any, Final
from urllib.parse import urlsplit

from runtime.bindings.send_email.outbox import Outbox, OutboxMail
from workers import Request, Response

__all__ = ["show_outbox"]

_STYLE: Final = (
    ":root{color-scheme:light dark;font:16px/1.5 system-ui,sans-serif}"
    "body{max-width:60rem;margin:2rem auto;padding:0 1rem}"
    "table{width:100%;border-collapse:collapse}"
    "th,td{text-align:left;padding:.4rem .6rem;border-bottom:1px solid #8886}"
    "pre{white-space:pre-wrap;overflow-wrap:anywhere;padding:1rem;border:1px solid #8886}"
    "iframe{width:100%;height:30rem;border:1px solid #8886;background:#fff}"
    "dt{font-weight:600}dd{margin:0 0 .5rem;overflow-wrap:anywhere}"
)
_PAGE_POLICY: Final = (
    "default-src 'none'; style-src 'unsafe-inline'; frame-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
# A mail's HTML runs no script, sends no form, and is of no origin.
_MAIL_POLICY: Final = (
    "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src https: data:; "
    "frame-ancestors 'self'"
)


async def show_outbox(request: Request, outbox: Outbox) -> Response:
    """Answer `/cdn-cgi/outbox`: all mails, as a page or, where asked for, as JSON.

    Below it, `/N` is one mail, `/N/html` its HTML as it stands, `/N/raw` the message. DELETE throws
    all mails away.
    """
    _, _, rest = urlsplit(request.url).path.partition("/outbox")
    number, _, part = rest.strip("/").partition("/")
    if request.method == HTTPMethod.DELETE and not number:
        outbox.clear()
        return Response(None, status=204)
    if request.method not in (HTTPMethod.GET, HTTPMethod.HEAD):
        return Response("Method Not Allowed\n", status=405, headers={"Allow": "DELETE, GET, HEAD"})
    if not number:
        return _list(request, outbox)
    for mail in outbox.mails:
        if str(mail.number) == number:
            return _one(mail, part)
    return _text("There is no such mail here (any more)\n", status=404)


def _list(request: Request, outbox: Outbox) -> Response:
    if "application/json" in request.headers.get("accept", ""):
        return _answer(
            json.dumps([_described(mail) for mail in outbox.mails], ensure_ascii=False),
            "application/json",
        )
    rows = "".join(
        f'<tr><td><a href="/cdn-cgi/outbox/{mail.number}">{_header(mail, "Subject") or "-"}</a>'
        f"<td>{escape(', '.join(mail.mail.recipients))}"
        f"<td>{escape(mail.worker)}<td>{_time(mail)}"
        for mail in outbox.mails
    )
    table = f"<table><tr><th>Subject<th>To<th>Worker<th>Sent{rows}</table>"
    return _page("Outbox", table if rows else "<p>No worker has sent a mail yet.</p>")


def _one(mail: OutboxMail, part: str) -> Response:
    text, html = _bodies(mail.mail.message)
    if part == "html" and html is not None:
        return _answer(html, "text/html;charset=UTF-8", policy=_MAIL_POLICY)
    if part == "raw":
        return _answer(mail.mail.message.as_bytes(), "message/rfc822")
    if part:
        return _text("This mail has no such part\n", status=404)
    names = ("From", "To", "Cc", "Reply-To", "Subject", "Message-ID")
    headers = "".join(f"<dt>{name}<dd>{value}" for name in names if (value := _header(mail, name)))
    parts = [f"<dl>{headers}<dt>Sent<dd>{_time(mail)}</dl>"]
    if text is not None:
        parts.append(f"<h2>Text</h2><pre>{escape(text)}</pre>")
    if html is not None:
        source = f"/cdn-cgi/outbox/{mail.number}/html"
        parts.append(f'<h2>HTML</h2><iframe title="The mail" sandbox src="{source}"></iframe>')
    parts.append(
        f'<p><a href="/cdn-cgi/outbox/{mail.number}/raw" download="{mail.number}.eml">'
        'Whole message</a> · <a href="/cdn-cgi/outbox">All mails</a></p>'
    )
    return _page(_header(mail, "Subject") or "Mail", "".join(parts))


def _described(mail: OutboxMail) -> dict[str, Any]:
    text, html = _bodies(mail.mail.message)
    return {
        "number": mail.number,
        "worker": mail.worker,
        "sentAt": datetime.fromtimestamp(mail.sent_at, UTC).isoformat(timespec="milliseconds"),
        "from": mail.mail.sender,
        "to": list(mail.mail.recipients),
        "subject": str(mail.mail.message["Subject"] or ""),
        "text": text,
        "html": html,
    }


def _bodies(message: EmailMessage) -> tuple[str | None, str | None]:
    return _body(message, "plain"), _body(message, "html")


def _body(message: EmailMessage, kind: str) -> str | None:
    part = message.get_body((kind,))
    if part is None:
        return None
    try:
        return str(part.get_content())
    except (LookupError, ValueError):
        # A charset that nobody knows.
        return bytes(part.get_payload(decode=True) or b"").decode(errors="replace")


def _header(mail: OutboxMail, name: str) -> str:
    return escape(str(mail.mail.message[name] or ""))


def _time(mail: OutboxMail) -> str:
    return f"{datetime.fromtimestamp(mail.sent_at):%Y-%m-%d %H:%M:%S}"


def _page(title: str, body: str) -> Response:
    return _answer(
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{title}</title>'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<style>{_STYLE}</style><h1>{title}</h1>{body}</html>\n",
        "text/html;charset=UTF-8",
    )


def _answer(body: str | bytes, content_type: str, *, policy: str = _PAGE_POLICY) -> Response:
    headers = {
        "Content-Type": content_type,
        "Content-Security-Policy": policy,
        "X-Content-Type-Options": "nosniff",
        "Cache-Control": "no-store",
        "Referrer-Policy": "no-referrer",
    }
    return Response(body, headers=headers)


def _text(text: str, *, status: int) -> Response:
    return Response(text, status=status)
