"""What an accepted resource means for its person.

The resource is what the provider said; the person is what the company knows. This module
carries the one over to the other through people's operations, under the connection's
policies, and lists what stands in the way.
"""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, replace
from typing import NamedTuple

from django.db.models import Q

from people import operations
from people.models import CustomField, Person
from people.values import KEEP, Keep, PeopleError, Profile, fold
from scim import journal
from scim.canonical import link_manager
from scim.mapping import Assertion, profile_of
from scim.models import Connection, ScimUser
from scim.protocol import Call, scim_uuid
from scim.strict_json import Json

HELD = "Waiting for the manager to arrive"
# What a connection that holds incomplete people keeps and lists instead of refusing.
HOLDABLE = (
    operations.DuplicateEmail,
    operations.InvalidLocationChange,
    operations.InvalidName,
    operations.InvalidRole,
)


SPOKEN = {
    "given_name": "first name",
    "family_name": "last name",
    "email": "email",
    "department": "department",
    "location": "location",
}
# What Entra's app roles are called; there is no Owner among them.
APP_ROLES = {
    "Admin": Person.Role.ADMIN,
    "Cardholder": Person.Role.CARDHOLDER,
    "Bookkeeper": Person.Role.BOOKKEEPER,
    "Guest": Person.Role.GUEST,
    "IT Admin": Person.Role.IT_ADMIN,
}


class Incomplete(PeopleError):
    code = "incomplete"

    def __init__(self, missing: Iterable[str]) -> None:
        fields = ", ".join(SPOKEN[name] for name in missing)
        super().__init__(
            f"Missing required fields: {fields}. "
            "Fill them in at your identity provider, and map them to SCIM."
        )


def carry_over(call: Call, user: ScimUser, before: Json | None, *, was_active: bool | None) -> None:
    """Bring the person of the resource to what it says now; `before` is what it said.

    Both are None for a resource that is new, or back. The caller saves it afterwards.

    :raises PeopleError: if the rules or the connection's policies refuse it. What a
        policy lets through all the same is listed as a sync error.
    """
    connection = call.connection
    if not connection.is_live:
        return
    said = profile_of(user.document, connection.mapping)
    call.subject.said = asdict(said.profile) | {"manager": said.manager}
    earlier = profile_of(before, connection.mapping) if before is not None else None
    if said == earlier and was_active == user.active and not (user.problem or user.has_errors):
        return
    with _holding(call, user):
        manager: Person | Keep | None = KEEP
        is_open = user.person_id is None or user.problem
        if earlier is None or is_open or said.manager != earlier.manager:
            manager = _manager(connection, user, said.manager)
        problems = _provision(connection, user, said, manager)
        _apply_activity(connection, user, was_active=was_active)
    _list(call, user, problems)


@contextmanager
def _holding(call: Call, user: ScimUser) -> Iterator[None]:
    """Hold the person of the resource, if there is one, for all that is done to them."""
    if user.person_id is None:
        yield
        return
    if not call.holds_person:
        user.person = operations.hold_person(user.person_id)
    assert user.person is not None
    with operations.holding(user.person):
        yield


def _provision(
    connection: Connection, user: ScimUser, said: Assertion, manager: Person | Keep | None
) -> list[PeopleError]:
    """Add or revise the person, and return what had to be left undone."""
    profile = _filled(connection, said.profile, user.person)
    missing = [name for name in said.missing if not getattr(profile, name) or "name" in name]
    if not missing:
        return _write(connection, user, profile, manager, said)
    gap = _gap(missing)
    if connection.incomplete == Connection.Incomplete.REFUSE:
        raise gap
    if user.person is None and connection.incomplete == Connection.Incomplete.FILL:
        raise gap
    if user.person is None:
        return [gap]
    older = user.person.profile
    profile = replace(profile, **{name: getattr(older, name) for name in missing})
    return [gap, *_write(connection, user, profile, manager, said)]


def _filled(connection: Connection, profile: Profile, person: Person | None) -> Profile:
    """Put the connection's defaults where nothing was said, if it fills.

    Whoever has something else already keeps that: it was said once.
    """
    if connection.incomplete != Connection.Incomplete.FILL:
        return profile
    defaults = {
        "department": connection.default_department,
        "location": connection.default_location,
    }
    older = person.profile if person else None
    filled = {
        name: default
        for name, default in defaults.items()
        if not getattr(profile, name)
        and (older is None or fold(getattr(older, name)) in ("", fold(default)))
    }
    return replace(profile, **filled)


def _gap(missing: list[str]) -> PeopleError:
    if set(missing) <= {"given_name", "family_name"}:
        return operations.InvalidName()
    return Incomplete(missing)


def _write(
    connection: Connection,
    user: ScimUser,
    profile: Profile,
    manager: Person | Keep | None,
    said: Assertion,
) -> list[PeopleError]:
    try:
        profile = replace(profile, role=_role(connection, profile.role))
        _write_person(connection, user, profile, manager, said)
    except HOLDABLE as error:
        if connection.incomplete != Connection.Incomplete.HOLD:
            raise
        if user.person:
            # What was refused must not linger in memory, where the next rule would see it.
            user.person.refresh_from_db()
        return [error]
    return [operations.InvalidManager()] if user.waiting_manager else []


