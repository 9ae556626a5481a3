// What tests/browser/accessibility.py reads from the elements of a page.

window.pageChecks ??= {};

// The name in the header of a row, without the initials before it and what follows.
pageChecks.nameIn = (header) =>
  (header.querySelector("bdi") ?? header.querySelector("a") ?? header).textContent.trim();

pageChecks.documentFaults = () => {
  const found = [];
  if (!document.documentElement.lang) found.push("no language");
  const headings = [...document.querySelectorAll("h1")].filter((one) => one.checkVisibility());
  if (headings.length != 1) found.push(`${headings.length} main headings`);
  for (const box of document.querySelectorAll("tbody tr input[type=checkbox]")) {
    const header = box.closest("tr").querySelector("th");
    const name = box.getAttribute("aria-label") ?? box.labels[0]?.textContent ?? "";
    const row = header && pageChecks.nameIn(header);
    if (row && !name.includes(row)) found.push(`the checkbox of ${row} is called “${name}”`);
  }
  return found;
};

// The names of the icons on the page. Some are also words, which the page may say.
pageChecks.icons = () => [...document.querySelectorAll(".material-symbols-outlined")]
  .map((icon) => icon.textContent.trim())
  .filter((name) => name.includes("_"));

// Links that may sound like others: the header of a row, which the rest of the row describes; what
// names this header; and the name of what the link leads to, since two people may share a name.
pageChecks.maySoundAlike = () => {
  const text = (one) => one.textContent.trim();
  const named = [...document.querySelectorAll("a[href]")].filter((link) => {
    const header = link.closest("tr")?.querySelector("th");
    const name = link.getAttribute("aria-label") ?? text(link);
    const isName = [...link.children].some((one) => one.tagName === "BDI" && text(one) === name);
    return isName || header?.contains(link) ||
      (header && name.includes(pageChecks.nameIn(header)));
  });
  return named.map((link) => link.href);
};

// The stops of the Tab key, in order.
pageChecks.tabFaults = () => {
  const focusable =
    "a[href], button, input:not([type=hidden]), select, textarea, summary, [tabindex]";
  const isShown = (one) =>
    one.checkVisibility({ visibilityProperty: true }) && one.getClientRects().length;
  const stops = [...document.querySelectorAll(focusable)].filter(
    (one) => one.tabIndex >= 0 && !one.disabled && isShown(one));
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
};

// Every combination of what decides about the contrast of a text, with its first and its last text.
// axe-core leaves out the texts that are not on the screen or cannot be used, so they are not the
// same as others that look the same.
pageChecks.textsByStyle = () => {
  const found = new Map(), layers = new Map();
  // The backgrounds and opacities behind an element, the nearest first.
  const behind = (one) => {
    if (!one) return "";
    if (!layers.has(one)) {
      const style = getComputedStyle(one);
      const own = [style.backgroundColor, style.backgroundImage, style.opacity, style.filter]
        .filter((value) => !["rgba(0, 0, 0, 0)", "none", "1"].includes(value));
      layers.set(one, [...own, behind(one.parentElement)].join("|"));
    }
    return layers.get(one);
  };
  const hasText = (one) => one.matches("input, select, textarea") ||
    [...one.childNodes].some((node) => node.nodeType === Node.TEXT_NODE && node.data.trim());
  for (const one of document.querySelectorAll("body *")) {
    if (!hasText(one) || !one.checkVisibility({visibilityProperty: true})) continue;
    const box = one.getBoundingClientRect(), style = getComputedStyle(one);
    if (box.width <= 1 || box.height <= 1 || box.right <= 0 || box.bottom <= 0) continue;
    const link = one.closest("a[href]"), around = link?.parentElement;
    const key = [
      style.color, style.fontSize, style.fontWeight, style.textShadow, behind(one),
      Boolean(one.closest(":disabled, [aria-disabled=true]")),
      Boolean(one.closest("label")?.control?.disabled),
      link && getComputedStyle(link).display, link && getComputedStyle(link).textDecorationLine,
      around && getComputedStyle(around).color, around && getComputedStyle(around).fontWeight,
      around && around.textContent.trim() !== link.textContent.trim(),
    ].join(";");
    const texts = found.get(key) ?? [link ?? one];
    found.set(key, [texts[0], link ?? one]);
  }
  return found;
};

pageChecks.styles = () => [...pageChecks.textsByStyle().keys()];

// Lets axe-core check the texts of these combinations.
pageChecks.colors = (styles) => {
  const texts = pageChecks.textsByStyle();
  return axe.run(
    {include: [...new Set(styles.flatMap((style) => texts.get(style)))]},
    {runOnly: ["color-contrast", "link-in-text-block"], resultTypes: ["violations"]});
};
