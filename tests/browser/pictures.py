"""Take pictures of every page: in each width, light and dark.

python -m tests.browser.pictures --out /tmp/pictures
python -m tests.browser.pictures --out /tmp/pictures --pages 'cards|funds' --width 390 --scheme dark

This starts a Ramp with the example company of `make demo`, and ends it afterwards. The pictures of
a width and a color scheme are in a folder, such as 390-dark.
"""

import argparse
import json
import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from playwright.sync_api import Browser, Error, Page, sync_playwright

from tests.browser import more_pages
from tests.browser.conftest import FLAGS, LONG_NAMES, Demo
from tests.browser.contact_sheets import make_sheets
from tests.browser.test_every_page import PAGES, PUBLIC, Scheme, change_look
from tests.clients.link_crawler import Addresses, explore
from tests.services.migrated import copy_sqlite_file
from tests.services.postgres_redis_smtp import chromium
from tests.services.server import Server

WIDTHS: Final = (390, 768, 1280, 1600)
FOR_STRANGERS: Final = PUBLIC | more_pages.FOR_STRANGERS
FOR_ADMINISTRATORS: Final = PAGES | more_pages.FOR_ADMINISTRATORS
ALL: Final = (
    FOR_STRANGERS | more_pages.FOR_OPERATORS | more_pages.FOR_EMPLOYEES | FOR_ADMINISTRATORS
)
SCHEMES: Final[tuple[Scheme, ...]] = ("light", "dark")
# A form without its token, as after a visitor has signed in again in another tab.
SEND_WITHOUT_TOKEN: Final = """() => {
  for (const input of document.querySelectorAll("[name=csrfmiddlewaretoken]")) input.value = "";
  document.querySelector("#main form").submit();
}"""


@dataclass
class Camera:
    """Takes the pictures of a page that is loaded."""

    out: Path
    widths: list[int]
    schemes: list[Scheme]
    wanted: re.Pattern[str]
    taken: list[str] = field(default_factory=list)

    def visit(self, page: Page, name: str, url: str) -> None:
        """Load a page and take its pictures, unless only others are wanted."""
        if self.wants(name):
            page.goto(url)
            self.take(page, name)

    def wants(self, name: str) -> bool:
        return bool(self.wanted.search(name))

    def take(self, page: Page, name: str) -> None:
        page.wait_for_function("!document.documentElement.hasAttribute('x-cloak')")
        self.taken.append(name)
        file = f"{len(self.taken):03} {re.sub('[^a-z0-9]+', '-', name.lower())}.png"
        for scheme in self.schemes:
            for width in self.widths:
                change_look(page, scheme, width)
                # In a window of this height, nothing that sticks to its edges covers the page.
                height = page.evaluate("document.documentElement.scrollHeight")
                page.set_viewport_size({"width": width, "height": height})
                page.screenshot(path=self.out / f"{width}-{scheme}" / file)


def main() -> int:
    arguments = _arguments()
    camera = Camera(
        arguments.out,
        arguments.width or list(WIDTHS),
        arguments.scheme or list(SCHEMES),
        re.compile(arguments.pages),
    )
    with _demo() as (server, demo, token), _browser() as browser:
        administrator = browser.new_page()
        demo.sign_in(administrator)
        needs_addresses = any("{" in ALL[name] for name in filter(camera.wants, ALL))
        found = explore(administrator, server.url) if needs_addresses else {}
        addresses = found | more_pages.furnish(server, token)
        _take_all(camera, browser, administrator, server, addresses)
        if arguments.sheets:
            make_sheets(browser, camera.out)
    sys.stdout.write(f"{len(camera.taken)} pages\n")
    return 0


def _take_all(
    camera: Camera, browser: Browser, administrator: Page, server: Server, addresses: Addresses
) -> None:
    enter = partial(_signed_in, browser, server)
    visits: list[tuple[dict[str, str], Callable[[], Page]]] = [
        (FOR_STRANGERS, browser.new_page),
        (more_pages.FOR_OPERATORS, partial(enter, more_pages.OPERATOR)),
        (more_pages.FOR_EMPLOYEES, partial(enter, addresses["employee"])),
        (FOR_ADMINISTRATORS, lambda: administrator),
    ]
    for pages, visitor in visits:
        if wanted := list(filter(camera.wants, pages)):
            page = visitor()
            for name in wanted:
                camera.visit(page, name, server.url + pages[name].format_map(addresses))
    if camera.wants("code of a second factor"):
        camera.take(enter(addresses["careful"]), "code of a second factor")
    _take_refused_forms(camera, administrator, server)
    _take_failures(camera, administrator, server, addresses["withheld"])


def _take_refused_forms(camera: Camera, page: Page, server: Server) -> None:
    if camera.wants("a refused form"):
        page.goto(f"{server.url}/people/add/")
        page.get_by_role("button", name="Invite").click()
        camera.take(page, "a refused form")
    if camera.wants("an expired form"):
        page.goto(f"{server.url}/people/departments/add/")
        page.get_by_label("Name").fill("Research")
        with page.expect_navigation():
            page.evaluate(SEND_WITHOUT_TOKEN)
        camera.take(page, "an expired form")


def _take_failures(camera: Camera, page: Page, server: Server, address: str) -> None:
    """Break the database, which is needed no longer."""
    for name, damage in (
        ("temporarily unavailable", more_pages.UNAVAILABLE),
        ("internal server error", more_pages.FAILING),
    ):
        server.manage("shell", "--no-imports", "--command", damage)
        camera.visit(page, name, server.url + address)


def _signed_in(browser: Browser, server: Server, email: str) -> Page:
    page = browser.new_page()
    page.goto(f"{server.url}/sign-in/")
    page.get_by_label("Email address").fill(email)
    page.get_by_label("Password").fill(more_pages.PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url(re.compile(r"/(home|tenants|second-factor)/"))
    return page


@contextmanager
def _demo() -> Iterator[tuple[Server, Demo, str]]:
    with TemporaryDirectory() as folder:
        copy_sqlite_file(Path(folder, "ramp.sqlite3"))
        server = Server(Path(folder), f"sqlite:///{folder}/ramp.sqlite3")
        try:
            access = json.loads(server.manage("seed_demo"))
            server.manage("shell", "--no-imports", "--command", LONG_NAMES)
            demo = Demo(server.url, access["email"], access["password"])
            yield server, demo, access["token"]
        finally:
            server.end()


@contextmanager
def _browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium(), args=FLAGS)
        yield browser
        with suppress(Error):
            browser.close()


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m tests.browser.pictures",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--out", type=Path, required=True, help="the folder of the pictures")
    parser.add_argument(
        "--pages", default="", metavar="PATTERN", help="only pages whose name matches"
    )
    parser.add_argument("--width", type=int, action="append", help="only this width; repeatable")
    parser.add_argument("--scheme", choices=SCHEMES, action="append", help="only this color scheme")
    parser.add_argument(
        "--sheets", action="store_true", help="compose the pictures to contact sheets as well"
    )
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