def _role(connection: Connection, given: str | None) -> str | None:
    """Translate the role; one that is none of ours is refused where roles are given.

    :raises operations.InvalidRole: if Entra would make an Owner.
    """
    if connection.provider != Connection.Provider.ENTRA or given is None:
        return given
    if given == Person.Role.OWNER:
        raise operations.InvalidRole
    return APP_ROLES.get(given, given)


def _write_person(
    connection: Connection,
    user: ScimUser,
    profile: Profile,
    manager: Person | Keep | None,
    said: Assertion,
) -> None:
    actor, custom = connection.actor, _known_custom(said.custom_fields)
    if user.person is None:
        try:
            user.person = operations.add_person(
                profile,
                actor=actor,
                manager=None if isinstance(manager, Keep) else manager,
                custom_values=custom,
                hold_invite_because=HELD if user.waiting_manager else "",
            )
        except operations.DuplicateEmail:
            user.person = _adopted(profile.email)
        else:
            return
    operations.revise_person(
        user.person, profile, actor=actor, manager=manager, custom_values=custom
    )
    if user.problem == ScimUser.Problem.WAITING and not user.waiting_manager:
        operations.release_invite(user.person, actor=actor)


def _adopted(email: str) -> Person:
    """Return whom the address belongs to, if nobody owns them.

    :raises operations.DuplicateEmail: if they are owned, or an administrator, whom only
        a click in Team updates may hand over.
    """
    person: Person = Person.objects.in_lists().get(email_key=fold(email))
    # Two connections may want the same person at once; whoever comes second sees the first.
    operations.lock(person)
    owned = person.scim_users.filter(deleted_at=None, connection__disconnected_at=None)
    if person.is_administrator or owned.exists():
        raise operations.DuplicateEmail
    # What a disconnected connection still holds of them is nobody's from now on.
    person.scim_users.filter(deleted_at=None).update(person=None)
    return person


def _manager(connection: Connection, user: ScimUser, given: str) -> Person | Keep | None:
    """Find the manager, or note that the reference waits.

    :raises operations.InvalidManager: if nobody answers to it and the connection rejects that.
    :raises operations.SelfManager: if the resource names itself.
    """
    user.waiting_manager = ""
    if not given:
        return None
    if _names_itself(user, given):
        raise operations.SelfManager
    found = find_manager(connection, given)
    if found is not None:
        link_manager(user.document, found.scim_id)
        return found.person
    if connection.unknown_manager == Connection.UnknownManager.REJECT:
        raise operations.InvalidManager
    user.waiting_manager = fold(given)
    return KEEP


class Manager(NamedTuple):
    person: Person
    scim_id: str | None


def find_manager(connection: Connection, given: str) -> Manager | None:
    """Return whom the text names: by our id, externalId, userName or e-mail address."""
    known = ScimUser.objects.known_to(connection).filter(person__isnull=False)
    known = known.select_related("person")
    key = fold(given)
    by_id = scim_uuid(given)
    user = (
        (known.filter(scim_id=by_id).first() if by_id.int else None)
        or known.filter(scim_external_id=given).first()
        or known.filter(Q(user_name_key=key) | Q(email_key=key)).first()
    )
    if user and user.person:
        return Manager(user.person, str(user.scim_id))
    people = Person.objects.filter(email_key=key)
    # Whoever left for good is found too, to be refused: nobody need wait for them.
    person = people.in_lists().first() or people.first()
    return Manager(person, None) if person else None


def _names_itself(user: ScimUser, given: str) -> bool:
    names = (str(user.scim_id), user.user_name_key, user.email_key)
    return fold(given) in names or given == user.scim_external_id


def _known_custom(values: Mapping[str, str]) -> dict[str, str]:
    """Keep the values of fields that the tenant has; an absent one is left as it is."""
    if not values:
        return {}
    names = CustomField.objects.filter(external_name__in=values)
    return {name: values[name] for name in names.values_list("external_name", flat=True)}


def _apply_activity(connection: Connection, user: ScimUser, *, was_active: bool | None) -> None:
    """Deactivate or reactivate the person when the provider says so.

    Only a change says so: somebody deactivated by hand stays out although the provider
    repeats, with every update, that it has them as active.
    """
    if user.person is None:
        return
    if not user.active:
        operations.deactivate_person(user.person, actor=connection.actor)
    elif not (was_active or user.person.is_active):
        operations.reactivate_person(
            user.person,
            actor=connection.actor,
            hold_invite_because=HELD if user.waiting_manager else "",
        )


def _list(call: Call, user: ScimUser, problems: list[PeopleError]) -> None:
    """Keep the listed problems of the resource to those that are left."""
    if user.waiting_manager:
        user.problem = ScimUser.Problem.WAITING
    else:
        user.problem = ScimUser.Problem.INCOMPLETE if problems else ScimUser.Problem.NONE
    call.subject.user = user
    for problem in problems:
        journal.note_sync_error(call, problem)
    if user.has_errors:
        journal.resolve_sync_errors(user, except_for={problem.code for problem in problems})
    user.has_errors = bool(problems)
