"""The admin site: its URLs, its navigation, and who sees which part of the navigation."""

from collections.abc import Callable, Iterator
from functools import partial
from importlib import import_module
from typing import Any, NamedTuple

from django.apps import apps
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.templatetags.static import static
from django.urls import URLPattern, URLResolver, include, path, reverse
from django.utils.functional import lazystr
from unfold.sites import UnfoldAdminSite

from people import hooks
from people.models import Card, Department, Fund, Location, OutstandingItem, Person, Workflow
from people.presentation.attention import attention
from people.presentation.page_links import counted
from people.views.bulk.alerts import alerts_for
from people.views.permissions import Visitor, is_operator, is_tenant_admin

Item = dict[str, Any]


class Section(NamedTuple):
    """An item of the navigation, shown if its app is installed."""

    name: str
    icon: str
    app: str = "people"
    # Whether its address contains the slug of the visitor's tenant.
    is_of_tenant: bool = False
    # The page below whose address it is marked as active, if that is not its own address.
    above: str = ""


Sections = dict[str, dict[str, Section]]

# By the title of the group.
FOR_ADMINISTRATORS: Sections = {
    "": {"Overview": Section("overview", "dashboard")},
    "People": {
        "People": Section("people_person_changelist", "group"),
        "Team updates": Section("team_updates", "notifications", app="scim"),
        "Scheduled terminations": Section("scheduled_terminations", "event_upcoming"),
        "Bulk changes": Section("bulk_changes", "undo"),
        "Audit log": Section("audit_log", "manage_search"),
    },
    "Spend": {
        "Cards and funds": Section("spend", "credit_card"),
        "Workflows": Section("people_workflow_changelist", "approval"),
    },
    "Access": {
        "Integrations": Section("integrations", "hub", app="scim"),
        "Auth providers": Section("auth_providers", "login", app="provisioning", is_of_tenant=True),
        "IdP group mappings": Section("mappings", "groups", app="provisioning", is_of_tenant=True),
        "Roles": Section("people_role_changelist", "badge"),
        "Access diagnosis": Section("why", "troubleshoot"),
        "Self-test": Section("self_test", "fact_check", app="scim"),
        "Dry run": Section("dry_run", "science", app="scim"),
    },
    "Settings": {
        "Company settings": Section(
            "tenant_settings",
            "settings",
            app="provisioning",
            is_of_tenant=True,
            above="people_tenant_changelist",
        ),
        "Entities": Section("people_entity_changelist", "business"),
        "API tokens": Section("api_tokens", "key"),
        "Webhooks": Section("webhooks", "webhook"),
        "Signal streams": Section("signal_streams", "cell_tower"),
    },
}
FOR_OPERATORS: Sections = {"": {"Tenants": Section("people_tenant_changelist", "domain")}}


