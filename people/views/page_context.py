from typing import Any

from django.contrib import admin
from django.http import HttpRequest


def page_context(
    request: HttpRequest, title: str, *, parent: tuple[str, str] | None = None
) -> dict[str, Any]:
    """Return the context that every page needs.

    `parent` is the title and the URL of the page above, to which the heading links.
    """
    context: dict[str, Any] = admin.site.each_context(request) | {"title": title}
    if parent:
        context["parent"] = {"title": parent[0], "url": parent[1]}
    return context
