// What tests/browser/layout.py measures: text that is cut off without a sign of it, tables that lie
// over what is beside them, and words that are broken although they would fit into a line. What is for screen readers only is 1 pixel wide.

window.pageChecks ??= {};

pageChecks.layoutFaults = () => {
  const found = [];
  if (document.documentElement.scrollWidth > innerWidth) {
    const isOutside = (one) => one.checkVisibility() &&
      one.getBoundingClientRect().right > innerWidth + 1;
    const innermost = [...document.querySelectorAll("body *")].filter(
      (one) => isOutside(one) && ![...one.children].some(isOutside));
    const shown = innermost.slice(0, 2).map((one) => one.outerHTML.slice(0, 160));
    found.push(`needs scrolling sideways: ${shown}`);
  }
  for (const table of document.querySelectorAll("table")) {
    const place = table.parentElement.getBoundingClientRect();
    if (!table.checkVisibility() || table.getBoundingClientRect().right <= place.right + 1) continue;
    found.push(`wider than its place: the table ${table.ariaLabel}`);
  }
  const hasNoText =
    "script, style, select, textarea, noscript, .material-symbols-outlined, .ramp-avatar, .ramp-id";
  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  const range = document.createRange();
  while (texts.nextNode()) {
    const text = texts.currentNode, holder = text.parentElement;
    if (!text.data.trim() || !holder.checkVisibility({visibilityProperty: true})) continue;
    if (holder.closest(hasNoText)) continue;
    range.selectNodeContents(text);
    const box = range.getBoundingClientRect();
    if (!box.width) continue;
    const cutter = cutterOf(holder, box);
    const quoted = `“${text.data.trim().slice(0, 60)}” in ${cutter?.tagName}.${cutter?.className}`;
    if (cutter) found.push(`cut off: ${quoted}`);
    const broken = brokenWord(text);
    if (broken) found.push(`broken inside: “${broken}” in ${holder.outerHTML.slice(0, 80)}`);
  }
  return [...new Set(found)].slice(0, 8);

  // The element that hides a part of the text, or scrolls it, without an ellipsis and a title.
  function cutterOf(holder, box) {
    for (let one = holder; one && one !== document.body; one = one.parentElement) {
      const style = getComputedStyle(one);
      if (style.position === "fixed") return null;
      if (style.overflowX === "visible" || style.display === "inline") continue;
      const edge = one.getBoundingClientRect();
      if (edge.width <= 2) return null;
      if (box.right <= edge.right + 1 && box.left >= edge.left - 1) continue;
      const title = holder.closest("[title]") ?? one.closest("[title]") ?? one.querySelector("[title]");
      return style.textOverflow === "ellipsis" && title ? null : one;
    }
    return null;
  }

  function brokenWord(text) {
    for (const match of text.data.matchAll(/(?<=^|\s)\p{L}{3,16}(?=$|[\s,.;:])/gu)) {
      range.setStart(text, match.index);
      range.setEnd(text, match.index + match[0].length);
      const parts = [...range.getClientRects()].filter((part) => part.width > 1);
      if (new Set(parts.map((part) => Math.round(part.top))).size > 1) return match[0];
    }
    return "";
  }
};
