"""The kind: from `[[send_email]]` in a config to what sends mails on `env`."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Final

from runtime.bindings.send_email.messages import OutgoingMail, read_mail
from runtime.bindings.send_email.outbox import Outbox, Transport
from runtime.bindings.send_email.outbox_page import show_outbox
from runtime.plugins import (
    Binder,
    BindingPlugin,
    Diagnostics,
    HostError,
    HostView,
    Page,
    RawBinding,
)
from workers import Request, Response
from workers.rpc import JsDict

__all__ = ["SendEmail", "SendEmailPlugin", "SendEmailSpec"]

_KIND: Final = "send_email"
_PAGE: Final = "outbox"


@dataclass(frozen=True, slots=True, kw_only=True)
class SendEmailSpec:
    """To whom, and in whose name, a binding sends; None is anybody."""

    destinations: frozenset[str] | None
    senders: frozenset[str] | None
    default_destination: str | None


class SendEmailPlugin(BindingPlugin[SendEmailSpec]):
    """Sends mails: on a host by the relay that `EDGESTEAD_SMTP_*` names, elsewhere to an outbox."""

    kinds = (_KIND,)

    def parse(self, raw: RawBinding, report: Diagnostics) -> SendEmailSpec | None:
        """Return the spec; addresses that are no texts are reported by the config's reader."""
        one = raw.fields.get("destination_address")
        several = raw.fields.get("allowed_destination_addresses")
        return SendEmailSpec(
            destinations=_folded([one]) if one is not None else _folded(several),
            senders=_folded(raw.fields.get("allowed_sender_addresses")),
            default_destination=one,
        )

    @asynccontextmanager
    async def own(self, host: HostView) -> AsyncIterator[Transport]:
        """Hold the outbox, or what is known of the relay."""
        if host.mode != "host":
            yield Outbox(clock=host.now, page=host.page_url(_PAGE))
            return
        # Imported here: only a host has a use for it.
        from runtime.bindings.send_email.relay import SmtpRelay, SmtpSettings

        settings = SmtpSettings()
        if settings.host is None:
            raise HostError(
                "a worker sends mails, but there is no relay: set EDGESTEAD_SMTP_HOST, and "
                "EDGESTEAD_SMTP_USERNAME and EDGESTEAD_SMTP_PASSWORD where it asks for them"
            )
        yield SmtpRelay(settings)

    @asynccontextmanager
    async def open(self, host: HostView) -> AsyncIterator[Binder[SendEmailSpec]]:
        """Use what is held."""
        yield _SendEmails(host)

    def pages(self) -> Mapping[str, Page]:
        """Show the outbox."""
        return {_PAGE: _show}


async def _show(request: Request, host: HostView) -> Response:
    return await show_outbox(request, host.owner(_KIND))


class _SendEmails:
    def __init__(self, host: HostView) -> None:
        self._host = host

    def bind(self, spec: SendEmailSpec, worker: str) -> object:
        """Return what sends."""
        return SendEmail(self._host.owner(_KIND), spec, worker)


class SendEmail:
    """What stands on `env`: `await env.EMAIL.send({"from": …, "to": …, "subject": …, …})`."""

    __slots__ = ("_spec", "_transport", "_worker")

    def __init__(self, transport: Transport, spec: SendEmailSpec, worker: str) -> None:
        """Send by `transport` what `spec` allows."""
        self._transport = transport
        self._spec = spec
        self._worker = worker

    async def send(self, message: Any, /) -> JsDict:
        """Send a mail and return its `messageId`.

        Raises TypeError and ValueError for what is no mail, or goes where the config does not let
        it; OSError where it cannot be handed over.
        """
        mail = await read_mail(self._with_destination(message))
        self._require_allowed(mail)
        await self._transport.send(mail, self._worker)
        return JsDict({"messageId": mail.message_id})

    def _with_destination(self, message: Any) -> Any:
        default = self._spec.default_destination
        if default is None or not isinstance(message, Mapping) or message.get("to") is not None:
            return message
        return {**message, "to": default}

    def _require_allowed(self, mail: OutgoingMail) -> None:
        spec = self._spec
        if spec.senders is not None and mail.sender.lower() not in spec.senders:
            raise ValueError("this binding does not send in the name of `from`")
        if spec.destinations is None:
            return
        if any(address.lower() not in spec.destinations for address in mail.recipients):
            raise ValueError("this binding does not send to every one of the recipients")


def _folded(addresses: Any) -> frozenset[str] | None:
    if addresses is None:
        return None
    return frozenset(str(address).strip().lower() for address in addresses)
