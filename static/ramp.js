// What unfold's pages lack: names and landmarks for screen readers, copying, and news.

// The Content-Security-Policy allows no style elements; ramp.css has what htmx would add.
if (window.htmx) {
  window.htmx.config.includeIndicatorStyles = false;
  window.htmx.config.allowEval = false;
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
    const field = holder.querySelector("input");
    const button = document.createElement("button");
    button.type = "button";
    button.className = "ramp-button";
    button.textContent = "Copy";
    button.setAttribute("aria-label", `Copy: ${field.labels[0]?.textContent ?? ""}`);
    button.addEventListener("click", async () => {
      field.select();
      // Browsers keep the clipboard from pages that are not served over TLS; it is selected then.
      await navigator.clipboard?.writeText(field.value);
      button.textContent = navigator.clipboard ? "Copied" : "Press Ctrl+C";
    });
    holder.append(button);
  }
};

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
