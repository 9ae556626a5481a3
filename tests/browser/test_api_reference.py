"""The API reference, which Swagger UI renders."""

import json
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.api.test_scopes import NEEDED
from tests.browser.conftest import NARROW, WIDE, Demo


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [NARROW, WIDE])
def test_reference_shows_each_operation_without_requests_to_other_servers(
    browser: Browser, demo: Demo, width: int, scheme: str
) -> None:
    page = browser.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme)  # type: ignore[arg-type]
    asked: list[str] = []
    values: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    # The console says what the Content-Security-Policy refused.
    page.on("console", lambda message: values.append(message.text))
    page.on("pageerror", lambda error: values.append(str(error)))
    page.goto(f"{demo.url}/api/v1/docs/")

    page.get_by_text("List all people who").click()
    expect(page.get_by_text("The name of a department, in any case.")).to_be_visible()
    expect(page.locator(".opblock")).to_have_count(len(NEEDED))
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    hosts = {urlsplit(url).netloc for url in asked if url.startswith("http")}
    assert hosts == {urlsplit(demo.url).netloc}
    assert values == []
    page.close()


def test_token_page_links_to_the_reference_which_sends_requests(page: Page, demo: Demo) -> None:
    demo.sign_in(page)
    page.goto(f"{demo.url}/api-tokens/")
    page.get_by_label("Token name").fill("Try it out")
    page.get_by_label("Read people").check()
    page.get_by_role("button", name="Create token").click()
    token = page.get_by_label("Token", exact=True).input_value()
    page.get_by_role("link", name="API reference").click()

    page.get_by_role("button", name="Authorize", exact=True).click()
    page.get_by_label("auth-bearer-value").fill(token)
    page.get_by_role("button", name="Apply credentials").click()
    page.get_by_role("button", name="Close").last.click()
    page.get_by_text("Count what the tabs of Team updates list").click()
    page.get_by_role("button", name="Try it out").click()
    page.get_by_role("button", name="Execute").click()

    shown = page.locator(".live-responses-table .response-col_description code").first
    expect(shown).to_contain_text("pending_invites")
    assert "inactive_people" in json.loads(shown.inner_text())
