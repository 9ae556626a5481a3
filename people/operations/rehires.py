"""Rehires: a leaver who comes back starts without credentials and without elevated roles."""

from secrets import token_urlsafe

from django.contrib.auth.hashers import UNUSABLE_PASSWORD_PREFIX
from django.db import transaction

from people import events, hooks
from people.models import Event, Grant, Passkey, Person, Role, SecondFactor
from people.operations import ranks
from people.operations.locks import lock
from people.operations.person_fields import difference, set_role, snapshot
from people.operations.roles.base_roles import check_role, grant_role
from people.operations.roles.withheld_roles import ASKED, DECLINED, key_of
from people.values import Actor, PeopleError

# The columns that `start_over` writes. The reactivation itself writes the state.
START_OVER_COLUMNS = (
    *("password", "session_epoch", "joined_at", "pending_email", "detached_at"),
    *("role", "role_source", "role_assigned_at", "withheld_roles", "changed_at"),
)


class NoAddress(PeopleError):
    code = "no-address"
    field = "email"

    def __init__(self, person: Person) -> None:
        super().__init__(
            f"The email address of {person.full_name} now belongs to another person. Change their "
            "address first, then reactivate them."
        )


class NotWithheld(PeopleError):
    code = "role-not-withheld"

    def __init__(self, person: Person) -> None:
        super().__init__(
            f"This was already decided, or {person.full_name} already has the role again. Nothing "
            "was changed."
        )


def unusable_password() -> str:
    """Return an unusable password in Django's format. `make_password(None)` is slower."""
    return f"{UNUSABLE_PASSWORD_PREFIX}{token_urlsafe(30)}"


def revoke_credentials(person: Person) -> None:
    """Revoke all that lets a locked person in: password, second factor, sessions, tokens, links."""
    person.password = unusable_password()
    person.session_epoch += 1
    person.save(update_fields=["password", "session_epoch"])
    SecondFactor.objects.filter(person=person).delete()
    Passkey.objects.filter(person=person).delete()
    # Otherwise the next holder of a reused account at the provider could sign in as this person.
    hooks.retire_identities(person)


@transaction.atomic(savepoint=False)
def start_over(person: Person, *, actor: Actor) -> None:
    """Prepare a leaver for reactivation, as if they had never joined.

    This revokes the password, linked sign-ins, sessions and tokens. Elevated roles are withheld
    until an administrator grants them again, because a matching identifier does not prove that it
    is the same person. The caller reactivates the person.
    """
    lock(person)
    before = snapshot(person)
    revoke_credentials(person)
    person.joined_at, person.pending_email, person.detached_at = None, "", None
    _withhold_roles(person, actor=actor)
    person.save(update_fields=list(START_OVER_COLUMNS))
    events.record(
        Event.Kind.PERSON_RETURNED,
        person,
        actor=actor,
        changes=difference(before, snapshot(person)),
    )


def _withhold_roles(person: Person, *, actor: Actor) -> None:
    withheld = dict(person.withheld_roles)
    if person.is_administrator:
        withheld[key_of(person.role)] = ASKED
        set_role(person, Person.Role.CARDHOLDER, actor=actor)
        # Mapped base roles, and the own role kept beside them, belong to the earlier employment.
        Grant.objects.filter(person=person, role=None).delete()
    elevated = Grant.objects.filter(person=person, role__is_elevated=True).select_related("role")
    for grant in elevated.order_by("pk"):
        assert grant.role
        withheld[key_of(grant.role)] = ASKED
        grant.delete()
        events.record(
            Event.Kind.ROLE_REMOVED,
            person,
            actor=actor,
            role=grant.role_name,
            source=grant.source,
        )
    person.withheld_roles = withheld


@transaction.atomic
def give_role_back(person: Person, name: str, *, actor: Actor) -> None:
    """Grant the person the withheld role again.

    :raises PersonAboveRank, RoleAboveRank: if the actor's rank does not allow it.
    :raises NotWithheld: if the role does not wait for a decision.
    :raises InvalidRole: if the person is not eligible for it.
    """
    lock(person)
    ranks.check_rank_over(actor, person)
    if person.withheld_roles.get(name) != ASKED:
        raise NotWithheld(person)
    if name not in Person.Role:
        grant_role(person, Role.objects.get(pk=name.partition(":")[2]), actor=actor)
        return
    before = snapshot(person)
    check_role(person, name)
    ranks.check_may_grant(actor, name)
    set_role(person, name, actor=actor)
    person.save(
        update_fields=["role", "role_source", "role_assigned_at", "withheld_roles", "changed_at"]
    )
    changes = difference(before, snapshot(person))
    events.record(Event.Kind.PERSON_REVISED, person, actor=actor, changes=changes)


@transaction.atomic
def decline_role(person: Person, name: str, *, actor: Actor) -> None:
    """Decline the withheld role, so that it is no longer listed for a decision.

    :raises PersonAboveRank: if the person is above the actor's rank.
    :raises NotWithheld: if the role does not wait for a decision.
    """
    lock(person)
    ranks.check_rank_over(actor, person)
    if person.withheld_roles.get(name) != ASKED:
        raise NotWithheld(person)
    person.withheld_roles = person.withheld_roles | {name: DECLINED}
    person.save(update_fields=["withheld_roles", "changed_at"])
    events.record(
        Event.Kind.PERSON_REVISED, person, actor=actor, declined=name, reason="role not given back"
    )
