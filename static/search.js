// The search dialog. Ctrl-K, the key / or a link with data-search opens it, and the server renders
// the results. Without scripts, the link leads to a page with the same results.

const setUpSearch = (dialog) => {
  const form = dialog.querySelector("form");
  const input = form.elements.q;
  const results = dialog.querySelector("[data-results]");
  const status = dialog.querySelector("[role=status]");
  const slash = dialog.querySelector("[data-slash]");
  let shown = "";
  let timer;
  let request;

  const text = () => input.value.trim();
  const address = () => `${form.action}?${new URLSearchParams({ q: text() })}`;

  const show = async () => {
    clearTimeout(timer);
    request?.abort();
    request = new AbortController();
    const wanted = text();
    const url = address();
    try {
      const response = await fetch(url, { headers: { "X-Dialog": "1" }, signal: request.signal });
      if (!response.ok || response.redirected) throw new Error(response.status);
      const html = await response.text();
      results.innerHTML = html;
      results.scrollTop = 0;
      shown = wanted;
      status.textContent = results.querySelector("[data-summary]")?.textContent ?? "";
    } catch (error) {
      // The session may have ended, or the server does not respond: the page itself tells.
      if (error.name !== "AbortError") location.assign(url);
    }
  };

  const open = () => {
    if (!dialog.open) dialog.showModal();
    input.select();
    if (text() !== shown || !results.innerHTML) show();
  };

  const move = (step) => {
    const stops = [input, ...results.querySelectorAll("a[href]")];
    const next = stops.indexOf(document.activeElement) + step;
    stops[Math.max(0, Math.min(next, stops.length - 1))].focus();
  };

  input.addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(show, 150);
  });

  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    if (text() !== shown) await show();
    location.assign(results.querySelector("a[data-result]")?.href ?? address());
  });

  dialog.addEventListener("keydown", (event) => {
    if (event.key === "Escape") {
      // The browser would only empty the field.
      event.preventDefault();
      dialog.close();
    } else if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      event.preventDefault();
      move(event.key === "ArrowDown" ? 1 : -1);
    } else if (event.target.matches("a") && !event.ctrlKey && !event.metaKey && !event.altKey) {
      // Typing goes on in the field.
      if (event.key === "Backspace" || (event.key.length === 1 && event.key !== " ")) input.focus();
    }
  });

  dialog.addEventListener("click", (event) => {
    if (event.target === dialog || event.target.closest("[data-close]")) dialog.close();
  });

  // A single key must be possible to turn off (WCAG 2.1.4), because speech input may trigger it.
  slash.checked = localStorage.getItem("searchWithoutSlash") === null;
  slash.addEventListener("change", () => {
    if (slash.checked) localStorage.removeItem("searchWithoutSlash");
    else localStorage.setItem("searchWithoutSlash", "1");
  });

  document.addEventListener("keydown", (event) => {
    const isTyping = event.target.closest?.("input, textarea, select, [contenteditable]");
    const hasModifier = event.ctrlKey || event.metaKey;
    if (event.altKey || event.shiftKey && event.key !== "/" || event.isComposing) return;
    const isSlash = event.key === "/" && !hasModifier && !isTyping;
    // Unfold would go to the search of the list.
    if (isSlash) event.stopPropagation();
    if (!(isSlash && slash.checked) && !(hasModifier && event.key.toLowerCase() === "k")) return;
    event.preventDefault();
    open();
  });

  document.addEventListener("click", (event) => {
    const link = event.target.closest?.("a[data-search]");
    if (!link || event.button || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    open();
  });

  // Otherwise it would still be open when the visitor comes back.
  window.addEventListener("pagehide", () => dialog.close());
};

document.addEventListener("DOMContentLoaded", () => {
  const dialog = document.getElementById("search-dialog");
  if (dialog) setUpSearch(dialog);
});
