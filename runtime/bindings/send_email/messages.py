"""What a worker hands over to be sent, as an e-mail message of the standard library.

The forms are those of Cloudflare's binding
(https://developers.cloudflare.com/email-service/api/send-emails/workers-api/): a dict of `from`,
`to`, `subject`, `html`, `text` and so on, or an object with `from_`, `to` and `raw`, a whole
message as RFC 5322 has it.
"""

import base64
import binascii
import email.policy
import re
import uuid
from collections.abc import AsyncIterable, Iterable, Mapping
from dataclasses import dataclass
from email import message_from_bytes
from email.errors import MessageError
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import parseaddr
from typing import Any, Final

__all__ = ["MAX_BYTES", "MAX_RECIPIENTS", "OutgoingMail", "read_mail"]

MAX_RECIPIENTS: Final = 50
"""The most addresses that one mail goes to, `cc` and `bcc` included."""

MAX_BYTES: Final = 25 * 1024 * 1024
"""The largest mail."""

_FIELDS: Final = frozenset(
    {
        *("from", "from_", "to", "cc", "bcc", "replyTo", "subject", "html", "text"),
        *("headers", "attachments"),
    }
)
_NAMED: Final = re.compile(r"(?P<name>[^<>]*)<(?P<spec>[^<>\s]+)>")
_HEADER_NAME: Final = re.compile(r"[!-9;-~]+")
_POLICY: Final = email.policy.SMTP.clone(max_line_length=200)


@dataclass(frozen=True, slots=True, kw_only=True)
class OutgoingMail:
    """A checked mail: the envelope, and the message in it."""

    sender: str
    recipients: tuple[str, ...]
    message: EmailMessage
    message_id: str


async def read_mail(given: Any) -> OutgoingMail:
    """Return the mail that a worker hands over.

    Raises TypeError for what is no mail at all, ValueError for a field that is missing or wrong;
    no value of a field is repeated.
    """
    raw = getattr(given, "raw", None)
    if raw is not None:
        return _envelope_of(given, await _bytes_of(raw))
    if not isinstance(given, Mapping):
        raise TypeError(
            "send() takes a dict with from, to, subject and html or text, or a message with raw, "
            f"not {type(given).__name__}"
        )
    unknown = sorted(str(name) for name in given if name not in _FIELDS)
    if unknown:
        raise TypeError(f"a mail has no field {', '.join(unknown)}")
    return _composed({name: value for name, value in given.items() if value is not None})


def _composed(fields: Mapping[str, Any]) -> OutgoingMail:
    sender = _addresses("from", fields.get("from", fields.get("from_")))
    to, cc, bcc = (_addresses(name, fields.get(name, [])) for name in ("to", "cc", "bcc"))
    if len(sender) != 1:
        raise ValueError("a mail has one `from`")
    message = EmailMessage(_POLICY)
    message["From"] = sender[0]
    _set_addresses(message, "To", to)
    _set_addresses(message, "Cc", cc)
    _set_addresses(message, "Reply-To", _addresses("replyTo", fields.get("replyTo", [])))
    message["Subject"] = _one_line("subject", fields.get("subject"))
    for name, value in _mapping("headers", fields.get("headers")).items():
        if str(name).lower() in message or str(name).lower() == "bcc":
            raise ValueError(f"the header {name} is set by a field of the mail")
        message[_header_name(name)] = _one_line(f"header {name}", value)
    _set_bodies(message, _text("text", fields), _text("html", fields))
    for attachment in _list("attachments", fields.get("attachments")):
        _attach(message, _mapping("attachments", attachment))
    return _checked(sender[0].addr_spec, [*to, *cc, *bcc], message)


def _envelope_of(given: Any, data: bytes) -> OutgoingMail:
    try:
        message = message_from_bytes(data, policy=_POLICY)
        assert isinstance(message, EmailMessage)
        from_header = parseaddr(str(message["From"] or ""))[1]
    except (MessageError, ValueError):
        raise ValueError("`raw` is no e-mail message") from None
    [sender] = _addresses("from", getattr(given, "from_", None) or getattr(given, "from", None))
    if from_header.lower() != sender.addr_spec.lower():
        raise ValueError("the From header of `raw` is not `from`")
    del message["Bcc"]
    return _checked(sender.addr_spec, _addresses("to", getattr(given, "to", None)), message)


