"""The SMTP relay by which mails leave a host."""

import logging
from typing import Literal

import aiosmtplib
from pydantic import SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

from runtime.bindings.send_email.messages import OutgoingMail

__all__ = ["SmtpRelay", "SmtpSettings"]

logger = logging.getLogger(__name__)


class SmtpSettings(BaseSettings):
    """How mails leave a host: `EDGESTEAD_SMTP_HOST` and so on."""

    model_config = SettingsConfigDict(env_prefix="EDGESTEAD_SMTP_", extra="ignore")

    host: str | None = None
    port: int | None = None
    username: str | None = None
    password: SecretStr | None = None
    tls: Literal["starttls", "tls", "none"] = "starttls"
    timeout_s: float = 30.0


class SmtpRelay:
    """Hands mails over to an SMTP server, which delivers them."""

    def __init__(self, settings: SmtpSettings) -> None:
        """Use the server that `settings` name."""
        self._settings = settings

    async def send(self, mail: OutgoingMail, worker: str) -> None:
        """Hand a mail over; raise OSError, without a word of what is in it, where that fails."""
        settings = self._settings
        password = settings.password
        try:
            await aiosmtplib.send(
                mail.message,
                sender=mail.sender,
                recipients=list(mail.recipients),
                hostname=settings.host,
                port=settings.port,
                username=settings.username,
                password=None if password is None else password.get_secret_value(),
                use_tls=settings.tls == "tls",
                start_tls=settings.tls == "starttls",
                timeout=settings.timeout_s,
            )
        except (aiosmtplib.SMTPException, OSError) as error:
            logger.error(
                'the SMTP relay %s takes no mail of worker "%s": %s',
                settings.host,
                worker,
                type(error).__name__,
            )
            raise OSError("the SMTP relay did not take the mail") from error
