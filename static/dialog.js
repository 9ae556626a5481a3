// Shows a page in a dialog: <a href="/people/updates/" data-dialog>. The server answers the
// X-Dialog header with the content alone. Links and forms that stay below the opener's address
// work inside the dialog; all others leave it.

const openDialog = (opener) => {
  const home = new URL(opener.href);
  const dialog = document.createElement("dialog");
  dialog.className = "ramp-dialog";
  dialog.setAttribute("aria-labelledby", "dialog-title");
  document.body.append(dialog);
  let hasChanged = false;

  const isInside = (url) => url.origin === home.origin && url.pathname.startsWith(home.pathname);

  const show = async (url, request = {}) => {
    dialog.setAttribute("aria-busy", "true");
    let response;
    try {
      response = await fetch(url, { ...request, headers: { "X-Dialog": "1" } });
    } catch {
      location.assign(url);
      return;
    }
    if (!response.ok || !isInside(new URL(response.url))) {
      // The session may have ended, or somebody else has dealt with it: the page itself tells.
      location.assign(request.method === "POST" && !response.redirected ? home : response.url);
      return;
    }
    dialog.innerHTML = await response.text();
    dialog.removeAttribute("aria-busy");
    if (!dialog.open) dialog.showModal();
    dialog.scrollTop = 0;
    dialog.querySelector("#dialog-title").focus();
    addCopyButtons(dialog);
  };

  dialog.addEventListener("click", (event) => {
    if (event.target === dialog || event.target.closest("[data-close]")) {
      dialog.close();
      return;
    }
    const link = event.target.closest("a[href]");
    if (!link || link.target || event.ctrlKey || event.metaKey || event.shiftKey) return;
    const url = new URL(link.href);
    if (!isInside(url)) return;
    event.preventDefault();
    show(url);
  });

  dialog.addEventListener("submit", (event) => {
    const form = event.target;
    const data = new FormData(form, event.submitter);
    const action = event.submitter?.getAttribute("formaction") ?? form.getAttribute("action");
    const url = new URL(action, home);
    if (!isInside(url)) return;
    event.preventDefault();
    if (form.method === "post") {
      hasChanged = true;
      show(url, { method: "POST", body: data });
    } else {
      url.search = new URLSearchParams(data);
      show(url);
    }
  });

  dialog.addEventListener("close", () => {
    dialog.remove();
    opener.focus();
    // What lies below may show what is no longer so.
    if (hasChanged) location.reload();
  });

  show(home);
};

document.addEventListener("click", (event) => {
  const opener = event.target.closest?.("a[data-dialog]");
  if (!opener || event.button || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  openDialog(opener);
});
