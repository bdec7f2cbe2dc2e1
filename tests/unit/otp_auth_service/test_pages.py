"""The landing page, and where the dashboard will be."""

import base64
import hashlib
import re
from html.parser import HTMLParser

import pytest


class Page(HTMLParser):
    """What stands in a page: elements with their attributes, and the text of each."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.texts: dict[str, str] = {}
        self._open: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag, attrs) -> None:
        self.elements.append((tag, dict(attrs)))
        self._open.append(tag)

    def handle_data(self, data) -> None:
        tag = self._open[-1] if self._open else ""
        self.texts[tag] = self.texts.get(tag, "") + data


async def get(service, path: str):
    return await service.call("GET", path)


async def test_the_landing_page_leads_to_the_dashboard_and_the_description(service) -> None:
    answer = await get(service, "/")

    assert (answer.status, answer.headers["content-type"]) == (200, "text/html; charset=utf-8")
    page = Page(await answer.text())
    links = [attributes["href"] for tag, attributes in page.elements if tag == "a"]
    assert {"/dashboard", "/openapi.json"} <= set(links)


async def test_the_landing_page_has_what_everybody_needs_to_read_it(service) -> None:
    text = await (await get(service, "/")).text()
    page = Page(text)

    tags = [tag for tag, _ in page.elements]
    assert text.startswith("<!doctype html>")
    assert ("html", {"lang": "en"}) in page.elements
    assert tags.count("h1") == tags.count("main") == tags.count("title") == 1
    viewport = {"name": "viewport", "content": "width=device-width, initial-scale=1"}
    assert ("meta", viewport) in page.elements
    assert "prefers-color-scheme: dark" in page.texts["style"]
    assert page.texts["title"].strip()


async def test_the_policy_of_a_page_lets_its_own_style_in_and_nothing_else(service) -> None:
    answer = await get(service, "/")

    text = await answer.text()
    [style] = re.findall(r"<style>(.*?)</style>", text, re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    policy = dict(
        part.strip().split(" ", 1) for part in answer.headers["content-security-policy"].split(";")
    )
    assert policy == {
        "default-src": "'none'",
        "style-src": f"'sha256-{digest}'",
        "base-uri": "'none'",
        "form-action": "'none'",
        "frame-ancestors": "'none'",
    }
    assert "<script" not in text
    assert "style=" not in text
    assert " on" not in " ".join(re.findall(r"<[^>]+>", text))


@pytest.mark.parametrize("path", ["/", "/openapi.json", "/dashboard", "/health/live"])
async def test_every_answer_has_the_security_headers(service, path: str) -> None:
    headers = (await get(service, path)).headers

    assert headers["x-content-type-options"] == "nosniff"
    assert headers["x-frame-options"] == "DENY"
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["strict-transport-security"] == "max-age=31536000; includeSubDomains"


async def test_a_page_can_be_asked_about_without_its_body(service) -> None:
    answer = await service.call("HEAD", "/")

    assert (answer.status, await answer.text()) == (200, "")
    assert "content-security-policy" in answer.headers


@pytest.mark.parametrize("path", ["/dashboard", "/dashboard/", "/dashboard/app.js"])
async def test_there_is_no_dashboard_and_that_is_said(service, path: str) -> None:
    answer = await get(service, path)

    assert answer.headers["content-type"] == "application/problem+json"
    problem = await service.read(answer, 404)
    assert (problem["detail"], problem["code"], problem["instance"]) == (
        "The dashboard is not part of this version",
        "dashboard_not_found",
        path,
    )
