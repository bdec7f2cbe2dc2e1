"""Mails: kept in an outbox in local development and in tests, sent by an SMTP relay on a host."""

from runtime.bindings.send_email.plugin import SendEmailPlugin

__all__ = ["SendEmailPlugin"]
