"""Changes of people, and the messages about them that a receiver got."""

from people.models import Person
from people.operations import people_update
from people.values import Actor, Profile
from tests.services.webhook_receiver import Receiver

HELPDESK = Actor("person", "helpdesk@example.com")


def rename(person: Person, name: str) -> None:
    profile = Profile(given_name=name, family_name=person.family_name, email=person.email)
    people_update.revise_person(person, profile, actor=HELPDESK)


def refuse(receiver: Receiver, *persons: Person) -> None:
    """Let the receiver respond with 500 to messages about these people."""
    ids = {str(one.pk) for one in persons}
    receiver.status_of = lambda message: 500 if message.data["person"] in ids else 200


def names_sent(receiver: Receiver, person: Person) -> list[str]:
    """Return the new names in the accepted messages about the person, in order."""
    about = [one for one in receiver.accepted if one.data["person"] == str(person.pk)]
    return [one.data["changes"][0]["after"] for one in about if one.data["changes"]]
