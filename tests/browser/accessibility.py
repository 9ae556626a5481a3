"""What people who see a page with a screen reader, or use it with the keyboard, find wrong.

Everything here is read from a page that is loaded already. axe-core checks what it can decide
from the elements; the rest is read from Chromium's accessibility tree.
"""

import json
from collections import defaultdict
from pathlib import Path
from typing import Any

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

CHECKS = Path(__file__).with_suffix(".js").read_text()
# Rules of axe-core that count even though it calls them moderate, or does not run them by default.
ALSO = [
    "landmark-main-is-top-level",
    "landmark-no-duplicate-main",
    "landmark-one-main",
    "landmark-unique",
    "page-has-heading-one",
    "target-size",
]
COLORS = ["color-contrast", "link-in-text-block"]
STRUCTURE = {
    "rules": {name: {"enabled": name in ALSO} for name in [*ALSO, *COLORS]},
    "resultTypes": ["violations"],
}
# What had no violation on a page so far; see `color_violations`.
PASSED: set[str] = set()


def axe_violations(page: Page) -> list[str]:
    """Return what axe-core finds serious, and what of `ALSO` it finds."""
    _load(page)
    structure = page.evaluate(f"axe.run({json.dumps(STRUCTURE)})")
    return _serious(structure) + color_violations(page)


def color_violations(page: Page) -> list[str]:
    """Return texts of too little contrast, and links that look like the text around them.

    Both depend on the styles of a text and of what is behind it. axe-core spends most of its time
    on them. So it checks one or two texts of each combination of styles, and a combination that
    passed on any page, in any color scheme and width, is not checked again.
    """
    _load(page)
    new = set(page.evaluate("pageChecks.styles()")) - PASSED
    if not new:
        return []
    found = _serious(page.evaluate(f"pageChecks.colors({json.dumps(sorted(new))})"))
    if not found:
        PASSED.update(new)
    return found


def _load(page: Page) -> None:
    if page.evaluate("typeof axe") == "undefined":
        page.evaluate(Axe().axe_script)
        # Playwright would call what the last of its lines defines.
        page.evaluate(f"() => {{ {CHECKS} }}")


def _serious(results: dict[str, Any]) -> list[str]:
    return [
        f"{violation['id']}: {node['html'][:200]}"
        for violation in results["violations"]
        if violation["impact"] in ("serious", "critical") or violation["id"] in ALSO
        for node in violation["nodes"]
    ]


def tree_faults(page: Page) -> list[str]:
    """Return what is wrong with the names in the accessibility tree, and with the Tab key."""
    _load(page)
    session = page.context.new_cdp_session(page)
    tree = session.send("Accessibility.getFullAXTree")["nodes"]
    session.detach()
    nodes = [node for node in tree if not node["ignored"]]
    icons = set(page.evaluate("pageChecks.icons()"))
    return [
        *(f"no name: {_role(node)}" for node in nodes if _lacks_a_name(node)),
        *(f"icon read out: {_name(node)}" for node in nodes if icons & set(_name(node).split())),
        *_shared_names(nodes, set(page.evaluate("pageChecks.maySoundAlike()"))),
        *page.evaluate("pageChecks.documentFaults()"),
        *page.evaluate("pageChecks.tabFaults()"),
    ]


def _role(node: dict[str, Any]) -> str:
    return str(node["role"]["value"])


def _name(node: dict[str, Any]) -> str:
    return " ".join(str(node.get("name", {}).get("value", "")).split())


def _lacks_a_name(node: dict[str, Any]) -> bool:
    named = ("link", "button", "checkbox", "textbox", "combobox", "dialog", "table", "navigation")
    return _role(node) in named and not _name(node)


def _shared_names(nodes: list[dict[str, Any]], excepted: set[str]) -> list[str]:
    """Return the links that sound the same and lead elsewhere."""
    targets: dict[str, set[str]] = defaultdict(set)
    for node in nodes:
        if _role(node) == "link" and (target := _target(node)) not in excepted:
            targets[_name(node)].add(target)
    return [
        f"{len(where)} links are called “{name}”: {sorted(where)[:3]}"
        for name, where in targets.items()
        if len(where) > 1
    ]


def _target(node: dict[str, Any]) -> str:
    values = {item["name"]: item["value"].get("value") for item in node.get("properties", [])}
    return str(values.get("url", ""))
