"""The columns of the People page, and the layout that an administrator has chosen."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from django.http import QueryDict
from django.urls import reverse

from people.models import Person, SavedView


@dataclass(frozen=True)
class Column:
    """A column, and the fields that a file contains for it.

    `order` is the field by which the list is sorted; blank if it cannot be.
    """

    label: str
    order: str
    fields: tuple[str, ...]


# The name comes first in every layout, because the list needs a link to each person.
NAME: Final = "name"
COLUMNS: Final = {
    NAME: Column("Name", "family_name", ("given_name", "family_name", "email")),
    "role": Column("Role", "role", ("role",)),
    "department": Column("Department", "department__name", ("department",)),
    "location": Column("Location", "location__name", ("location",)),
    "entity": Column("Entity", "location__entity__name", ("entity",)),
    "manager": Column("Manager", "manager__family_name", ("manager",)),
    "state": Column("State", "state", ("state",)),
    "title": Column("Job title", "", ("title",)),
    "phone": Column("Phone", "", ("phone",)),
    "joined_at": Column("Joined", "joined_at", ("joined_at",)),
    "created_at": Column("Added", "created_at", ("created_at",)),
    "deactivated_at": Column("Deactivated", "deactivated_at", ("deactivated_at",)),
    "deactivates_at": Column("Last day", "deactivates_at", ("deactivates_at",)),
}
# The columns that identity providers fill, and `hooks.contact_details` reads.
CONTACT: Final = ("title", "phone")
DEFAULT: Final = (NAME, "role", "department", "location", "manager", "state")


@dataclass(frozen=True)
class Layout:
    """The columns and the order of the list, and the saved views that the visitor may open."""

    columns: tuple[str, ...] = DEFAULT
    order: str = ""
    # The saved view that is open.
    view: SavedView | None = None
    views: tuple[SavedView, ...] = ()

    @property
    def ordering(self) -> tuple[str, ...]:
        """Return the order for a query; the last fields make it complete."""
        name = self.order.removeprefix("-")
        first = COLUMNS[name].order if name in COLUMNS else ""
        by_name = ("family_name", "given_name", "pk")
        if not first:
            return by_name
        sign = "-" if self.order.startswith("-") else ""
        return (f"{sign}{first}", *(field for field in by_name if field != first))


def layout_for(viewer: Person, view_id: str = "") -> Layout:
    """Return the layout of the saved view, or else the administrator's own layout."""
    views = list(SavedView.objects.usable_by(viewer))
    named = tuple(view for view in views if view.name)
    opened = next((view for view in named if str(view.pk) == view_id), None)
    stored = opened or next((view for view in views if not view.name), None)
    if stored is None:
        return Layout(views=named)
    return Layout(known_columns(stored.columns), stored.order, opened, named)


def known_columns(names: Iterable[str]) -> tuple[str, ...]:
    """Return the columns that exist, each once, with the name first."""
    known = [name for name in names if name in COLUMNS and name != NAME]
    return (NAME, *dict.fromkeys(known))


def url_of(view: SavedView) -> str:
    """Return the URL of the People page with this saved view."""
    query = QueryDict(view.filters, mutable=True)
    query["view"] = str(view.pk)
    return f"{reverse('admin:people_person_changelist')}?{query.urlencode()}"
