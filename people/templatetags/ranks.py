from django import template

from people.models import Person, Role
from people.operations import ranks

register = template.Library()


@register.filter
def refusal_over(viewer: Person, person: Person) -> str:
    """Return why the viewer may not change the person; blank if they may."""
    return ranks.refusal_over(viewer, person)


@register.filter
def may_grant(viewer: Person, role: Role | str) -> bool:
    """Tell whether the viewer may grant the role, or remove a group mapping that grants it."""
    return ranks.may_grant(viewer, role)
