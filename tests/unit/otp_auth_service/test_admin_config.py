"""A tenant's own settings by the admin API."""

import pytest

from workers import Response

SUPER_KEY = "the key of the super admin"
PATH = "/admin/config"


async def put(service, token: str, config: object, status: int = 200):
    return await service.read(await service.call("PUT", PATH, json=config, token=token), status)


async def test_settings_are_kept_by_customer_api(service, owner) -> None:
    config = {
        "allowedOrigins": ["https://shop.example.com", "https://*.example.org", "*"],
        "allowedIPs": ["192.0.2.1", "192.0.2.0/24", "2001:db8::/32"],
        "emailConfig": {"appName": "Shop", "brandColor": "#ff0000"},
        "theme": {"dark": True},
    }

    answered = await put(service, owner["token"], config)

    assert answered == {"success": True, "customerId": owner["customerId"], "config": config}
    read = await service.read(await service.call("GET", PATH, token=owner["token"]))
    assert read == answered
    assert (await service.customers.get(owner["customerId"]))["config"] == config


async def test_members_that_are_not_sent_stay_and_null_is_the_default(service, owner) -> None:
    await put(service, owner["token"], {"allowedIPs": ["192.0.2.1"], "a": 1})

    answered = await put(service, owner["token"], {"allowedIPs": None, "b": 2})

    assert answered["config"] == {"allowedIPs": None, "a": 1, "b": 2}


@pytest.mark.parametrize(
    ("config", "field", "message"),
    [
        ({"allowedOrigins": "*"}, "allowedOrigins", "must be a list of up to 100 texts"),
        ({"allowedOrigins": ["*"] * 101}, "allowedOrigins", "must be a list of up to 100 texts"),
        (
            {"allowedOrigins": ["*", "shop.example.com"]},
            "allowedOrigins.1",
            "must be an origin such as https://shop.example.com",
        ),
        (
            {"allowedOrigins": [7]},
            "allowedOrigins.0",
            "must be an origin such as https://shop.example.com",
        ),
        ({"allowedIPs": {}}, "allowedIPs", "must be a list of up to 100 texts"),
        (
            {"allowedIPs": ["localhost"]},
            "allowedIPs.0",
            "must be an address such as 192.0.2.1 or 192.0.2.0/24",
        ),
        ({"emailConfig": []}, "emailConfig", "must be an object"),
        ({"emailConfig": {"appName": " "}}, "emailConfig.appName", "must be a text"),
        ({"emailConfig": {"subject": 7}}, "emailConfig.subject", "must be a text"),
        (
            {"emailConfig": {"htmlTemplate": "<p>Hello</p>"}},
            "emailConfig.htmlTemplate",
            "must be a text with {{otp}} in it",
        ),
        (
            {"emailConfig": {"textTemplate": "Hello"}},
            "emailConfig.textTemplate",
            "must be a text with {{otp}} in it",
        ),
        (
            {"emailConfig": {"brandColor": "red;background:url(x)"}},
            "emailConfig.brandColor",
            "must be a colour such as #2563eb",
        ),
        (
            {"emailConfig": {"supportUrl": "javascript:alert(1)"}},
            "emailConfig.supportUrl",
            "must be a URL such as https://example.com/help",
        ),
        (
            {"emailConfig": {"logoUrl": "http://example.com/a.png"}},
            "emailConfig.logoUrl",
            "must be a URL such as https://example.com/logo.png",
        ),
        (
            {"emailConfig": {"colour": "#fff"}},
            "emailConfig.colour",
            "is not one of appName, subject, htmlTemplate, textTemplate, footerText, brandColor, "
            "supportUrl, logoUrl",
        ),
    ],
)
async def test_a_setting_that_cannot_work_is_refused_by_name(
    service, owner, config, field, message
) -> None:
    answered = await put(service, owner["token"], config, 400)

    assert answered == {
        "error": f"{field} {message}",
        "errors": [{"field": field, "message": message}],
    }
    assert (await service.customers.get(owner["customerId"])).get("config") == {}


async def test_every_fault_is_told_at_once(service, owner) -> None:
    answered = await put(service, owner["token"], {"allowedOrigins": 1, "allowedIPs": 1}, 400)

    assert [error["field"] for error in answered["errors"]] == ["allowedOrigins", "allowedIPs"]


async def test_what_customer_api_refuses_is_passed_on_in_words(service, owner) -> None:
    answered = await put(service, owner["token"], {"big": "x" * 17_000}, 400)

    assert answered["error"] == "config must have at most 16384 bytes of JSON together"


