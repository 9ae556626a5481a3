"""The names of actors, for mails."""

from django import template

from people.models import Person
from people.presentation.actor_names import actor_name, people_names

register = template.Library()


@register.filter
def by(actor: str, recipient: Person) -> str:
    """Return the name with which a sentence about the actor begins, such as “You” or “Okta”."""
    if not actor:
        return "Somebody"
    return "You" if actor == str(recipient.actor) else actor_name(actor, people_names([actor]))
