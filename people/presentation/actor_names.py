"""The names of actors, as pages show them."""

from collections.abc import Iterable

from people import hooks
from people.models import Person
from people.values import SIGN_IN_SOURCES, normalize_key


def people_names(actors: Iterable[str]) -> dict[str, str]:
    """Return the names of the actors who are people, by address, for `actor_name`."""
    keys = [
        normalize_key(actor.removeprefix("person:"))
        for actor in actors
        if actor.startswith("person:")
    ]
    people = Person.objects.filter(email_key__in=keys) if keys else []
    return {person.email: person.full_name for person in people}


def actor_name(actor: str, names: dict[str, str] | None = None) -> str:
    """Return the actor's name. Without `names`, a person is shown by their address."""
    kind, _, name = actor.partition(":")
    match kind:
        case "scim":
            return hooks.provider_name(name)
        case "person":
            return (names or {}).get(name, name)
        case _ if kind in SIGN_IN_SOURCES:
            return name
        case "setup-link":
            # The visitor entered the name, and nothing proves it.
            return f"“{name}”, by the setup link"
        case "command" | "operator":
            # Operators need no account in Ramp to run a command, and belong to another company.
            return "An operator"
        case _:
            return "Ramp"
