"""Who delivers a mail: Resend, or the worker's `send_email` binding."""

import asyncio
import logging
from typing import Any, Final, Protocol

from identity import compact_json
from otp_auth_service.mail.templates import Mail
from otp_auth_service.settings import MailBinding, Settings
from workerkit import Problem
from workers import fetch, python_to_rpc

__all__ = ["BindingSender", "MailSender", "ResendSender", "choose_sender"]

_RESEND_URL: Final = "https://api.resend.com/emails"
_NOT_CONFIGURED: Final = "Email is not configured"
_REFUSED: Final = (
    "We could not send the email. Please check the address, or try again in a few minutes."
)
_UNREACHABLE: Final = "The email service does not answer. Please try again in a few minutes."
_RETRY_AFTER_S: Final = 60
_TIMEOUT_S: Final = 10.0
_DEFAULT_FROM: Final = "noreply@idling.app"

logger = logging.getLogger(__name__)


class MailSender(Protocol):
    """Delivers mails."""

    async def send(self, mail: Mail) -> None:
        """Hand a mail over; raise Problem 502 or 503, in a user's words, where that fails."""


class ResendSender:
    """Sends by the HTTP API of Resend (https://resend.com/docs/api-reference/emails)."""

    def __init__(
        self, api_key: str, sender: str, *, url: str = _RESEND_URL, timeout_s: float = _TIMEOUT_S
    ) -> None:
        """Send in the name of `sender`; Resend has `timeout_s` to answer."""
        self._api_key = api_key
        self._sender = sender
        self._url = url
        self._timeout_s = timeout_s

    async def send(self, mail: Mail) -> None:
        """Hand a mail over; raise Problem 502 where it is refused, 503 where nobody answers."""
        body = {
            "from": self._sender,
            "to": [mail.to],
            "subject": mail.subject,
            "html": mail.html,
            "text": mail.text,
        }
        headers = {
            "Authorization": f"Bearer {self._api_key}",
            "Content-Type": "application/json",
        }
        try:
            async with asyncio.timeout(self._timeout_s):
                response = await fetch(
                    self._url, method="POST", headers=headers, body=compact_json(body)
                )
                await response.text()
        except OSError as error:
            logger.error("Resend cannot be reached: %s", error)
            raise _unavailable(_UNREACHABLE) from error
        if response.status == 429 or response.status >= 500:
            logger.error("Resend answered %s", response.status)
            raise _unavailable(_UNREACHABLE)
        if not response.ok:
            logger.error("Resend refused a mail: %s", response.status)
            raise Problem(502, _REFUSED)


class BindingSender:
    """Sends by the `send_email` binding of the worker."""

    def __init__(self, binding: MailBinding, sender: str) -> None:
        """Send in the name of `sender`."""
        self._binding = binding
        self._sender = sender

    async def send(self, mail: Mail) -> None:
        """Hand a mail over; raise Problem 502 where it is refused."""
        message: dict[str, Any] = {
            "from": self._sender,
            "to": mail.to,
            "subject": mail.subject,
            "html": mail.html,
            "text": mail.text,
        }
        try:
            # On Cloudflare this binding takes objects of JavaScript's alone.
            await self._binding.send(python_to_rpc(message))
        except Exception as error:
            logger.error("the binding EMAIL refused a mail: %s", type(error).__name__)
            raise Problem(502, _REFUSED) from error


def choose_sender(settings: Settings) -> MailSender:
    """Return who delivers here; raise Problem 503 where nobody is set up to."""
    if settings.RESEND_API_KEY is not None and settings.RESEND_FROM_EMAIL:
        key = settings.RESEND_API_KEY.get_secret_value()
        return ResendSender(key, settings.RESEND_FROM_EMAIL)
    if settings.EMAIL is not None:
        return BindingSender(settings.EMAIL, settings.RESEND_FROM_EMAIL or _DEFAULT_FROM)
    raise _unavailable(_NOT_CONFIGURED)


def _unavailable(detail: str) -> Problem:
    return Problem(503, detail, headers={"Retry-After": str(_RETRY_AFTER_S)})
