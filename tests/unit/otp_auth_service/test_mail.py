"""What stands in a mail, and who delivers it."""

import asyncio
import json

import pytest

from otp_auth_service.mail.senders import ResendSender
from otp_auth_service.mail.templates import MailTemplate, render_mail
from workerkit import Problem
from workers import Request, Response
from workers.rpc import JsDict

ALICE = "alice@example.com"


def rendered(**config):
    return render_mail(
        MailTemplate.of_tenant({"emailConfig": config}), to=ALICE, code="042424", expires_in_s=600
    )


def test_a_mail_says_all_that_one_needs() -> None:
    mail = rendered()

    assert mail.to == ALICE
    assert mail.subject == "Your Verification Code - Idling.app"
    for text in (mail.html, mail.text):
        assert "042424" in text
        assert "10 minutes" in text
        assert ALICE in text
        assert "{{" not in text


def test_there_is_no_tracking() -> None:
    html = rendered().html

    assert "<img" not in html
    assert "http" not in html


def test_a_tenant_has_words_and_colours_of_its_own() -> None:
    mail = rendered(
        appName="Zoë's Shop",
        subject="{{otp}} for {{appName}}",
        brandColor="#ff8800",
        footerText="Bye",
        supportUrl="https://shop.example/help?a=1&b=2",
        logoUrl="https://shop.example/logo.png",
    )

    assert mail.subject == "042424 for Zoë's Shop"
    assert "Zoë&#x27;s Shop" in mail.html
    assert "Zoë's Shop" in mail.text
    assert "color:#ff8800" in mail.html
    assert 'href="https://shop.example/help?a=1&amp;b=2"' in mail.html
    assert "https://shop.example/help?a=1&b=2" in mail.text
    assert '<img src="https://shop.example/logo.png"' in mail.html
    assert "Bye" in mail.html
    assert "Bye" in mail.text


def test_a_tenant_has_templates_of_its_own() -> None:
    mail = rendered(
        htmlTemplate="<b>{{ otp }}</b> {{userEmail}} {{unknown}}",
        textTemplate="{{otp}} for {{expiresIn}} min",
    )

    assert mail.html == f"<b>042424</b> {ALICE} "
    assert mail.text == "042424 for 10 min"


def test_values_are_escaped_in_html() -> None:
    mail = rendered(appName='<script>alert("x")</script>', footerText="a & b")

    assert "<script>" not in mail.html
    assert "&lt;script&gt;alert(&quot;x&quot;)" in mail.html
    assert "a &amp; b" in mail.html


def test_a_value_is_no_template() -> None:
    mail = rendered(appName="{{otp}}", subject="{{appName}}")

    assert mail.subject == "{{otp}}"


def test_a_subject_is_one_line() -> None:
    mail = rendered(subject="Hello\r\nBcc: everybody@example.com" + "x" * 500)

    assert mail.subject.startswith("Hello Bcc: everybody@example.com")
    assert len(mail.subject) == 200


@pytest.mark.parametrize(
    "config",
    [
        {"brandColor": "red;background:url(https://evil.example)"},
        {"brandColor": 5},
        {"supportUrl": "javascript:alert(1)"},
        {"logoUrl": 'https://evil.example/"onerror="x'},
        {"logoUrl": "http://shop.example/logo.png"},
        {"appName": " "},
        {"appName": ["x"]},
        {"unknown": "x"},
    ],
    ids=str,
)
def test_what_a_tenant_says_wrongly_changes_nothing(config) -> None:
    assert rendered(**config) == rendered()


@pytest.mark.parametrize("config", [{}, {"emailConfig": None}, {"emailConfig": "x"}])
def test_a_tenant_may_say_nothing(config) -> None:
    assert MailTemplate.of_tenant(config) == MailTemplate()


@pytest.fixture
def resend(service, host):
    """Resend in the place of everything outside, answering 200."""
    host.answer = lambda request: Response.json({"id": "1"})
    service.configure(RESEND_API_KEY="re_key", RESEND_FROM_EMAIL="Shop <noreply@shop.example>")
    return host


async def test_resend_is_sent_a_mail(service, resend) -> None:
    answer = await service.call("POST", "/auth/request-otp", json={"email": ALICE})

    await service.read(answer)
    [request] = resend.requests
    sent = await request.json()
    assert (request.method, request.url) == ("POST", "https://api.resend.com/emails")
    assert request.headers["authorization"] == "Bearer re_key"
    assert request.headers["content-type"] == "application/json"
    assert list(sent) == ["from", "to", "subject", "html", "text"]
    assert sent["from"] == "Shop <noreply@shop.example>"
    assert sent["to"] in (ALICE, [ALICE])
    assert sent["subject"] == "Your Verification Code - Idling.app"
    assert service.outbox.mails == []


@pytest.mark.parametrize(
    ("resend_status", "status"), [(400, 502), (401, 502), (422, 502), (429, 503), (500, 503)]
)
async def test_a_refusal_of_resend_is_told_in_a_users_words(
    service, resend, caplog: pytest.LogCaptureFixture, resend_status: int, status: int
) -> None:
    resend.answer = lambda request: Response.json(
        {"message": "API key re_key is bad"}, status=resend_status
    )

    answer = await service.call("POST", "/auth/request-otp", json={"email": ALICE})

    problem = await service.read(answer, status)
    assert "re_key" not in json.dumps(problem)
    assert "re_key" not in caplog.text
    assert "try again" in problem["detail"]


async def test_a_network_that_is_down_is_told_in_a_users_words(service, resend) -> None:
    def fail(request: Request) -> Response:
        raise OSError("connection refused")

    resend.answer = fail

    problem = await service.read(
        await service.call("POST", "/auth/request-otp", json={"email": ALICE}), 503
    )

    assert "refused" not in problem["detail"]


async def test_resend_is_waited_for_so_long_only(resend) -> None:
    async def never(request: Request) -> Response:
        await asyncio.Event().wait()
        raise AssertionError("never set")

    resend.fetch = never
    mail = rendered()

    with pytest.raises(Problem) as caught:
        await ResendSender("re_key", "noreply@shop.example", timeout_s=0.01).send(mail)

    assert caught.value.status == 503


async def test_resend_needs_a_sender_or_the_binding_is_used(service, resend) -> None:
    service.configure(RESEND_FROM_EMAIL=None)

    await service.request_code()

    assert resend.requests == []
    assert service.outbox.mails[0]["from"] == "noreply@idling.app"


async def test_the_binding_is_given_what_it_takes_on_cloudflare_too(service) -> None:
    await service.request_code()

    # There, a dict of Python's is no object: it is converted first.
    [mail] = service.outbox.mails
    assert isinstance(mail, JsDict)


async def test_the_mails_of_a_tenant_have_its_words(service) -> None:
    customer_id = await service.customers.create(
        "shop@example.com", config={"emailConfig": {"appName": "The Shop"}}
    )
    api_key = await service.new_api_key(customer_id)

    await service.request_code(api_key=api_key)

    assert service.outbox.mails[0]["subject"] == "Your Verification Code - The Shop"
