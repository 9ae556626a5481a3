"""Somebody with a browser that has no JavaScript: it keeps cookies, and fills in forms."""

from html.parser import HTMLParser
from typing import Any
from urllib.parse import urljoin

import httpx


class Visitor(httpx.Client):
    """Follows whatever redirects it gets, from one server to the next."""

    def __init__(self) -> None:
        super().__init__(follow_redirects=True, timeout=30)

    def fill_in(self, page: httpx.Response, action: str = "", **values: str) -> httpx.Response:
        """Send the page's last form, or the one that goes there, with these fields filled in."""
        form = next(form for form in reversed(_Forms(page.text).all) if action in form.action)
        return self.request(
            form.method, urljoin(str(page.url), form.action), data=form.fields | values
        )


class _Form:
    def __init__(self, values: dict[str, str | None]) -> None:
        self.action = values.get("action") or ""
        self.method = (values.get("method") or "get").upper()
        self.fields: dict[str, str] = {}


class _Forms(HTMLParser):
    def __init__(self, page: str) -> None:
        super().__init__()
        self.all: list[_Form] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attributes: Any) -> None:
        values = dict(attributes)
        if tag == "form":
            self.all.append(_Form(values))
        elif tag == "input" and values.get("name") and self.all:
            self.all[-1].fields[values["name"]] = values.get("value") or ""