class RampSite(UnfoldAdminSite):
    def get_urls(self) -> list[URLPattern | URLResolver]:
        """Return readable URLs, with the names that the pages of Django and unfold use."""
        page = self.admin_view
        return [
            path("", page(self.index), name="index"),
            path("autocomplete/", page(self.autocomplete_view), name="autocomplete"),
            path("jsi18n/", page(self.i18n_javascript, cacheable=True), name="jsi18n"),
            # Before the URLs of the models, which also match every path below them.
            *self._app_pages(),
            *self._model_urls(),
        ]

    def _app_pages(self) -> Iterator[URLPattern]:
        for app in ("provisioning", "people", "scim"):
            if apps.is_installed(app):
                yield from import_module(f"{app}.views.urls").PAGES
        if not apps.is_installed("provisioning"):
            yield path("sign-in/", self.login, name="login")
            yield path("sign-out/", self.logout, name="logout")

    def _model_urls(self) -> Iterator[URLResolver]:
        for rows in self._registry.values():
            address = getattr(rows, "address", None)
            # Models that Django registers, such as its groups, have no `address` and no page.
            if address:
                yield path(address, include(rows.urls))

    def each_context(self, request: HttpRequest) -> dict[str, Any]:
        """Add the links and counts of the header. A count is only queried if a page shows it.

        static/theme.css contains the colors: unfold would write an inline style element, which
        would need an exception in the Content-Security-Policy.
        """
        context: dict[str, Any] = super().each_context(request)
        return context | {
            "team_updates_url": partial(hooks.url_of, hooks.Page.TEAM_UPDATES),
            "attention_count": partial(attention_count, request),
            "company_name": company(request),
            "alerts": partial(alerts_for, request),
            "colors": None,
        }

    def login(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        """Redirect signed-in people to their home page. `provisioning` replaces this page."""
        if request.user.is_authenticated:
            return redirect("admin:home")
        page: HttpResponse = super().login(request, extra_context)
        return page

    def index(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        """Redirect to the first page of the navigation: the overview, or the tenants."""
        [first, *_] = next(iter(_sections(request.user).values())).values()
        return redirect(f"admin:{first.name}")

    def get_app_list(self, request: HttpRequest, app_label: str | None = None) -> list[Any]:
        """Return nothing: `get_sidebar_list` returns the whole navigation."""
        return []

    def get_sidebar_list(self, request: HttpRequest) -> list[Item]:
        visitor: Any = request.user
        groups: list[Item] = []
        for title, sections in _sections(visitor).items():
            items = []
            for name, section in sections.items():
                args = [visitor.tenant.slug] if section.is_of_tenant else []
                item = _item(name, section.name, *args)
                above = reverse(f"admin:{section.above}") if section.above else item["link"]
                items.append(item | {"icon": section.icon, "above": above})
            groups.append({"title": title, "items": items})
        _mark_active(request, [item for group in groups for item in group["items"]])
        return groups

    def get_tabs_list(self, request: HttpRequest) -> list[Item]:
        """Return the tabs of the People page and of the page about spend.

        Each count is queried when the tab is rendered.
        """
        people_tabs = [
            _tab("People", "people_person_changelist", Person.objects.in_lists),
            _tab("Departments", "people_department_changelist", Department.objects.all),
            _tab("Locations", "people_location_changelist", Location.objects.all),
        ]
        spend_tabs = [
            _tab("Cards", "people_card_changelist", Card.objects.live),
            _tab("Funds", "people_fund_changelist", Fund.objects.live),
            _tab("Workflows", "people_workflow_changelist", Workflow.objects.all),
            _tab(
                "Reimbursements, bills and transactions",
                "people_outstandingitem_changelist",
                OutstandingItem.objects.outstanding,
            ),
        ]
        _mark_active(request, people_tabs)
        _mark_active(request, spend_tabs)
        people = ["people.person", "people.department", "people.location"]
        spend = ["people.card", "people.fund", "people.workflow", "people.outstandingitem"]
        return [{"models": people, "items": people_tabs}, {"models": spend, "items": spend_tabs}]


def _sections(visitor: Visitor) -> Sections:
    groups = FOR_OPERATORS if is_operator(visitor) else FOR_ADMINISTRATORS
    return {
        title: {name: one for name, one in found.items() if apps.is_installed(one.app)}
        for title, found in groups.items()
    }


def _item(title: object, name: str, *args: object) -> Item:
    return {"title": title, "link": reverse(f"admin:{name}", args=args), "has_permission": True}


def _tab(title: str, name: str, rows: Callable[[], QuerySet[Any]]) -> Item:
    return _item(lazystr(_Count(title, rows)), name)


class _Count:
    """A title with a count, which is queried when the title is rendered."""

    def __init__(self, title: str, rows: Callable[[], QuerySet[Any]]) -> None:
        self.title, self.rows = title, rows

    def __str__(self) -> str:
        return f"{self.title} {counted(self.rows())}"


def _mark_active(request: HttpRequest, items: list[Item]) -> None:
    """Mark the item whose address leads closest to the page."""
    paths = [str(item.get("above", item["link"])) for item in items]
    leading = [address for address in paths if request.path.startswith(address)]
    closest = max(leading, key=len, default="")
    for item, address in zip(items, paths, strict=True):
        item["active"] = address == closest


def attention_count(request: HttpRequest) -> str:
    """Return the number for the badge of Team updates, blank for others than administrators."""
    visitor = request.user
    if not isinstance(visitor, Person):
        return ""
    return attention(visitor.tenant, with_times=False).label


def company(request: HttpRequest) -> str:
    """Return the text below the name Ramp: the company, or “Operator”."""
    visitor = request.user
    if is_operator(visitor):
        return "Operator"
    return visitor.tenant.name if visitor.is_authenticated else ""


def account_links(request: HttpRequest) -> list[Item]:
    links = [
        {"title": "My profile", "link": reverse("admin:home")},
        {"title": "Account", "link": reverse("admin:account")},
    ]
    if is_tenant_admin(request.user):
        links.append({"title": "API tokens", "link": reverse("admin:api_tokens")})
    return links


def theme(request: HttpRequest) -> str:
    return static("theme.css")


def stylesheet(request: HttpRequest) -> str:
    return static("ramp.css")


def favicon(request: HttpRequest) -> str:
    return static("favicon.svg")


def script(request: HttpRequest) -> str:
    return static("ramp.js")


def dialog_script(request: HttpRequest) -> str:
    return static("dialog.js")


def search_script(request: HttpRequest) -> str:
    return static("search.js")
