"""The pictures of docs/guides: the pages of a new company that connects its providers."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

from playwright.sync_api import Page, ViewportSize, sync_playwright

from tests.browser.conftest import FLAGS
from tests.replay.client import Client
from tests.services.migrated import copy_sqlite_file
from tests.services.postgres_redis_smtp import chromium
from tests.services.server import Server

SIZE: Final[ViewportSize] = {"width": 1280, "height": 900}
OWNER, PASSWORD = "olga@acme.example.com", "correct horse battery"
CORE: Final = "urn:ietf:params:scim:schemas:core:2.0"
ENTERPRISE: Final = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
# The pictures show the address of an installation, and not that of this server.
SHOW_ADDRESS: Final = """(address) => {
  const host = "ramp.acme.example.com";
  const shown = (text) =>
    text.replaceAll(address, `https://${host}`).replaceAll("127.0.0.1", host);
  for (const field of document.querySelectorAll("input:not([type=file]), textarea"))
    field.value = shown(field.value);
  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (texts.nextNode()) texts.currentNode.data = shown(texts.currentNode.data);
}"""


def take_all(out: Path) -> None:
    """Take each picture; about two minutes."""
    with _company() as server, _page() as page:
        camera = _Camera(out, server, page)
        _sign_in(server, page)
        camera.take("/integrations/", "integrations")
        _begin(server, page, "okta")
        okta = Client(server.scim_url, page.get_by_label("Token", exact=True).input_value())
        camera.take("/integrations/okta/setup/steps/", "okta-steps")
        _send_people(okta)
        camera.take("/integrations/okta/setup/review/", "review")
        page.goto(f"{server.url}/integrations/okta/setup/activate/")
        page.get_by_role("button", name="Activate Okta").click()
        page.get_by_role("heading", name="Activation complete").wait_for()
        okta.send("POST", "/Users", {}, json.dumps(_person("Noor", "Haddad", city="")).encode())
        camera.take("/people/updates/errors/", "sync-errors")
        for provider in ("entra", "rippling", "onelogin", "ping", "jumpcloud"):
            _begin(server, page, provider)
            camera.take(f"/integrations/{provider}/setup/steps/", f"{provider}-steps")
        for preset in ("okta", "entra", "google", "keycloak", "active-directory", "windows"):
            camera.take(f"/tenants/acme/auth-providers/add/{preset}/", f"{preset}-sign-in")


class _Camera:
    def __init__(self, out: Path, server: Server, page: Page) -> None:
        self._out, self._server, self._page = out, server, page

    def take(self, path: str, name: str) -> None:
        page = self._page
        page.goto(self._server.url + path)
        page.wait_for_function("!document.documentElement.hasAttribute('x-cloak')")
        page.evaluate(SHOW_ADDRESS, self._server.url)
        page.screenshot(path=self._out / f"{name}.png")


def _sign_in(server: Server, page: Page) -> None:
    page.goto(f"{server.url}/sign-in/")
    page.get_by_label("Email address").fill(OWNER)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url(f"{server.url}/overview/")


def _begin(server: Server, page: Page, provider: str) -> None:
    page.goto(f"{server.url}/integrations/{provider}/")
    if provider == "rippling":
        page.get_by_label("Default department").fill("General")
        page.get_by_label("Default location").fill("Berlin")
    page.get_by_role("button", name="Create token and start setup").click()
    page.get_by_label("Token", exact=True).wait_for()


def _send_people(okta: Client) -> None:
    for given, family, city in (
        ("Mira", "Okafor", "Berlin"),
        ("Tomas", "Berg", "Oslo"),
        ("Priya", "Natarajan", "London"),
    ):
        okta.send("POST", "/Users", {}, json.dumps(_person(given, family, city)).encode())


def _person(given: str, family: str, city: str) -> dict[str, Any]:
    email = f"{given}.{family}@acme.example.com".lower()
    return {
        "schemas": [f"{CORE}:User", ENTERPRISE],
        "userName": email,
        "name": {"givenName": given, "familyName": family},
        "emails": [{"value": email, "type": "work", "primary": True}],
        "addresses": [{"type": "work", "locality": city}],
        "active": True,
        ENTERPRISE: {"department": "Engineering"},
    }


@contextmanager
def _company() -> Iterator[Server]:
    with TemporaryDirectory() as folder:
        copy_sqlite_file(Path(folder, "ramp.sqlite3"))
        server = Server(Path(folder), f"sqlite:///{folder}/ramp.sqlite3")
        try:
            owner = ("--owner-email", OWNER, "--owner-password", PASSWORD)
            server.manage("create_tenant", "acme", "--name", "Acme", *owner)
            yield server
        finally:
            server.end()


@contextmanager
def _page() -> Iterator[Page]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium(), args=FLAGS)
        yield browser.new_page(viewport=SIZE)
        browser.close()
