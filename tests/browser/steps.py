"""Counts what visitors do in a browser: clicks, keys that open something, and fields they fill."""

from playwright.sync_api import Page

# A label passes a click on to its field, which would count twice. Only what the visitor did is
# trusted; what scripts do is not.
REPORT = """
  const report = (event) => {
    if (event.isTrusted && window.reportStep) window.reportStep(event.type);
  };
  document.addEventListener("click", (event) => event.detail && report(event), true);
  document.addEventListener("change", report, true);
  document.addEventListener("keydown", (event) => event.key === "Enter" && report(event), true);
"""


class Steps:
    """The steps on a page since the object was made, also over several pages."""

    def __init__(self, page: Page) -> None:
        self.taken: list[str] = []
        page.expose_binding("reportStep", lambda _, kind: self.taken.append(kind))
        page.add_init_script(REPORT)

    @property
    def count(self) -> int:
        return len(self.taken)
