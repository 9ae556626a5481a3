"""Every page, light and dark, wide and narrow, with JavaScript and without."""

import re
from collections.abc import Iterator
from typing import Literal

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.accessibility import axe_violations, color_violations, tree_faults
from tests.browser.conftest import NARROW, WIDE, Demo
from tests.browser.layout import layout_faults
from tests.clients.link_crawler import Addresses, explore

Scheme = Literal["light", "dark"]

PAGES = {
    "overview": "/overview/",
    "people": "/people/",
    "cards": "/spend/cards/",
    "no such card": "/spend/cards/?q=xyzzy",
    "issue a card": "/spend/cards/add/",
    "a card": "{card}change/",
    "end a card": "{card}end/",
    "funds": "/spend/funds/",
    "open a fund": "/spend/funds/add/",
    "a fund": "{fund}change/",
    "workflows": "/spend/workflows/",
    "a workflow": "{workflow}change/",
    "outstanding items": "/spend/outstanding-items/",
    "add an outstanding item": "/spend/outstanding-items/add/",
    "api tokens": "/api-tokens/",
    "webhooks": "/webhooks/",
    "add a webhook": "/webhooks/add/",
    "a webhook": "{webhook}",
    "a webhook without such deliveries": "{webhook}?state=given-up",
    "edit a webhook": "{webhook}edit/",
    "test a webhook": "{webhook}test/",
    "pause a webhook": "{webhook}pause/",
    "resume a webhook": "{webhook}resume/",
    "a new secret of a webhook": "{webhook}rotate/",
    "retire a secret of a webhook": "{webhook}retire/",
    "delete a webhook": "{webhook}delete/",
    "a delivery": "{webhook_delivery}",
    "signal streams": "/signal-streams/",
    "add a signal stream": "/signal-streams/add/",
    "a new signing key": "/signal-streams/new-key/",
    "a signal stream": "{signal_stream}",
    "edit a signal stream": "{signal_stream}edit/",
    "verify a signal stream": "{signal_stream}verify/",
    "pause a signal stream": "{signal_stream}pause/",
    "enable a signal stream": "{signal_stream}enable/",
    "disable a signal stream": "{signal_stream}disable/",
    "delete a signal stream": "{signal_stream}delete/",
    "a polled signal stream": "{polled_signal_stream}",
    "a security event": "{signal_delivery}",
    "nobody found": "/people/?q=xyzzy",
    "filtered people": "/people/?state=active&state=invited&role__exact=BUSINESS_USER",
    "columns of the list": "/people/columns/",
    "saved views": "/people/views/",
    "save a view": "/people/views/add/?state=inactive",
    "organization chart": "/people/org-chart/",
    "a search in the chart": "/people/org-chart/?q=a",
    "a person in the chart": "{chart_person}",
    "edit many people": "{bulk_edit}edit/",
    "preview of a bulk edit": "{bulk_edit}preview/",
    "a bulk edit": "{bulk_change}",
    "undo a bulk edit": "{bulk_change}undo/",
    "invite": "/people/add/",
    "departments": "/people/departments/",
    "a department": "/people/departments/1/change/",
    "locations": "/people/locations/",
    "add a location": "/people/locations/add/",
    "entities": "/people/entities/",
    "roles": "/people/roles/",
    "add a role": "/people/roles/add/",
    "a person": "{person}",
    "edit": "{person}edit/",
    "deactivate": "{person}deactivate/",
    "terminate": "{person}terminate/",
    "terminate a holder": "{holder}terminate/",
    "export personal data": "{person}personal-data/export/",
    "erase personal data": "{terminated}personal-data/erase/",
    "a terminated person": "{terminated}",
    "scheduled_terminations": "/people/departures/",
    "no such scheduled termination": "/people/departures/?q=xyzzy",
    "a scheduled termination": "{scheduled_termination}",
    "terminated people": "/people/terminated/",
    "no such terminated person": "/people/terminated/?q=xyzzy",
    "plan a termination": "{scheduled_termination}plan/",
    "bulk changes": "/people/bulk-changes/",
    "alert thresholds": "/people/bulk-changes/alert-threshold/",
    "audit log": "/audit-log/",
    "audit log of some actions": "/audit-log/?action=person.added&action=role.granted",
    "no such event": "/audit-log/?actor=xyzzy",
    "compare with a list": "/people/compare/",
    "columns of a list": "{uploaded_list}columns/",
    "new people of a list": "{compared_list}?show=new",
    "differences of a list": "{compared_list}?show=different",
    "people who are not in a list": "{compared_list}?show=gone",
    "unreadable rows of a list": "{compared_list}?show=unreadable",
    "apply a list": "{compared_list}apply/",
    "home": "/home/",
    "account": "/account/",
    "account preferences": "/account/preferences/",
    "out of office": "/account/away/",
    "out of office of a person": "{holder}away/",
    "an approval": "{approval}",
    "set up a second factor": "/account/second-factor/set-up/",
    "remove a second factor": "/account/second-factor/remove/",
    "add a passkey": "/account/passkeys/add/",
    "reset a second factor": "{person}reset-second-factor/",
    "sign somebody out": "{person}sign-out/",
    "team updates": "/people/updates/",
    "pending invites": "/people/updates/invites/",
    "no such invite": "/people/updates/invites/?q=xyzzy",
    "search": "/search/",
    "search for something": "/search/?q=okta",
    "search for nothing": "/search/?q=xyzzy",
    "an invite's link": "{invite}link/",
    "revoke an invite": "{invite}revoke/",
    "inactive users": "/people/updates/inactive/",
    "sync errors": "/people/updates/errors/",
    "no errors found": "/people/updates/errors/?q=xyzzy",
    "group members": "/people/updates/members/",
    "a sync error": "{error}",
    "retry": "{error}retry/",
    "dismiss": "{error}dismiss/",
    "why": "/people/why/",
    "why somebody is not here": "/people/why/?who=nobody@lumen.example",
    "invite settings": "/people/invite-settings/",
    "what a page view did": "{request_effects}",
    "integrations": "/integrations/",
    "no such integration": "/integrations/?q=xyzzy",
    "okta": "/integrations/okta/",
    "rippling": "/integrations/rippling/",
    "onelogin": "/integrations/onelogin/",
    "token": "{setup}token/",
    "steps": "{setup}steps/",
    "first request": "{setup}first-request/",
    "review": "{setup}review/",
    "only in ramp": "{setup}review/?show=here",
    "activate": "{setup}activate/",
    "give up": "{setup}abandon/",
    "activated": "/integrations/okta/setup/activate/",
    "scim settings": "{scim}",
    "mapping": "{scim}mapping/",
    "tokens": "{scim}tokens/",
    "requests": "{scim}requests/",
    "refused requests": "{scim}requests/?outcome=errors",
    "a request": "{request}",
    "self-test": "{scim}self-test/",
    "self-test report": "{scim}self-test/okta/",
    "certification": "{scim}certification/",
    "what if": "{scim}what-if/",
    "offboarding": "{scim}offboarding/?days=400",
    "disconnect": "{scim}disconnect/",
    "tenant settings": "{tenant}settings/",
    "auth providers": "{tenant}auth-providers/",
    "add entra": "{tenant}auth-providers/add/entra/",
    "add a directory": "{tenant}auth-providers/add/ldap/",
    "add an active directory": "{tenant}auth-providers/add/active-directory/",
    "add windows": "{tenant}auth-providers/add/windows/",
    "an auth provider": "{tenant}auth-providers/{auth_provider}/",
    "test connection": "{tenant}auth-providers/{auth_provider}/test/",
    "test universal logout": ("{tenant}auth-providers/{openid_provider}/test-universal-logout/"),
    "shared signals": "{tenant}auth-providers/{openid_provider}/signals/",
    "move people to a provider": "{tenant}auth-providers/{auth_provider}/people/",
    "link a refused sign-in": "{refused_sign_in}",
    "remove a provider": "{tenant}auth-providers/{auth_provider}/remove/",
    "auth settings": "{tenant}auth-settings/",
    "provisioned members": "{tenant}provisioned-members/",
    "no such member": "{tenant}provisioned-members/?q=xyzzy",
    "a provisioned member": "{member}",
    "group mappings": "{tenant}mappings/",
    "a near miss": "{tenant}mappings/?group=Auditors",
    "preview of mappings": "{tenant}mappings/{auth_provider}/apply/",
    "provider log": "{tenant}log/",
    "no such attempt": "{tenant}log/?q=xyzzy",
    "directory": "{tenant}directory/{auth_provider}/",
    "groups of the directory": "{tenant}directory/{auth_provider}/groups/",
    "somebody of the directory": "{tenant}directory/{auth_provider}/person/?id=mina.osei",
    "a group of the directory": "{tenant}directory/{auth_provider}/group/?id=Partners",
    "internal users": "{tenant}internal-users/",
    "no such internal user": "{tenant}internal-users/?q=xyzzy",
    "add an internal user": "{tenant}internal-users/add/",
}
# What strangers see.
PUBLIC = {
    "sign in": "/sign-in/",
    "a company's sign in": "/sign-in/lumen/",
    "forgot password": "/forgot-password/",
    "a password link that is none": "/reset-password/nonsense/",
    "accept an invite": "{invitation}",
    "an invite that is none": "/invite/nonsense/",
    "steps for it": "{steps_for_it}",
    "a digest to end that is none": "/unsubscribe/nonsense/",
    "an address to confirm that is none": "/confirm-address/nonsense/",
    "an unsubscribe link that is none": "/unsubscribe/nonsense/",
}
# Collects what the Content-Security-Policy keeps the page from loading or running.
NOTE_WHAT_THE_POLICY_BLOCKS = """
  window.blockedByPolicy = [];
  document.addEventListener("securitypolicyviolation", (event) =>
    blockedByPolicy.push(`${event.violatedDirective}: ${event.blockedURI} ${event.sample}`));
"""
# unfold reads the color scheme of the browser when a page is loaded, and when its own setting
# changes. What fades to its new color is at its end at once.
FOLLOW_THE_BROWSER = """async () => {
  const theme = window.Alpine?.$data(document.documentElement) ?? {};
  if (theme.adminTheme === "auto") {
    theme.adminTheme = "light";
    theme.adminTheme = "auto";
    await Alpine.nextTick();
  }
  await new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));
  for (const change of document.getAnimations()) {
    if (change instanceof CSSTransition) change.finish();
  }
  return getComputedStyle(document.body).backgroundColor;
}"""


