"""Makes people operators, who run the installation and see no company's people."""

from django.db import transaction

from people import events
from people.models import Event, Person
from people.operations.locks import lock
from people.operations.roles.base_roles import LastAdministrator
from people.operations.sessions import end_sessions
from people.values import Actor, PeopleError


class OperatorNotActive(PeopleError):
    code = "operator-not-active"

    def __init__(self, person: Person) -> None:
        super().__init__(
            f"{person.full_name} is {person.get_state_display().lower()}. Only an active person "
            "can become an operator."
        )


@transaction.atomic
def make_operator(person: Person, *, actor: Actor) -> bool:
    """Make the person an operator; return False if they are one already.

    They no longer administer their own company. Their sessions and API tokens end, so that the new
    rights begin with a new sign-in.

    :raises OperatorNotActive: if they have not joined, or cannot sign in.
    :raises LastAdministrator: if nobody else could administer their colleagues.
    """
    lock(person)
    if person.is_operator:
        return False
    if person.state != Person.State.ACTIVE:
        raise OperatorNotActive(person)
    others = Person.objects.in_lists().exclude(pk=person.pk)
    if others.exists() and not others.active_administrators().filter(is_operator=False).exists():
        raise LastAdministrator(person)
    _set_operator(person, is_operator=True, actor=actor)
    return True


@transaction.atomic
def remove_operator(person: Person, *, actor: Actor) -> bool:
    """Make the operator an ordinary person again; return False if they are one already."""
    lock(person)
    if not person.is_operator:
        return False
    _set_operator(person, is_operator=False, actor=actor)
    return True


def _set_operator(person: Person, *, is_operator: bool, actor: Actor) -> None:
    person.is_operator = is_operator
    person.save(update_fields=["is_operator"])
    end_sessions(person)
    reason = "they became an operator" if is_operator else "they are no longer an operator"
    events.record(Event.Kind.SESSIONS_ENDED, person, actor=actor, reason=reason)
