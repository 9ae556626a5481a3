"""Finding the pages whose addresses hold an id: by the links that lead there."""

import re
from urllib.parse import urlsplit

from playwright.sync_api import FilePayload, Page, expect

Addresses = dict[str, str]
TENANT = "/tenants/lumen/"


def explore(page: Page, url: str) -> Addresses:
    """Return the paths by name.

    Adds a webhook and signal streams to which nobody listens, begins to connect Entra, has a
    self-test run, switches auto-termination on, and edits people.
    """
    page.goto(f"{url}/integrations/entra/")
    page.get_by_role("button", name="Create token and start setup").click()
    page.goto(f"{url}/integrations/entra/setup/token/")
    if (create := page.get_by_role("button", name="Create link for IT")).is_visible():
        create.click()
    steps_for_it = page.get_by_label("Link for IT", exact=True).input_value()
    page.goto(f"{url}/integrations/okta/")
    page.get_by_role("link", name="SCIM settings").click()
    page.wait_for_url(f"{url}/integrations/scim/*/")
    scim = urlsplit(page.url).path
    _test(page, f"{url}{scim}self-test/")
    _switch_auto_termination_on(page, f"{url}{scim}offboarding/")
    invite = _found(page, f"{url}/people/updates/invites/", "a[href$='/revoke/']").removesuffix(
        "revoke/"
    )
    page.goto(f"{url}{invite}link/")
    invitation = page.get_by_label("Invite link", exact=True).input_value()
    webhook = _add_webhook(page, url)
    return {
        "webhook": webhook,
        "webhook_delivery": _webhook_delivery(page, f"{url}{webhook}"),
        "signal_stream": (stream := _add_signal_stream(page, url, "Push")),
        "signal_delivery": _found(page, f"{url}{stream}", "tbody a[href*='/deliveries/']"),
        "polled_signal_stream": _add_signal_stream(page, url, "Poll"),
        "person": _found(page, f"{url}/people/", "#result_list .field-name a"),
        **{name: _held(page, url, name) for name in ("card", "fund", "workflow")},
        "holder": _holder(page, url),
        "terminated": _terminated(page, url),
        "approval": _found(page, f"{url}/home/", "a[href*='/home/approvals/']"),
        "chart_person": _found(page, f"{url}/people/org-chart/?q=a", "a[href*='/org-chart/']"),
        "bulk_change": _applied(page, _bulk_edit(page, url)),
        "bulk_edit": _bulk_edit(page, url),
        "uploaded_list": _upload_list(page, url),
        "compared_list": _compare_list(page, url),
        "invite": invite,
        "invitation": urlsplit(invitation).path,
        "error": _found(page, f"{url}/people/updates/errors/", "tbody a[href*='/updates/errors/']"),
        "scim": scim,
        "request": _found(page, f"{url}{scim}requests/", "tbody a[href*='/requests/']"),
        "request_effects": _request_effects(page, f"{url}/people/updates/inactive/"),
        "scheduled_termination": _found(
            page,
            f"{url}/people/departures/",
            "tbody a[href$='/scheduled-termination/']",
        ),
        "tenant": TENANT,
        "member": _found(page, f"{url}{TENANT}provisioned-members/", "tbody a"),
        "refused_sign_in": _found(page, f"{url}{TENANT}log/", "tbody a[href$='/same-person/']"),
        "auth_provider": _auth_provider(page, f"{url}{TENANT}auth-providers/"),
        "openid_provider": _add_openid_provider(page, f"{url}{TENANT}auth-providers/"),
        "setup": "/integrations/entra/setup/",
        "steps_for_it": urlsplit(steps_for_it).path,
    }


def _add_webhook(page: Page, url: str) -> str:
    """Add an endpoint, with a change for it to send, and return its path."""
    page.goto(f"{url}/webhooks/add/")
    # Nothing listens on port 1.
    page.get_by_label("URL", exact=False).first.fill("http://127.0.0.1:1/events")
    page.get_by_role("button", name="Add endpoint").click()
    expect(page.get_by_label("Secret", exact=True)).to_have_value(re.compile("^whsec_"))
    page.get_by_role("link", name="I have copied it").click()
    path = urlsplit(page.url).path
    page.get_by_role("link", name="Create new secret").click()
    page.get_by_role("button", name="Create new secret").click()
    expect(page.get_by_text("This endpoint has two secrets")).to_be_visible()
    return path


def _add_signal_stream(page: Page, url: str, delivery: str) -> str:
    """Add a stream with a verification event, and return its path."""
    page.goto(f"{url}/signal-streams/add/")
    page.get_by_role("textbox", name="Name").fill(f"{delivery} to expenses")
    page.get_by_label(f"{delivery}:", exact=False).check()
    page.get_by_label("URL of the receiver").fill("http://127.0.0.1:1/signals")
    page.get_by_role("button", name="Add stream").click()
    page.get_by_role("link", name="Send verification event").click()
    page.get_by_role("button", name="Send verification event").click()
    expect(page.locator("tbody a[href*='/deliveries/']")).to_be_visible()
    return urlsplit(page.url).path