def _checked(sender: str, recipients: Iterable[Address], message: EmailMessage) -> OutgoingMail:
    addresses = tuple(dict.fromkeys(address.addr_spec for address in recipients))
    if not addresses:
        raise ValueError("a mail needs a recipient: `to`, `cc` or `bcc`")
    if len(addresses) > MAX_RECIPIENTS:
        raise ValueError(f"a mail goes to {MAX_RECIPIENTS} addresses at most")
    if "Message-ID" not in message:
        domain = sender.rpartition("@")[2]
        message["Message-ID"] = f"<{uuid.uuid4().hex}@{domain}>"
    if len(message.as_bytes()) > MAX_BYTES:
        raise ValueError(f"a mail has {MAX_BYTES} bytes at most")
    return OutgoingMail(
        sender=sender,
        recipients=addresses,
        message=message,
        message_id=str(message["Message-ID"]),
    )


def _addresses(field: str, given: Any) -> list[Address]:
    if given is None:
        raise ValueError(f"a mail needs `{field}`")
    items = given if isinstance(given, list | tuple) else [given]
    return [_address(field, item) for item in items]


def _address(field: str, given: Any) -> Address:
    name = None
    if isinstance(given, Mapping):
        name, given = given.get("name"), given.get("email")
    if isinstance(given, str):
        parts = _NAMED.fullmatch(given.strip())
        shown, spec = (parts["name"], parts["spec"]) if parts else ("", given.strip())
        try:
            user, _, domain = spec.rpartition("@")
            if domain and "." not in (domain[0], domain[-1]):
                spec = f"{user}@{domain.encode('idna').decode()}"
                shown = _one_line(f"name in {field}", shown.strip('" ') if name is None else name)
                return Address(shown, addr_spec=spec)
        except (MessageError, ValueError, IndexError):
            pass
    raise ValueError(f"`{field}` has what is no e-mail address that mail can be sent to")


def _set_addresses(message: EmailMessage, header: str, addresses: list[Address]) -> None:
    if addresses:
        message[header] = addresses


def _set_bodies(message: EmailMessage, text: str | None, html: str | None) -> None:
    if text is None and html is None:
        raise ValueError("a mail needs `html` or `text`")
    if text is not None:
        message.set_content(text)
    if html is not None and text is not None:
        message.add_alternative(html, subtype="html")
    elif html is not None:
        message.set_content(html, subtype="html")


def _attach(message: EmailMessage, given: Mapping[str, Any]) -> None:
    content, content_type = given.get("content"), given.get("type", "application/octet-stream")
    filename = given.get("filename")
    maintype, _, subtype = str(content_type).partition("/")
    if not maintype.isascii() or not subtype or not isinstance(filename, str) or not filename:
        raise ValueError("an attachment needs `filename`, `content` and, if any, a `type` like a/b")
    message.add_attachment(
        _attached_bytes(content),
        maintype=maintype,
        subtype=subtype,
        filename=_one_line("filename", filename),
        disposition="inline" if given.get("disposition") == "inline" else "attachment",
        cid=_content_id(given.get("contentId")),
    )


def _attached_bytes(content: Any) -> bytes:
    if isinstance(content, bytes | bytearray | memoryview):
        return bytes(content)
    if isinstance(content, str):
        try:
            return base64.b64decode(content, validate=True)
        except (binascii.Error, ValueError):
            return content.encode()
    raise ValueError("the `content` of an attachment is bytes, or a text in base64")


def _content_id(given: Any) -> str | None:
    return None if given is None else f"<{_one_line('contentId', given)}>"


def _text(field: str, fields: Mapping[str, Any]) -> str | None:
    value = fields.get(field)
    if value is None or isinstance(value, str):
        return value
    raise ValueError(f"`{field}` is a text")


def _one_line(field: str, value: Any) -> str:
    if not isinstance(value, str) or any(character in value for character in "\r\n\0"):
        raise ValueError(f"the {field} of a mail is a text of one line")
    return value


def _header_name(name: Any) -> str:
    if not isinstance(name, str) or not _HEADER_NAME.fullmatch(name):
        raise ValueError("`headers` has what is no name of a header")
    return name


def _mapping(field: str, given: Any) -> Mapping[str, Any]:
    if given is None:
        return {}
    if isinstance(given, Mapping):
        return given
    raise ValueError(f"`{field}` holds a dict")


def _list(field: str, given: Any) -> Iterable[Any]:
    if given is None:
        return ()
    if isinstance(given, list | tuple):
        return given
    raise ValueError(f"`{field}` is a list")


async def _bytes_of(raw: Any) -> bytes:
    if isinstance(raw, str):
        return raw.encode()
    if isinstance(raw, bytes | bytearray | memoryview):
        return bytes(raw)
    if isinstance(raw, AsyncIterable):
        data = bytearray()
        async for chunk in raw:
            data += chunk
            if len(data) > MAX_BYTES:
                raise ValueError(f"a mail has {MAX_BYTES} bytes at most")
        return bytes(data)
    raise TypeError(f"`raw` is a text, bytes or a stream, not {type(raw).__name__}")
