"""Mails that workers send: read, checked, kept in the outbox, and handed to a relay."""

import asyncio
import email
import email.policy
import json
from collections.abc import AsyncIterator
from types import SimpleNamespace

import pytest

from runtime._dev.plugin_pages import PluginPages
from runtime._registry import Registry
from runtime.bindings.send_email import SendEmailPlugin
from runtime.bindings.send_email.messages import MAX_BYTES, read_mail
from runtime.bindings.send_email.relay import SmtpRelay, SmtpSettings
from runtime.plugins import HostError
from workers import Request

MAIL = {
    "from": {"email": "shop@example.com", "name": "The Shop"},
    "to": "alice@example.com",
    "subject": "Grüße ☕",
    "text": "Hello Alice",
    "html": "<p>Hello <b>Alice</b></p>",
}
CONFIG = '[[send_email]]\nname = "EMAIL"\n'
SOURCE = """
    import json
    from workers import Response

    async def on_fetch(request, env):
        try:
            sent = await env.EMAIL.send(json.loads(await request.text()))
        except Exception as error:
            return Response(f"{type(error).__name__}: {error}", status=400)
        return Response(sent.messageId)
    """


async def send(workers, mail=MAIL, *, config: str = CONFIG):
    await workers.load("shop", SOURCE, config=config)
    return await workers.fetch("shop", method="POST", body=json.dumps(mail))


async def outbox_of(workers, path="/cdn-cgi/outbox", *, method="GET", json_wanted=True):
    pages = PluginPages(Registry.discover(), workers.node)
    headers = {"CF-Connecting-IP": "127.0.0.1"}
    if json_wanted:
        headers["Accept"] = "application/json"
    request = Request(f"http://localhost{path}", method=method, headers=headers)
    return await pages.answer(path, request)


async def test_a_mail_waits_in_the_outbox(open_workers) -> None:
    workers = await open_workers(clock=lambda: 1_700_000_000.0)

    response = await send(workers)

    assert (await response.text()).endswith("@example.com>")
    [mail] = json.loads(await (await outbox_of(workers)).text())
    assert mail == {
        "number": 1,
        "worker": "shop",
        "sentAt": "2023-11-14T22:13:20.000+00:00",
        "from": "shop@example.com",
        "to": ["alice@example.com"],
        "subject": "Grüße ☕",
        "text": "Hello Alice\n",
        "html": "<p>Hello <b>Alice</b></p>\n",
    }


