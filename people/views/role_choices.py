"""The roles that a form offers: those that the viewer may grant, and the current one."""

from collections.abc import Iterable
from typing import Any

from people.models import Person, Role
from people.operations import ranks


def offer_roles(
    field: Any,
    roles: Iterable[tuple[str, Role | Person.Role]],
    *,
    viewer: Person,
    kept: str = "",
    blank: str = "",
) -> None:
    """Show only the roles that the viewer may grant, but accept all of them.

    If a hidden role is submitted, the operation refuses it with a better message.
    """
    roles = list(roles)
    first = [("", blank)] if blank else []
    field.choices = [*first, *((key, ranks.name_of(role)) for key, role in roles)]
    # The current role stays in the list: without it, saving the form would change the role.
    shown = [(key, role) for key, role in roles if key == kept or ranks.may_grant(viewer, role)]
    field.widget.choices = [*first, *((key, ranks.name_of(role)) for key, role in shown)]
    if len(shown) < len(roles) and not field.help_text:
        is_admin = viewer.role == Person.Role.ADMIN
        granters = "An Owner" if is_admin else "Owners and Admins"
        field.help_text = f"Roles above your own are not listed. {granters} can grant them."
