// What unfold's pages lack: names and landmarks for screen readers, copying, and news.

// The Content-Security-Policy allows no style elements; ramp.css has what htmx would add.
if (window.htmx) {
  window.htmx.config.includeIndicatorStyles = false;
  window.htmx.config.allowEval = false;
}

// Pages show times in this zone, unless the person has chosen another one for their account.
const { timeZone } = Intl.DateTimeFormat().resolvedOptions();
if (timeZone) {
  const secure = location.protocol === "https:" ? "; Secure" : "";
  document.cookie = `time_zone=${timeZone}; Path=/; Max-Age=31536000; SameSite=Lax${secure}`;
}

const nameChoices = () => {
  for (const select of document.querySelectorAll("select.select2-hidden-accessible")) {
    const label = select.labels[0];
    const container = select.nextElementSibling;
    if (!label || !container) continue;
    label.id ||= `${select.id}-label`;
    for (const part of container.querySelectorAll("[role=combobox], [role=textbox]")) {
      part.setAttribute("aria-labelledby", `${label.id} ${part.getAttribute("aria-labelledby") ?? ""}`);
    }
  }
};

const addCopyButtons = (root) => {
  for (const holder of root.querySelectorAll("[data-copy]")) {
    const field = holder.querySelector("input, textarea");
    const text = field?.value ?? holder.textContent;
    const button = document.createElement("button");
    button.type = "button";
    button.className = "ramp-button";
    button.textContent = "Copy";
    button.setAttribute("aria-label", `Copy: ${field?.labels[0]?.textContent ?? text}`);
    button.addEventListener("click", async () => {
      if (field) field.select();
      else getSelection().selectAllChildren(holder.firstElementChild);
      // Browsers keep the clipboard from pages that are not served over TLS; it is selected then.
      await navigator.clipboard?.writeText(text);
      button.textContent = navigator.clipboard ? "Copied" : "Press Ctrl+C";
    });
    holder.append(button);
  }
};

// Copies with one click what the page behind a link shows: <a href="…" data-copy-link>. Without
// scripts, and where the browser keeps the clipboard from the page, the link leads to that page.
const copyFrom = async (link) => {
  const shown = fetch(link.href, { headers: { "X-Dialog": "1" } }).then(async (response) => {
    if (!response.ok || response.redirected) throw new Error("The session may have ended.");
    const page = new DOMParser().parseFromString(await response.text(), "text/html");
    return new Blob([page.querySelector("[data-copy] input").value], { type: "text/plain" });
  });
  // Given as a promise: some browsers allow writing only in the moment of the click.
  await navigator.clipboard.write([new ClipboardItem({ "text/plain": shown })]);
};

document.addEventListener(
  "click",
  (event) => {
    const link = event.target.closest?.("a[data-copy-link]");
    if (!link || !window.ClipboardItem || !navigator.clipboard) return;
    if (event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    // A dialog around it would follow the link.
    event.stopPropagation();
    copyFrom(link).then(
      () => {
        const status = document.createElement("span");
        status.setAttribute("role", "status");
        link.removeAttribute("aria-label");
        link.replaceChildren(status);
        status.textContent = "Copied";
      },
      () => location.assign(link.href),
    );
  },
  true,
);

// Asks for the page again every few seconds, and takes over the part that tells the news.
const keepFresh = (part) => {
  setTimeout(async () => {
    const response = await fetch(location.href).catch(() => null);
    const page = response?.ok ? await response.text() : "";
    const fresh = new DOMParser().parseFromString(page, "text/html").getElementById(part.id);
    if (fresh) part.innerHTML = fresh.innerHTML;
    if (!fresh || "refresh" in fresh.dataset) keepFresh(part);
  }, part.dataset.refresh * 1000);
};

// Fills a part of the organization chart when it opens. Without scripts, it has a link instead.
const loadPart = async (details) => {
  const response = await fetch(details.dataset.load).catch(() => null);
  if (!response?.ok) return;
  const part = new DOMParser().parseFromString(await response.text(), "text/html");
  details.removeAttribute("data-load");
  // The summary stays where it is, and so does the focus.
  const summary = details.querySelector("summary");
  while (summary.nextSibling) summary.nextSibling.remove();
  details.append(...part.body.childNodes);
};

// Events of this kind do not bubble, so the document listens while they go down.
document.addEventListener("toggle", (event) => {
  if (event.target.open && event.target.dataset.load) loadPart(event.target);
}, true);

// The sheet of filters. The lists of choices of select2 have to open inside the dialog: what lies
// outside of an open dialog cannot be used.
document.addEventListener("DOMContentLoaded", () => {
  const filters = document.getElementById("changelist-filter");
  for (const choice of filters?.querySelectorAll("select") ?? []) {
    choice.dataset.dropdownParent = "#changelist-filter";
  }
});

document.addEventListener("click", (event) => {
  const opener = event.target.closest?.("[data-opens]");
  if (opener) document.getElementById(opener.dataset.opens).showModal();
  const dialog = event.target.closest?.("dialog.ramp-filters");
  const isOutside = event.target === dialog;
  if (dialog && (isOutside || event.target.closest("[data-close]"))) dialog.close();
});

window.addEventListener("load", () => {
  // The page was hidden when the browser looked for what has autofocus.
  document.getElementById("problems")?.focus();
  addCopyButtons(document);
  document.querySelectorAll("[data-refresh]").forEach(keepFresh);
  document.getElementById("nav-sidebar-inner")?.setAttribute("aria-label", "Sections");
  // jQuery runs what is ready in order, so select2 has been there by then.
  window.django?.jQuery(nameChoices);
});

document.addEventListener("focusin", (event) => {
  if (event.target.matches?.(".select2-search__field")) {
    event.target.setAttribute("aria-label", "Search");
  }
});