async def test_a_change_takes_effect_at_once(service, owner) -> None:
    api_key = await service.new_api_key(owner["customerId"])
    origin = {"Origin": "https://shop.example.com"}
    before = await service.call("GET", "/health/live", api_key=api_key, headers=origin)

    await put(
        service,
        owner["token"],
        {"allowedOrigins": ["https://shop.example.com"], "allowedIPs": ["198.51.100.0/24"]},
    )

    let_in = await service.call(
        "GET", "/health/live", api_key=api_key, headers=origin, ip="198.51.100.7"
    )
    kept_out = await service.call("GET", "/health/live", api_key=api_key, headers=origin)
    assert "access-control-allow-origin" not in before.headers
    assert let_in.headers["access-control-allow-origin"] == "https://shop.example.com"
    assert (await service.read(kept_out, 403))["detail"] == "IP address not allowed"


async def test_mails_have_the_tenants_own_words(service, owner) -> None:
    api_key = await service.new_api_key(owner["customerId"])
    await put(service, owner["token"], {"emailConfig": {"appName": "Shop", "subject": "Hi"}})

    await service.request_code("bob@example.com", api_key=api_key)

    assert service.outbox.mails[-1]["subject"] == "Hi"


async def test_a_template_without_a_place_for_the_code_is_not_used(service, owner) -> None:
    # customer-api takes it from the owner, without knowing what it is for.
    template = {"htmlTemplate": "<p>Hello</p>", "textTemplate": "Hello"}
    await service.customers.change(owner["customerId"], config={"emailConfig": template})
    api_key = await service.new_api_key(owner["customerId"])

    code = await service.request_code("bob@example.com", api_key=api_key)

    assert code in service.outbox.mails[-1]["html"]


async def test_a_change_is_logged_by_the_names_of_what_was_changed(service, owner) -> None:
    await put(service, owner["token"], {"theme": "secret?", "a": 1})

    log = await service.read(await service.call("GET", "/admin/audit-logs", token=owner["token"]))
    assert log["events"] == [
        {
            "eventType": "config_changed",
            "timestamp": "2026-03-10T12:00:00.000Z",
            "by": owner["userId"],
            "changed": ["a", "theme"],
        }
    ]


async def test_a_super_admin_says_whose_settings(service, owner) -> None:
    without = await service.call("GET", PATH, token=SUPER_KEY)
    named = await service.call(
        "PUT", f"{PATH}?customerId={owner['customerId']}", json={"a": 1}, token=SUPER_KEY
    )

    assert await service.read(without, 400) == {"error": "Say whose settings: ?customerId=…"}
    assert (await service.read(named))["config"] == {"a": 1}


async def test_a_customer_deleted_meanwhile_is_not_found(service, owner) -> None:
    async def delete() -> None:
        await service.customers.send("DELETE", f"/customer/{owner['customerId']}")

    service.during_next_question(delete)

    assert await put(service, owner["token"], {"a": 1}, 404) == {"error": "Customer not found"}


async def test_a_refusal_of_customer_api_without_fields_is_passed_on_too(service, owner) -> None:
    def refuse(request):
        if request.method == "PUT":
            return Response.json({"detail": "The body is over 65536 bytes"}, status=413)
        return None

    service.customers.answer = refuse

    answered = await put(service, owner["token"], {"a": 1}, 413)

    assert answered == {"error": "The body is over 65536 bytes"}


@pytest.mark.parametrize("status", [401, 403, 500, 502])
async def test_what_is_not_the_tenants_fault_is_not_told(service, owner, status: int) -> None:
    def refuse(request):
        if request.method == "PUT":
            return Response.json({"detail": "a secret is wrong"}, status=status)
        return None

    service.customers.answer = refuse

    answered = await put(service, owner["token"], {"a": 1}, 503)

    assert answered == {
        "error": "Customer accounts are unavailable at the moment. Please try again shortly."
    }


async def test_an_origin_that_only_a_star_lets_in_never_sends_credentials(service, owner) -> None:
    api_key = await service.new_api_key(owner["customerId"])
    await put(service, owner["token"], {"allowedOrigins": ["*", "https://shop.example.com"]})

    origins = ("https://evil.example", "https://shop.example.com")
    evil, shop = [
        (
            await service.call("GET", "/health/live", api_key=api_key, headers={"Origin": origin})
        ).headers
        for origin in origins
    ]

    assert evil["access-control-allow-origin"] == "https://evil.example"
    assert "access-control-allow-credentials" not in evil
    assert shop["access-control-allow-credentials"] == "true"
