"""What does not fit on a page at some width."""

from typing import Final

from playwright.sync_api import Page

WIDTHS: Final = (320, 420, 768, 1280, 1600)
# Text that is cut off without a sign of it, and words that are broken although a line would hold
# them, in an element that is no literal. Elements for screen readers only are 1 pixel wide.
CUT: Final = """() => {
  const found = [];
  if (document.documentElement.scrollWidth > innerWidth) {
    const widest = [...document.querySelectorAll("body *")].filter(
      (one) => one.getBoundingClientRect().right > innerWidth + 1 && one.checkVisibility());
    const inner = widest.filter((one) => !widest.some((other) => other !== one && one.contains(other)));
    found.push(`needs scrolling sideways: ${inner.slice(0, 2).map((one) => one.outerHTML.slice(0, 160))}`);
  }
  const texts = document.createTreeWalker(document.querySelector("#page, body"), NodeFilter.SHOW_TEXT);
  const range = document.createRange();
  while (texts.nextNode()) {
    const text = texts.currentNode, holder = text.parentElement;
    if (!text.data.trim() || !holder.checkVisibility({visibilityProperty: true})) continue;
    if (holder.closest("script, style, select, textarea, noscript, .material-symbols-outlined, .ramp-avatar, .ramp-id")) continue;
    range.selectNodeContents(text);
    const box = range.getBoundingClientRect();
    if (!box.width) continue;
    for (let one = holder; one && one !== document.body; one = one.parentElement) {
      const style = getComputedStyle(one);
      if (style.position === "fixed") break;
      if (style.overflowX === "visible" || style.display === "inline") continue;
      const edge = one.getBoundingClientRect();
      if (edge.width <= 2) break;
      if (box.right <= edge.right + 1 && box.left >= edge.left - 1) continue;
      const says = style.textOverflow === "ellipsis" && (holder.closest("[title]") || one.closest("[title]") || one.querySelector("[title]"));
      if (says) break;
      found.push(`${style.overflowX === "hidden" ? "cut off" : "scrolls sideways"}: “${text.data.trim().slice(0, 60)}” in ${one.tagName}.${one.className.toString().slice(0, 60)}`);
      break;
    }
    const broken = brokenWord(text, range);
    if (broken) found.push(`broken inside: “${broken}” in ${holder.outerHTML.slice(0, 80)}`);
  }
  return [...new Set(found)].slice(0, 8);

  function brokenWord(text, range) {
    for (const match of text.data.matchAll(/(?<=^|\\s)\\p{L}{3,16}(?=$|[\\s,.;:])/gu)) {
      range.setStart(text, match.index);
      range.setEnd(text, match.index + match[0].length);
      const lines = new Set([...range.getClientRects()].filter((one) => one.width > 1).map((one) => Math.round(one.top)));
      if (lines.size > 1) return match[0];
    }
  }
}"""


def layout_faults(page: Page) -> list[str]:
    """Return what needs scrolling sideways, is cut off, or has words broken inside, by width."""
    found = []
    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": 900})
        found += [f"{width} pixels wide: {one}" for one in page.evaluate(CUT)]
    return found