@pytest.fixture(scope="module")
def addresses(browser: Browser, demo: Demo) -> Addresses:
    page = browser.new_page()
    demo.sign_in(page)
    found = explore(page, demo.url)
    page.close()
    return found


@pytest.fixture(scope="module")
def visitor(browser: Browser, demo: Demo) -> Iterator[Page]:
    page = browser.new_page()
    page.add_init_script(NOTE_WHAT_THE_POLICY_BLOCKS)
    demo.sign_in(page)
    yield page
    page.close()


@pytest.fixture(scope="module")
def stranger(browser: Browser) -> Iterator[Page]:
    page = browser.new_page()
    page.add_init_script(NOTE_WHAT_THE_POLICY_BLOCKS)
    yield page
    page.close()


@pytest.fixture(scope="module")
def plain(browser: Browser, demo: Demo) -> Iterator[Page]:
    """Let somebody in whose browser runs no scripts."""
    page = browser.new_page(java_script_enabled=False)
    demo.sign_in(page)
    yield page
    page.close()


@pytest.mark.parametrize("address", PAGES.values(), ids=PAGES)
def test_is_readable_by_everybody_and_fits(
    visitor: Page, demo: Demo, addresses: Addresses, address: str
) -> None:
    load(visitor, demo.url + address.format_map(addresses))

    assert problems(visitor) == []


