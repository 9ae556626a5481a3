"""A browser without JavaScript: it keeps cookies and fills in forms, selections included."""

import weakref
from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Any
from urllib.parse import urljoin

import httpx


@dataclass
class Form:
    action: str
    fields: dict[str, str] = field(default_factory=dict)


class Forms(HTMLParser):
    """Reads the forms of a page with the values that their fields have."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.all: list[Form] = []
        self._select = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        values = dict(attributes)
        name, value = values.get("name") or "", values.get("value") or ""
        if tag == "form":
            self.all.append(Form(values.get("action") or ""))
        elif self.all:
            self._read(tag, name, value, values)

    def handle_endtag(self, tag: str) -> None:
        if tag == "select":
            self._select = ""

    def _read(self, tag: str, name: str, value: str, values: dict[str, str | None]) -> None:
        fields = self.all[-1].fields
        is_box = values.get("type") in ("checkbox", "radio")
        match tag:
            case "input" if name and values.get("type") != "submit":
                if "checked" in values or not is_box:
                    fields[name] = value or ("on" if is_box else "")
            case "select":
                self._select = name
                fields.setdefault(name, "")
            case "option" if self._select and "selected" in values:
                fields[self._select] = value
            case "textarea":
                fields[name] = ""


class Browser:
    def __init__(self, url: str) -> None:
        # Without the proxies of the environment.
        self._http = httpx.Client(base_url=url, timeout=60, trust_env=False)
        weakref.finalize(self, self._http.close)
        self.failures: list[str] = []

    def forget_cookies(self) -> None:
        self._http.cookies.clear()

    def get(self, path: str, *, follow: bool = True) -> httpx.Response:
        return self._checked(self._http.get(path, follow_redirects=follow))

    def post(self, path: str, fields: dict[str, Any], *, follow: bool = True) -> httpx.Response:
        headers = {"Origin": str(self._http.base_url).rstrip("/")}
        answer = self._http.post(path, data=fields, headers=headers, follow_redirects=follow)
        return self._checked(answer)

    def submit(
        self, page: httpx.Response, action: str = "", *, follow: bool = True, **values: str
    ) -> httpx.Response:
        """Send the page's last form that goes to the action, with these fields filled in."""
        # The dialog of the search is at the end of every page.
        forms = [form for form in Forms(page.text).all if form.action != "/search/"]
        form = next(form for form in reversed(forms) if action in form.action)
        path = urljoin(str(page.url), form.action)
        return self.post(path, form.fields | values, follow=follow)

    def _checked(self, answer: httpx.Response) -> httpx.Response:
        if answer.status_code >= 500:
            self.failures.append(f"{answer.request.method} {answer.url}: {answer.status_code}")
        return answer