async def test_the_log_says_where_and_not_what(workers, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    workers.node.base_url = "http://localhost:8787"

    await send(workers)

    assert 'worker "shop" has sent a mail; read it at http://localhost:8787/cdn-cgi/outbox' in (
        caplog.text
    )
    assert "Alice" not in caplog.text
    assert "alice@" not in caplog.text


async def test_the_page_lists_the_mails_and_shows_each(workers) -> None:
    await send(workers, {**MAIL, "subject": "<script>alert(1)</script>"})

    page = await outbox_of(workers, json_wanted=False)
    one = await outbox_of(workers, "/cdn-cgi/outbox/1", json_wanted=False)
    html = await outbox_of(workers, "/cdn-cgi/outbox/1/html")
    raw = await outbox_of(workers, "/cdn-cgi/outbox/1/raw")

    for text in (await page.text(), await one.text()):
        assert "&lt;script&gt;alert(1)" in text
        assert "<script>" not in text
    assert "Hello Alice" in await (await outbox_of(workers, "/cdn-cgi/outbox/1")).text()
    assert await html.text() == MAIL["html"] + "\n"
    assert html.headers["content-security-policy"].startswith("sandbox; default-src 'none'")
    assert raw.headers["content-type"] == "message/rfc822"
    assert email.message_from_bytes(await raw.bytes())["To"] == "alice@example.com"
    for answer in (page, one, html, raw):
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["x-content-type-options"] == "nosniff"


async def test_an_empty_outbox_says_so(workers) -> None:
    await workers.load("shop", SOURCE, config=CONFIG)

    page = await outbox_of(workers, json_wanted=False)

    assert "No worker has sent a mail yet" in await page.text()


@pytest.mark.parametrize("path", ["/2", "/x", "/1/other"])
async def test_what_is_not_there_is_not_found(workers, path: str) -> None:
    await send(workers)

    assert (await outbox_of(workers, f"/cdn-cgi/outbox{path}")).status == 404


async def test_the_outbox_is_emptied_by_delete_and_by_nothing_else(workers) -> None:
    await send(workers)

    refused = await outbox_of(workers, method="POST")
    kept = json.loads(await (await outbox_of(workers)).text())
    emptied = await outbox_of(workers, method="DELETE")

    assert (refused.status, refused.headers["allow"]) == (405, "DELETE, GET, HEAD")
    assert len(kept) == 1
    assert emptied.status == 204
    assert json.loads(await (await outbox_of(workers)).text()) == []


async def test_the_latest_two_hundred_mails_are_kept(workers) -> None:
    await workers.load("shop", SOURCE, config=CONFIG)
    for _ in range(203):
        await workers.fetch("shop", method="POST", body=json.dumps(MAIL))

    mails = json.loads(await (await outbox_of(workers)).text())

    assert [mail["number"] for mail in mails] == list(range(203, 3, -1))


@pytest.mark.parametrize(
    ("restriction", "mail", "error"),
    [
        ('destination_address = "Alice@example.com"', {}, None),
        ('destination_address = "alice@example.com"', {"to": None}, None),
        ('destination_address = "alice@example.com"', {"cc": "bob@example.com"}, "recipients"),
        ('allowed_destination_addresses = ["bob@example.com"]', {}, "recipients"),
        ('allowed_destination_addresses = ["bob@a.bc", "alice@example.com"]', {}, None),
        ("allowed_destination_addresses = []", {}, "recipients"),
        ('allowed_sender_addresses = ["shop@example.com"]', {}, None),
        ('allowed_sender_addresses = ["other@example.com"]', {}, "in the name of"),
    ],
)
async def test_a_binding_sends_where_the_config_lets_it(
    workers, restriction: str, mail: dict, error: str | None
) -> None:
    response = await send(workers, {**MAIL, **mail}, config=f"{CONFIG}{restriction}\n")

    if error is None:
        assert response.status == 200
    else:
        assert error in await response.text()
        assert json.loads(await (await outbox_of(workers)).text()) == []


async def test_every_field_arrives_in_the_message() -> None:
    mail = await read_mail(
        {
            "from": "The Shop <shop@exämple.com>",
            "to": ["alice@example.com", {"email": "bob@example.com", "name": "Bob"}],
            "cc": "carol@example.com",
            "bcc": ("dave@example.com", "alice@example.com"),
            "replyTo": "help@example.com",
            "subject": "Report",
            "text": "See below",
            "headers": {"X-Campaign": "spring", "List-Unsubscribe": "<https://example.com/u>"},
            "attachments": [
                {"filename": "a.txt", "content": "aGVsbG8=", "type": "text/plain"},
                {"filename": "b.bin", "content": b"\x00\x01"},
                {
                    "filename": "c.png",
                    "content": "plain, not base64",
                    "type": "image/png",
                    "disposition": "inline",
                    "contentId": "logo",
                },
            ],
        }
    )

    message = mail.message
    assert mail.sender == "shop@xn--exmple-cua.com"
    assert mail.recipients == (
        *("alice@example.com", "bob@example.com", "carol@example.com", "dave@example.com"),
    )
    assert str(message["From"]) == "The Shop <shop@xn--exmple-cua.com>"
    assert str(message["To"]) == "alice@example.com, Bob <bob@example.com>"
    assert "Bcc" not in message
    assert (message["Reply-To"], message["X-Campaign"]) == ("help@example.com", "spring")
    attachments = list(message.iter_attachments())
    assert [part.get_filename() for part in attachments] == ["a.txt", "b.bin", "c.png"]
    assert attachments[0].get_content() == "hello"
    assert attachments[1].get_content() == b"\x00\x01"
    assert attachments[2]["Content-ID"] == "<logo>"
    assert attachments[2].get_content_disposition() == "inline"
    assert mail.message_id == message["Message-ID"]


async def test_html_may_stand_alone() -> None:
    mail = await read_mail({**MAIL, "text": None})

    assert mail.message.get_content_type() == "text/html"


RAW = b"From: Shop <shop@example.com>\r\nTo: x@y.z\r\nSubject: Hi\r\nBcc: c@d.e\r\n\r\nHello\r\n"


async def chunks() -> AsyncIterator[bytes]:
    yield RAW[:20]
    yield RAW[20:]


@pytest.mark.parametrize("raw", [RAW, RAW.decode(), bytearray(RAW), chunks()], ids=range(4))
async def test_a_whole_message_is_taken_as_it_is(raw) -> None:
    given = SimpleNamespace(from_="shop@example.com", to="alice@example.com", raw=raw)

    mail = await read_mail(given)

    assert (mail.sender, mail.recipients) == ("shop@example.com", ("alice@example.com",))
    assert mail.message["Subject"] == "Hi"
    assert mail.message.get_content().strip() == "Hello"
    assert "Bcc" not in mail.message


@pytest.mark.parametrize(
    "change",
    [
        {"from": None},
        {"from": []},
        {"from": ["a@b.cd", "e@f.gh"]},
        {"to": None, "cc": None},
        {"to": []},
        {"to": 5},
        {"to": "alice"},
        {"to": "@example.com"},
        {"to": "alice@.com"},
        {"to": "alice@example.com\r\nBcc: bob@example.com"},
        {"to": "a@b.cd, e@f.gh"},
        {"to": {"name": "Alice"}},
        {"to": {"email": "a@b.cd", "name": "A\nB"}},
        {"to": [f"user{n}@example.com" for n in range(51)]},
        {"subject": None},
        {"subject": "two\nlines"},
        {"subject": 5},
        {"text": None, "html": None},
        {"text": 5},
        {"headers": "X: y"},
        {"headers": {"X Y": "z"}},
        {"headers": {"X": "y\r\nBcc: bob@example.com"}},
        {"headers": {"From": "evil@example.com"}},
        {"headers": {"Bcc": "bob@example.com"}},
        {"attachments": {}},
        {"attachments": ["x"]},
        {"attachments": [{"filename": "x"}]},
        {"attachments": [{"content": "eA=="}]},
        {"attachments": [{"filename": "x", "content": "eA==", "type": "text"}]},
        {"text": "x" * MAX_BYTES},
    ],
    ids=lambda change: str(change)[:60],
)
async def test_what_is_no_mail_is_refused(change: dict) -> None:
    with pytest.raises(ValueError, match=r"mail|`|attachment|header") as caught:
        await read_mail({**MAIL, **change})

    assert "bob" not in str(caught.value)


@pytest.mark.parametrize("given", [None, "text", 5, [MAIL], {**MAIL, "too": "x"}], ids=range(5))
async def test_what_is_not_even_like_one_is_a_type_error(given) -> None:
    with pytest.raises(TypeError):
        await read_mail(given)


@pytest.mark.parametrize(
    "given",
    [
        SimpleNamespace(from_="evil@example.com", to="a@b.cd", raw=RAW),
        SimpleNamespace(from_="shop@example.com", to=None, raw=RAW),
        SimpleNamespace(from_="shop@example.com", to="a@b.cd", raw=b"no headers"),
    ],
    ids=["another sender", "no recipient", "no message"],
)
async def test_a_whole_message_that_is_wrong_is_refused(given) -> None:
    with pytest.raises(ValueError, match="`"):
        await read_mail(given)


async def test_a_raw_of_another_type_is_refused() -> None:
    with pytest.raises(TypeError, match="raw"):
        await read_mail(SimpleNamespace(from_="a@b.cd", to="a@b.cd", raw=5))


async def test_a_stream_that_does_not_end_is_cut() -> None:
    async def endless() -> AsyncIterator[bytes]:
        while True:
            yield bytes(1024 * 1024)

    with pytest.raises(ValueError, match="bytes at most"):
        await read_mail(SimpleNamespace(from_="a@b.cd", to="a@b.cd", raw=endless()))


class Relay:
    """An SMTP server that takes mails, or answers everything with one reply."""

    def __init__(self, refusal: bytes | None = None) -> None:
        self.refusal = refusal
        self.commands: list[str] = []
        self.data = b""
        self.port = 0

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 relay ready\r\n")
        while line := await reader.readline():
            command = line.decode().strip()
            self.commands.append(command)
            if self.refusal is not None and command.startswith("RCPT"):
                writer.write(self.refusal)
            elif command == "DATA":
                writer.write(b"354 go on\r\n")
                self.data = await reader.readuntil(b"\r\n.\r\n")
                writer.write(b"250 queued\r\n")
            elif command == "QUIT":
                writer.write(b"221 bye\r\n")
                break
            else:
                writer.write(b"250 fine\r\n")
        await writer.drain()
        writer.close()


@pytest.fixture
async def relay() -> AsyncIterator[Relay]:
    """A relay on a free port."""
    relay = Relay()
    server = await asyncio.start_server(relay.handle, "127.0.0.1", 0)
    relay.port = server.sockets[0].getsockname()[1]
    async with server:
        yield relay


def relay_at(port: int, **options) -> SmtpRelay:
    return SmtpRelay(SmtpSettings(host="127.0.0.1", port=port, tls="none", **options))


async def test_on_a_host_a_mail_goes_to_the_relay(relay: Relay) -> None:
    mail = await read_mail({**MAIL, "bcc": "bob@example.com"})

    await relay_at(relay.port).send(mail, "shop")

    assert [command for command in relay.commands if command.startswith(("MAIL", "RCPT"))] == [
        command
        for command in relay.commands
        if command.startswith(
            ("MAIL FROM:<shop@", "RCPT TO:<alice@example.com", "RCPT TO:<bob@example.com")
        )
    ]
    assert len([command for command in relay.commands if command.startswith("RCPT")]) == 2
    message = email.message_from_bytes(relay.data, policy=email.policy.default)
    assert message["Subject"] == MAIL["subject"]
    assert b"bob@example.com" not in relay.data


async def test_a_relay_that_refuses_is_an_os_error_without_the_mail(
    relay: Relay, caplog: pytest.LogCaptureFixture
) -> None:
    relay.refusal = b"550 no such user alice\r\n"

    with pytest.raises(OSError, match="did not take the mail"):
        await relay_at(relay.port).send(await read_mail(MAIL), "shop")

    assert 'no mail of worker "shop"' in caplog.text
    assert "alice" not in caplog.text


async def test_a_relay_that_is_not_there_is_an_os_error(relay: Relay, unused_tcp_port) -> None:
    with pytest.raises(OSError, match="did not take the mail"):
        await relay_at(unused_tcp_port).send(await read_mail(MAIL), "shop")


class Host:
    """A host of a given mode."""

    mode = "host"

    def now(self) -> float:
        return 0.0


async def test_a_host_needs_to_know_its_relay(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("EDGESTEAD_SMTP_HOST", raising=False)

    with pytest.raises(HostError, match="set EDGESTEAD_SMTP_HOST"):
        async with SendEmailPlugin().own(Host()):
            pass


async def test_the_relay_is_that_of_the_environment(
    monkeypatch: pytest.MonkeyPatch, relay: Relay
) -> None:
    monkeypatch.setenv("EDGESTEAD_SMTP_HOST", "127.0.0.1")
    monkeypatch.setenv("EDGESTEAD_SMTP_PORT", str(relay.port))
    monkeypatch.setenv("EDGESTEAD_SMTP_TLS", "none")
    monkeypatch.setenv("EDGESTEAD_SMTP_PASSWORD", "hunter2")

    async with SendEmailPlugin().own(Host()) as transport:
        await transport.send(await read_mail(MAIL), "shop")

    assert relay.data
    assert "hunter2" not in repr(SmtpSettings())