@pytest.mark.parametrize("address", PUBLIC.values(), ids=PUBLIC)
def test_is_readable_by_strangers_and_fits(
    stranger: Page, demo: Demo, addresses: Addresses, address: str
) -> None:
    load(stranger, demo.url + address.format_map(addresses))

    assert problems(stranger) == []


@pytest.mark.parametrize("address", PAGES.values(), ids=PAGES)
def test_is_there_without_scripts(
    plain: Page, demo: Demo, addresses: Addresses, address: str
) -> None:
    response = plain.goto(demo.url + address.format_map(addresses))

    assert response
    assert response.status == 200
    expect(plain.get_by_role("heading", level=1)).to_be_visible()
    assert plain.locator("#main").inner_text().strip()


def test_foretells_readably(visitor: Page, demo: Demo, addresses: Addresses) -> None:
    load(visitor, demo.url + "{scim}what-if/?example=add".format_map(addresses))
    visitor.get_by_role("button", name="Run dry run").click()
    expect(visitor.get_by_text("201: the request would be accepted.")).to_be_visible()

    assert problems(visitor) == []


def test_is_readable_while_certification_is_on(
    page: Page, demo: Demo, addresses: Addresses
) -> None:
    page.add_init_script(NOTE_WHAT_THE_POLICY_BLOCKS)
    # The visitor may have signed in more than 15 minutes ago, and would have to confirm it.
    demo.sign_in(page)
    load(page, demo.url + "{scim}certification/".format_map(addresses))
    page.get_by_role("button", name="Turn on for 60 minutes").click()
    page.get_by_role("button", name="Add a token for the suite").click()
    expect(page.get_by_label("auth", exact=True)).to_have_value(re.compile("^Bearer ramp_scim_"))

    assert problems(page) == []

    page.get_by_role("button", name="Turn off now").click()
    expect(page.get_by_text("Certification is off.")).to_be_visible()


def load(page: Page, url: str) -> None:
    """Load a page as it looks first."""
    page.emulate_media(color_scheme="light")
    page.set_viewport_size({"width": WIDE, "height": 900})
    page.goto(url)


def problems(page: Page) -> list[str]:
    """Return what is wrong with a loaded page in each color scheme and width.

    The page is not loaded anew for each: the browser's settings change under it. The color scheme
    matters only for the rules about colors.
    """
    page.wait_for_function("!document.documentElement.hasAttribute('x-cloak')")
    light = change_look(page, "light", WIDE)
    found = axe_violations(page) + tree_faults(page)
    dark = change_look(page, "dark", WIDE)
    # Otherwise the dark page would have been the light one.
    assert light != dark
    found += [f"dark: {one}" for one in color_violations(page)]
    change_look(page, "light", NARROW)
    found += [f"narrow: {one}" for one in axe_violations(page)]
    blocked: list[str] = page.evaluate("window.blockedByPolicy ?? []")
    return found + layout_faults(page) + blocked


def change_look(page: Page, scheme: Scheme, width: int) -> str:
    """Change the color scheme and the width of the page; return its background color."""
    page.emulate_media(color_scheme=scheme)
    page.set_viewport_size({"width": width, "height": 900})
    background: str = page.evaluate(FOLLOW_THE_BROWSER)
    return background
