// Gives screen readers the names and landmarks that unfold's pages and select2 leave out.

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

window.addEventListener("load", () => {
  document.getElementById("main")?.setAttribute("role", "main");
  document.getElementById("nav-sidebar-inner")?.setAttribute("aria-label", "Sections");
  document.getElementById("tabs-items")?.setAttribute("aria-label", "Tabs");
  // jQuery runs what is ready in order, so select2 has been there by then.
  window.django?.jQuery(nameChoices);
});

document.addEventListener("focusin", (event) => {
  if (event.target.matches?.(".select2-search__field")) {
    event.target.setAttribute("aria-label", "Search");
  }
});
