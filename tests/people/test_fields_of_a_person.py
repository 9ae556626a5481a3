"""The table of the fields of a person: columns, events, managed fields and the edit page."""

from collections.abc import Callable
from dataclasses import fields, replace
from typing import Any

import pytest

from people.db.models import field_values
from people.models import Person
from people.models.field_table import EDITABLE, FIELDS, LABELS, PROFILE, READERS, Kind
from people.operations import people_update
from people.values import KEEP, Actor, Profile
from tests.clients.pages import signed_in, text_of
from tests.factories import core

pytestmark = pytest.mark.django_db

OKTA = Actor("scim", "okta")
# Columns that are not fields of the table, and why.
OTHER_COLUMNS = {
    "id": "It never changes.",
    "tenant": "It never changes.",
    "password": "It is a secret, and has events of its own.",
    "last_login": "Django sets it; the sign-in log has the sign-ins.",
    "joined_at": "The event of joining has the time.",
    "deactivated_at": "The event of the deactivation has the time.",
    "deactivated_by": "The event of the deactivation has the actor.",
    "terminated_at": "The event of the termination has the time.",
    "detached_at": "It frees the address; the event of the deactivation has the time.",
    "session_epoch": "It ends sessions, and does not describe the person.",
    "is_operator": "A command sets it, outside of the tenant's history.",
    "managed_fields": "It describes the other fields.",
    "manually_overridden_fields": "It describes the other fields.",
    "manually_overridden_at": "It describes the other fields.",
    "custom_values": "Each custom field has a name of its own in events.",
    "created_at": "The first event has the time.",
    "changed_at": "The last event has the time.",
}

PLACES: dict[str, Callable[[str], Any]] = {
    "department": core.department,
    "location": core.location,
}

every_editable_field = pytest.mark.parametrize("name", EDITABLE)


@pytest.fixture
def bob(owner: Person) -> Person:
    """An invited person, whose address changes without confirmation."""
    return core.person(email="bob@example.com", state=Person.State.INVITED)


def another(name: str) -> Any:
    """Return an unused value of this field: the name of a place, or a person."""
    match FIELDS[name].kind:
        case Kind.ADDRESS:
            return "another@example.com"
        case Kind.PERSON:
            return core.person(given_name="Grace", family_name="Hopper")
        case Kind.CHOICE:
            return Person.Role.BOOKKEEPER
        case _:
            return "Another"


def text(value: Any) -> str:
    return str(value.pk) if isinstance(value, Person) else str(value)


def revise(person: Person, name: str, value: Any) -> None:
    profile = replace(person.profile, **{name: value}) if name in PROFILE else person.profile
    manager = value if name == "manager" else KEEP
    people_update.revise_person(person, profile, actor=OKTA, manager=manager)


def test_every_column_is_a_field_or_listed_as_exception() -> None:
    columns = {column.name for column in Person._meta.concrete_fields}
    declared = {*FIELDS, *(column for field in FIELDS.values() for column in field.columns)}

    assert columns == declared | OTHER_COLUMNS.keys()
    assert declared.isdisjoint(OTHER_COLUMNS)


def test_profile_contains_the_fields_declared_for_it() -> None:
    assert {field.name for field in fields(Profile)} == {*PROFILE, "unspecified"}


@every_editable_field
def test_new_value_is_stored_and_shown_with_an_event(name: str, bob: Person) -> None:
    value = another(name)

    revise(bob, name, value)

    stored = Person.objects.get(pk=bob.pk)
    assert READERS[name](stored) == text(value)
    change = stored.events.get().changes[name]
    assert (stored.events.get().changes.keys(), change["to"]) == ({name}, text(value))
    assert stored.managed_fields[name]["by"] == str(OKTA)
    page = text_of(signed_in(core.administrator()).get(f"/people/{bob.pk}/"))
    assert f"Okta {'changed' if change['from'] else 'set'} {LABELS[name]}" in page


@every_editable_field
def test_field_can_be_edited_on_the_edit_page(name: str, bob: Person) -> None:
    value = another(name)
    client, address = signed_in(core.administrator()), f"/people/{bob.pk}/edit/"
    form = client.get(address).context["form"]
    old = {one: form[one].value() or "" for one in form.fields}
    assert form[name].label == LABELS[name].capitalize()
    assert old[name] == (field_values(bob, [name])[name] or "")

    client.post(address, old | {name: chosen(name, value)})

    assert READERS[name](Person.objects.get(pk=bob.pk)) == text(value)


def chosen(name: str, value: Any) -> Any:
    """Return what the edit page sends for the value."""
    match FIELDS[name].kind:
        case Kind.PERSON:
            return value.pk
        case Kind.PLACE:
            return PLACES[name](value).pk
        case _:
            return value
