"""What people who see a page with a screen reader, or use it with the keyboard, find wrong.

Everything here is read from a page that is loaded already. axe-core checks what it can decide
from the elements; the rest is read from Chromium's accessibility tree.
"""

import json
from collections import defaultdict
from typing import Any

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import CDPSession, Page

# Rules of axe-core that count even though it calls them moderate, or does not run them by default.
ALSO = [
    "landmark-main-is-top-level",
    "landmark-no-duplicate-main",
    "landmark-one-main",
    "landmark-unique",
    "page-has-heading-one",
    "target-size",
]
EVERYTHING = {
    "runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"],
    "rules": {name: {"enabled": True} for name in ALSO},
    "resultTypes": ["violations"],
}
# What depends on the color scheme; the rest is the same in the dark.
COLORS = {"runOnly": {"type": "rule", "values": ["color-contrast", "link-in-text-block"]}}
OF_THE_DOCUMENT = """() => {
  const found = [];
  if (!document.documentElement.lang) found.push("no language");
  const headings = [...document.querySelectorAll("h1")].filter((one) => one.checkVisibility());
  if (headings.length != 1) found.push(`${headings.length} main headings`);
  const hides = "[aria-hidden=true], [role=img][aria-label]";
  for (const icon of document.querySelectorAll(".material-symbols-outlined")) {
    if (!icon.closest(hides)) found.push(`icon read out: ${icon.textContent.trim()}`);
  }
  return found;
}"""
# The stops of the Tab key, in order. An element with a positive tabindex would be out of order.
STOPS = """() => {
  const focusable = "a[href], button, input:not([type=hidden]), select, textarea, summary, [tabindex]";
  const stops = [...document.querySelectorAll(focusable)].filter(
    (one) => one.tabIndex >= 0 && !one.disabled && !one.closest("[inert]") && one.checkVisibility(
      {visibilityProperty: true}) && one.getClientRects().length);
  const main = document.querySelector("main");
  const found = [];
  const early = stops.filter((one) => !main.contains(one) &&
    one.compareDocumentPosition(main) & Node.DOCUMENT_POSITION_FOLLOWING);
  const skip = stops[0];
  if (early.length > 1 && skip?.getAttribute("href") !== `#${main.id}`) {
    found.push(`${early.length} stops before the content, and the first one does not skip them`);
  }
  const last = document.activeElement;
  for (const stop of stops) {
    stop.focus({preventScroll: true});
    const style = getComputedStyle(stop);
    const around = getComputedStyle(stop.closest(":focus-within:not(:focus)") ?? stop);
    const isSeen = [style, around].some((one) =>
      (one.outlineStyle !== "none" && parseFloat(one.outlineWidth) > 0) || one.boxShadow !== "none");
    if (document.activeElement === stop && !isSeen) {
      found.push(`focus cannot be seen: ${stop.outerHTML.slice(0, 160)}`);
    }
  }
  last?.focus?.({preventScroll: true});
  document.activeElement?.blur();
  return found;
}"""


def axe_violations(page: Page, options: dict[str, Any]) -> list[str]:
    """Return what axe-core finds serious, and what of `ALSO` it finds."""
    if page.evaluate("typeof axe") == "undefined":
        page.evaluate(Axe().axe_script)
    violations = page.evaluate(f"axe.run({json.dumps(options)})")["violations"]
    return [
        f"{violation['id']}: {node['html'][:200]}"
        for violation in violations
        if violation["impact"] in ("serious", "critical") or violation["id"] in ALSO
        for node in violation["nodes"]
    ]


def tree_faults(page: Page, cdp: CDPSession) -> list[str]:
    """Return what is wrong with the names in the accessibility tree, and with the Tab key."""
    nodes = [
        node
        for node in cdp.send("Accessibility.getFullAXTree")["nodes"]
        if not node["ignored"] and node["role"]["value"] not in ("StaticText", "InlineTextBox")
    ]
    found = [f"no name: {_role(node)}" for node in nodes if _lacks_a_name(node)]
    found += _shared_names(nodes)
    document: list[str] = page.evaluate(OF_THE_DOCUMENT)
    stops: list[str] = page.evaluate(STOPS)
    return found + document + stops


def _role(node: dict[str, Any]) -> str:
    return str(node["role"]["value"])


def _name(node: dict[str, Any]) -> str:
    return " ".join(str(node.get("name", {}).get("value", "")).split())


def _lacks_a_name(node: dict[str, Any]) -> bool:
    named = ("link", "button", "checkbox", "textbox", "combobox", "dialog", "table", "navigation")
    return _role(node) in named and not _name(node)


def _shared_names(nodes: list[dict[str, Any]]) -> list[str]:
    """Return the links that sound the same and lead elsewhere, and checkboxes that sound the same."""
    targets: dict[tuple[str, str], set[str]] = defaultdict(set)
    for node in nodes:
        if _role(node) in ("link", "checkbox"):
            targets[_role(node), _name(node)].add(_target(node))
    return [
        f"{len(where)} {role}es or links are called “{name}”: {sorted(where)[:3]}"
        for (role, name), where in targets.items()
        if len(where) > 1
    ]


def _target(node: dict[str, Any]) -> str:
    """Return where a link leads; of anything else what tells it apart."""
    for item in node.get("properties", []):
        if item["name"] == "url":
            return str(item["value"]["value"])
    return str(node.get("backendDOMNodeId"))
