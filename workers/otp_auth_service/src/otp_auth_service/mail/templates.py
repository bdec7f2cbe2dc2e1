"""The mail that brings a code: subject, HTML and text, with a tenant's own words and colours."""

import html
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

__all__ = ["EMAIL_MEMBERS", "Mail", "MailTemplate", "check_email_config", "render_mail"]

_PLACE: Final = re.compile(r"\{\{\s*([A-Za-z]+)\s*\}\}")
_COLOUR: Final = re.compile(r"\A(?:#[0-9A-Fa-f]{3,8}|[a-z]{3,20})\Z")
_LINK: Final = re.compile(r"\Ahttps://[^\s\"'<>]+\Z")
_WITH_CODE: Final = re.compile(r"\{\{\s*otp\s*\}\}")
_ANY: Final = re.compile(r"\S")
_MAX_SUBJECT_LENGTH: Final = 200

_HTML: Final = """\
<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8">
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <meta name="color-scheme" content="light dark">
    <title>{{appName}}</title>
  </head>
  <body style="margin:0;padding:24px;font-family:system-ui,sans-serif;line-height:1.5">
    <div style="max-width:480px;margin:0 auto">
      {{logo}}
      <h1 style="font-size:20px;color:{{brandColor}}">{{appName}}</h1>
      <p>This is the code to sign in as {{userEmail}}:</p>
      <p style="font-size:32px;font-weight:700;letter-spacing:8px;color:{{brandColor}}">{{otp}}</p>
      <p>It works once, for {{expiresIn}} minutes. If you did not ask for it, do nothing: nobody
      can sign in without it.</p>
      {{support}}
      <p style="font-size:12px;opacity:.7">{{footerText}}</p>
    </div>
  </body>
</html>
"""
_LOGO: Final = '<img src="{{logoUrl}}" alt="" height="40">'
_SUPPORT: Final = '<p><a href="{{supportUrl}}">Help with signing in</a></p>'
_TEXT: Final = """\
{{otp}} is the code to sign in to {{appName}} as {{userEmail}}.

It works once, for {{expiresIn}} minutes. If you did not ask for it, do nothing: nobody can sign in
without it.

{{supportUrl}}

{{footerText}}
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class MailTemplate:
    """The words and colours of a mail; each may hold places such as `{{otp}}`."""

    app_name: str = "Idling.app"
    subject: str = "Your Verification Code - {{appName}}"
    html: str = _HTML
    text: str = _TEXT
    brand_color: str = "#2563eb"
    footer_text: str = "This mail was sent because somebody asked for a code with your address."
    support_url: str = ""
    logo_url: str = ""

    @classmethod
    def of_tenant(cls, config: Mapping[str, Any]) -> "MailTemplate":
        """Return the template with what a tenant's `config.emailConfig` says.

        What it says wrongly is left as it is by default: a mail must go out.
        """
        given = config.get("emailConfig")
        template = cls()
        if not isinstance(given, Mapping):
            return template
        for key, (field, rule, _) in _MEMBERS.items():
            value = given.get(key)
            if isinstance(value, str) and rule.search(value):
                template = replace(template, **{field: value})
        return template


# Of each member of `emailConfig`: what it sets, what must be found in it, and that in words.
_MEMBERS: Final[Mapping[str, tuple[str, re.Pattern[str], str]]] = {
    "appName": ("app_name", _ANY, "a text"),
    "subject": ("subject", _ANY, "a text"),
    "htmlTemplate": ("html", _WITH_CODE, "a text with {{otp}} in it"),
    "textTemplate": ("text", _WITH_CODE, "a text with {{otp}} in it"),
    "footerText": ("footer_text", _ANY, "a text"),
    "brandColor": ("brand_color", _COLOUR, "a colour such as #2563eb"),
    "supportUrl": ("support_url", _LINK, "a URL such as https://example.com/help"),
    "logoUrl": ("logo_url", _LINK, "a URL such as https://example.com/logo.png"),
}

EMAIL_MEMBERS: Final = tuple(_MEMBERS)
"""What a tenant's `emailConfig` may hold."""


def check_email_config(config: object) -> Iterator[tuple[str, str]]:
    """Yield each member of a tenant's `emailConfig` that a mail could not use, and why.

    The name is empty where it is about the whole. Null is what there is by default.
    """
    if not isinstance(config, Mapping):
        yield "", "must be an object"
        return
    for key, value in config.items():
        if key not in _MEMBERS:
            yield key, f"is not one of {', '.join(EMAIL_MEMBERS)}"
        elif value is not None:
            _, rule, wanted = _MEMBERS[key]
            if not isinstance(value, str) or not rule.search(value):
                yield key, f"must be {wanted}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Mail:
    """A mail to one address."""

    to: str
    subject: str
    html: str
    text: str


def render_mail(template: MailTemplate, *, to: str, code: str, expires_in_s: int) -> Mail:
    """Return the mail with a code in it; in the HTML every value is escaped."""
    values = {
        "otp": code,
        "expiresIn": str(expires_in_s // 60),
        "appName": template.app_name,
        "userEmail": to,
        "brandColor": template.brand_color,
        "footerText": template.footer_text,
        "supportUrl": template.support_url,
        "logoUrl": template.logo_url,
    }
    escaped = {name: html.escape(value) for name, value in values.items()}
    # What has no URL has no image and no link either.
    parts = {
        "logo": _filled(_LOGO, escaped) if template.logo_url else "",
        "support": _filled(_SUPPORT, escaped) if template.support_url else "",
    }
    subject = " ".join(_filled(template.subject, values).split())
    return Mail(
        to=to,
        subject=subject[:_MAX_SUBJECT_LENGTH],
        html=_filled(template.html, {**escaped, **parts}),
        text=re.sub(r"\n{3,}", "\n\n", _filled(template.text, values)),
    )


def _filled(template: str, values: Mapping[str, str]) -> str:
    return _PLACE.sub(lambda place: values.get(place[1], ""), template)