def _webhook_delivery(page: Page, endpoint: str) -> str:
    """Wait until a worker has made the delivery, and return its path."""
    page.goto(endpoint)
    row = page.locator("tbody a[href*='/deliveries/']").first
    for _ in range(60):
        if row.is_visible():
            break
        page.wait_for_timeout(500)
        page.reload()
    return row.get_attribute("href") or ""


LIST = """Email,Full name,Department
olga.brandt@lumen.example,Olga Brandt,Elsewhere
new.person@lumen.example,New Person,Sales
no address,Nobody,Sales
"""


def _upload_list(page: Page, url: str) -> str:
    page.goto(f"{url}/people/compare/")
    file = FilePayload(name="list.csv", mimeType="text/csv", buffer=LIST.encode())
    page.get_by_label("CSV file").set_input_files(file)
    page.get_by_role("button", name="Upload").click()
    page.wait_for_url("**/columns/")
    return urlsplit(page.url).path.removesuffix("columns/")


def _compare_list(page: Page, url: str) -> str:
    address = _upload_list(page, url)
    page.get_by_role("button", name="Compare").click()
    expect(page.get_by_role("heading", name="Result")).to_be_visible(timeout=90_000)
    return address


def _held(page: Page, url: str, name: str) -> str:
    found = _found(page, f"{url}/spend/{name}s/", "#result_list a[href*='/change/']")
    return found.removesuffix("change/")


def _found(page: Page, address: str, selector: str) -> str:
    page.goto(address)
    return urlsplit(page.locator(selector).first.get_attribute("href") or "").path


def _auth_provider(page: Page, address: str) -> str:
    """Return the key of the demo's provider."""
    return _found(page, address, "tbody a").rstrip("/").rpartition("/")[2]


def _add_openid_provider(page: Page, address: str) -> str:
    """Add a draft of an OpenID provider, which nobody contacts, and return its key."""
    page.goto(f"{address}add/okta/")
    page.get_by_label("Name", exact=False).first.fill("Okta")
    page.get_by_label("Issuer", exact=False).first.fill("https://example.okta.com")
    page.get_by_label("Client ID", exact=False).first.fill("ramp")
    page.get_by_label("Client secret", exact=False).first.fill("a secret")
    page.get_by_role("button", name="Add provider").click()
    expect(page.get_by_role("heading", name="Setup steps at the provider")).to_be_visible()
    return urlsplit(page.url).path.rstrip("/").rpartition("/")[2]


def _holder(page: Page, url: str) -> str:
    """Return the page of somebody who approves at a workflow."""
    workflow = _found(page, f"{url}/spend/workflows/", "#result_list a[href*='/workflows/']")
    page.goto(f"{url}{workflow}")
    approver = page.locator("select[name^='step_'] option[selected]").first
    return f"/people/{approver.get_attribute('value')}/"


def _terminated(page: Page, url: str) -> str:
    """Terminate the last of the inactive people, and return their page."""
    page.goto(f"{url}/people/?state=inactive")
    link = page.locator("#result_list .field-name a").last
    person = link.get_attribute("href") or ""
    page.goto(f"{url}{person}terminate/")
    heading = page.get_by_role("heading", level=1)
    if not page.locator("input[name=name]").is_visible():
        page.get_by_role("button", name="Continue").click()
    name = re.sub("Permanently terminate |[?]$", "", heading.inner_text().strip())
    page.locator("input[name=name]").fill(name)
    page.get_by_role("button", name="Terminate").click()
    page.wait_for_url(f"{url}{person}")
    return person


def _bulk_edit(page: Page, url: str) -> str:
    """Enter a new role for two people, and return the address of this bulk edit."""
    page.goto(f"{url}/people/?role__exact=BUSINESS_USER")
    for row in (0, 1):
        page.locator("input.action-select").nth(row).check()
    page.get_by_label("Select action to run").select_option(label="Edit")
    page.get_by_role("button", name="Run").click()
    page.get_by_label("Role").select_option(label="Bookkeeper")
    page.get_by_role("button", name="Preview").click()
    page.wait_for_url("**/preview/")
    return urlsplit(page.url).path.removesuffix("preview/")


def _applied(page: Page, edit: str) -> str:
    page.get_by_role("button", name="Change 2 people").click()
    page.wait_for_url(f"**{edit}")
    return edit


def _request_effects(page: Page, address: str) -> str:
    """Let somebody in again, and return the page that tells what that did."""
    page.goto(address)
    page.get_by_role("link", name="Reactivate").first.click()
    page.get_by_role("button", name="Reactivate").click()
    link = page.locator("#timeline a[href*='/people/requests/']").first
    return urlsplit(link.get_attribute("href") or "").path


def _test(page: Page, address: str) -> None:
    page.goto(address)
    page.get_by_role("button", name="Run the self-test").click()
    expect(page.get_by_text("steps passed.").first).to_be_visible(timeout=60_000)


def _switch_auto_termination_on(page: Page, address: str) -> None:
    """Switch it on with so many days that nobody is due while the tests run."""
    page.goto(f"{address}?days=365")
    page.get_by_role("button", name="Turn on").click()
    page.wait_for_load_state()
