"""Mapping the groups of a provider to roles."""

import json
from collections.abc import Iterator
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from people import tenancy
from people.models import Event, Grant, Person, Role, Tenant
from people.operations import ranks
from people.operations.roles import base_roles, group_mappings
from people.operations.roles.group_mappings import Author, OwnerNotConfirmed
from people.values import Actor
from provisioning.claims import UNKNOWN, Claims, Group, Groups
from provisioning.group_roles import mappings
from provisioning.models import GroupMapping, IdentityProvider
from provisioning.sign_in.sign_in import sign_in
from tests.factories import core
from tests.support import sign_in_flow
from tests.support.sign_in_flow import claims, groups, mapping, roles_of

pytestmark = pytest.mark.django_db

OLGA = Actor("person", "olga@acme.example")
AUTHOR = Author(actor=OLGA)
OPERATOR = Author(actor=Actor("command", "map_group"))
ADMIN, OWNER = Person.Role.ADMIN, Person.Role.OWNER


@pytest.fixture(autouse=True)
def in_acme(acme: Tenant) -> Iterator[None]:
    with tenancy.use(acme):
        core.owner(email="olga@acme.example")
        yield


@pytest.fixture
def corp(in_acme: None) -> IdentityProvider:
    return sign_in_flow.provider()


@pytest.fixture
def auditor(in_acme: None) -> Role:
    return sign_in_flow.role("Auditor")


def come_in(provider: IdentityProvider, given_claims: Claims) -> Person:
    person = sign_in(provider, given_claims).person
    assert person
    return person


def now(person: Person) -> Person:
    again: Person = Person.objects.get(pk=person.pk)
    return again


def test_draft_changes_no_roles(corp: IdentityProvider, auditor: Role) -> None:
    ada = come_in(corp, claims(groups=groups("Audit")))

    mappings.add_draft(corp, "Audit", auditor, author=AUTHOR)

    assert roles_of(ada) == []
    come_in(corp, claims(groups=groups("Audit")))
    assert roles_of(ada) == []


def test_applied_mapping_grants_role_to_group_members(
    corp: IdentityProvider, auditor: Role
) -> None:
    ada = come_in(corp, claims(groups=groups("Audit")))
    bob = come_in(corp, claims("bob", groups=groups("Sales")))
    mappings.add_draft(corp, "Audit", auditor, author=AUTHOR)

    outcome = mappings.apply(corp, author=AUTHOR)

    assert [(one.person, one.gained) for one in outcome.changes] == [(ada, ["Auditor"])]
    assert (roles_of(ada), roles_of(bob)) == (["Auditor"], [])
    assert ada.grants.get().because == "the group “Audit” of Corp"


def test_applying_records_one_event(corp: IdentityProvider, auditor: Role) -> None:
    come_in(corp, claims(groups=groups("Audit")))
    mappings.add_draft(corp, "Audit", auditor, author=AUTHOR)

    mappings.apply(corp, author=AUTHOR)

    event = Event.objects.get(kind=Event.Kind.CONNECTION_CHANGED)
    assert (event.actor, event.facts["added"]) == (str(OLGA), ["Audit → Auditor"])


def test_removing_the_mapping_revokes_the_role(corp: IdentityProvider, auditor: Role) -> None:
    ada = come_in(corp, claims(groups=groups("Audit")))
    mappings.map_group(corp, "Audit", auditor, author=AUTHOR)

    mappings.remove_draft(GroupMapping.objects.get(), author=AUTHOR)
    assert roles_of(ada) == ["Auditor"]
    outcome = mappings.apply(corp, author=AUTHOR)

    assert [one.lost for one in outcome.changes] == [["Auditor"]]
    assert roles_of(ada) == []
    assert not GroupMapping.objects.exists()


def test_role_granted_by_hand_stays(corp: IdentityProvider, auditor: Role) -> None:
    ada = come_in(corp, claims(groups=groups("Audit")))
    base_roles.grant_role(ada, auditor, actor=OLGA)
    mappings.map_group(corp, "Audit", auditor, author=AUTHOR)

    mappings.remove_draft(GroupMapping.objects.get(), author=AUTHOR)
    mappings.apply(corp, author=AUTHOR)

    assert roles_of(ada) == ["Auditor"]


@pytest.mark.parametrize(
    ("given_groups", "gained"),
    [(groups("Audit"), ["Auditor"]), (groups(), []), (UNKNOWN, [])],
    ids=["present", "empty", "unknown"],
)
def test_role_is_granted_only_if_groups_are_known(
    corp: IdentityProvider, auditor: Role, given_groups: Groups, gained: list[str]
) -> None:
    ada = come_in(corp, claims(groups=given_groups))

    mappings.map_group(corp, "Audit", auditor, author=AUTHOR)

    assert roles_of(ada) == gained


def test_last_known_groups_apply_if_a_sign_in_sends_none(
    corp: IdentityProvider, auditor: Role
) -> None:
    ada = come_in(corp, claims(groups=groups("Audit")))
    come_in(corp, claims(groups=UNKNOWN))

    mappings.map_group(corp, "Audit", auditor, author=AUTHOR)

    assert roles_of(ada) == ["Auditor"]


def test_mapping_by_name_stores_the_group_id(corp: IdentityProvider, auditor: Role) -> None:
    finance = Groups(frozenset({Group("6b1f", "Finance")}))
    ada = come_in(corp, claims(groups=finance))

    mappings.map_group(corp, "Finance", auditor, author=AUTHOR)

    made = GroupMapping.objects.get()
    assert (made.external_id, made.group_name) == ("6b1f", "Finance")
    assert roles_of(ada) == ["Auditor"]


@pytest.mark.parametrize("group", ["audit", "AUDIT", "Audit ", " Audit", "Audits", "Аudit"])
def test_group_names_are_compared_exactly(
    corp: IdentityProvider, auditor: Role, group: str
) -> None:
    ada = come_in(corp, claims(groups=groups("Audit")))

    mappings.map_group(corp, group, auditor, author=AUTHOR)

    assert roles_of(ada) == []


@pytest.mark.parametrize("group", ["Owner", "ADMIN", "admin", "BUSINESS_OWNER", "Auditor"])
def test_group_named_like_a_role_grants_no_role(
    corp: IdentityProvider, auditor: Role, group: str
) -> None:
    ada = come_in(corp, claims(groups=groups(group)))

    assert (now(ada).role, roles_of(ada)) == (Person.Role.CARDHOLDER, [])


@pytest.mark.parametrize("group", ["", " ", "x" * 501, "a\0b"])
def test_refuses_invalid_group_name(corp: IdentityProvider, auditor: Role, group: str) -> None:
    with pytest.raises(mappings.InvalidGroup):
        mappings.add_draft(corp, group, auditor, author=AUTHOR)


def test_refuses_mapping_to_guest(corp: IdentityProvider) -> None:
    with pytest.raises(group_mappings.NotMappable):
        mappings.add_draft(corp, "Guests", Person.Role.GUEST, author=AUTHOR)


def test_mapping_to_owner_needs_confirmation(corp: IdentityProvider) -> None:
    with pytest.raises(OwnerNotConfirmed):
        mappings.add_draft(corp, "Board", OWNER, author=AUTHOR)

    mappings.add_draft(corp, "Board", OWNER, author=AUTHOR, is_owner_confirmed=True)
    assert GroupMapping.objects.get().base_role == OWNER


@pytest.mark.parametrize(
    ("own", "role"),
    [(ADMIN, OWNER), (Person.Role.IT_ADMIN, ADMIN), (Person.Role.IT_ADMIN, OWNER)],
)
def test_refuses_role_above_the_rank_of_the_author(
    corp: IdentityProvider, own: str, role: Person.Role
) -> None:
    author = Author(actor=core.person(role=own).actor)

    with pytest.raises(ranks.RoleAboveRank):
        mappings.add_draft(corp, "Board", role, author=author, is_owner_confirmed=True)

    mappings.add_draft(corp, "Board", role, author=AUTHOR, is_owner_confirmed=True)
    for deed in (mappings.preview, mappings.apply):
        with pytest.raises(ranks.RoleAboveRank):
            deed(corp, author=author)
    assert GroupMapping.objects.get().draft == GroupMapping.Draft.ADDED


def test_preview_and_outcome_name_the_last_owner(corp: IdentityProvider) -> None:
    ada = come_in(corp, claims(groups=groups("Board")))
    mappings.map_group(corp, "Board", OWNER, author=AUTHOR)
    mappings.remove_draft(GroupMapping.objects.get(), author=AUTHOR)
    Person.objects.filter(email="olga@acme.example").update(role=Person.Role.CARDHOLDER)

    foreseen = mappings.preview(corp, author=OPERATOR)
    outcome = mappings.apply(corp, author=OPERATOR)

    assert foreseen.changes[0].problems == outcome.changes[0].problems
    assert "Ada Lovelace is the last active Owner." in outcome.changes[0].problems[0]
    assert now(ada).role == OWNER


def test_new_owner_is_added_before_the_old_owner_is_removed(corp: IdentityProvider) -> None:
    ada = come_in(corp, claims("ada", groups=groups("Old")))
    zoe = come_in(corp, claims("zoe", family_name="Zuse", groups=groups("New")))
    mappings.map_group(corp, "Old", OWNER, author=AUTHOR)
    Person.objects.filter(email="olga@acme.example").update(role=Person.Role.CARDHOLDER)
    mappings.remove_draft(GroupMapping.objects.get(), author=OPERATOR)
    mappings.add_draft(corp, "New", OWNER, author=OPERATOR, is_owner_confirmed=True)

    outcome = mappings.apply(corp, author=OPERATOR)

    assert [one.problems for one in outcome.changes] == [[], []]
    assert (now(ada).role, now(zoe).role) == (Person.Role.CARDHOLDER, OWNER)


def test_adding_a_removed_mapping_cancels_the_removal(
    corp: IdentityProvider, auditor: Role
) -> None:
    made = mapping(corp, "Audit", auditor)
    mappings.remove_draft(made, author=AUTHOR)

    assert mappings.add_draft(corp, "Audit", auditor, author=AUTHOR).draft == ""


def test_discard_deletes_drafts(corp: IdentityProvider, auditor: Role) -> None:
    mappings.remove_draft(mapping(corp, "Audit", auditor), author=AUTHOR)
    mappings.add_draft(corp, "Board", ADMIN, author=AUTHOR)

    mappings.discard(corp)

    assert [str(one) for one in GroupMapping.objects.in_force()] == ["Audit → Auditor"]
    assert not mappings.drafts_of(corp).exists()


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data())
def test_outcome_equals_the_preview(corp: IdentityProvider, auditor: Role, data: Any) -> None:
    """For any mappings, drafts, manual grants and groups at sign-ins."""
    names, roles = ["A", "B", "C"], [auditor, ADMIN, OWNER, Person.Role.BOOKKEEPER]
    pairs = st.sets(st.tuples(st.sampled_from(names), st.integers(0, 3)), max_size=4)
    in_force, wanted = data.draw(pairs), data.draw(pairs)
    people = [f"p{core.number()}" for _ in range(3)]
    values = st.none() | st.sets(st.sampled_from(names))
    mappings.discard(corp)
    GroupMapping.objects.all().delete()
    for group, role in in_force:
        mapping(corp, group, roles[role])
    for one in people:
        known = data.draw(values)
        person = come_in(corp, claims(one, UNKNOWN if known is None else groups(*known)))
        if data.draw(st.booleans()):
            base_roles.grant_role(person, auditor, actor=OLGA)
    for made in GroupMapping.objects.all():
        if (made.external_id, roles.index(made.role or Person.Role(made.base_role))) not in wanted:
            mappings.remove_draft(made, author=AUTHOR)
    for group, role in wanted:
        mappings.add_draft(corp, group, roles[role], author=AUTHOR, is_owner_confirmed=True)
    before = stored_state()

    foreseen = mappings.preview(corp, author=AUTHOR)
    assert stored_state() == before
    outcome = mappings.apply(corp, author=AUTHOR)

    assert outcome == foreseen
    by_hand = Grant.objects.filter(source=str(OLGA))
    assert {one for one in before[1] if one[2] == str(OLGA)} == {
        (one.person_id, one.role_name, one.source) for one in by_hand
    }


def stored_state() -> tuple[set[Any], set[Any], set[Any]]:
    """Return the roles and grants of all people, with their origin, and all mappings."""
    return (
        set(Person.objects.values_list("pk", "role", "role_source")),
        {(one.person_id, one.role_name, one.source) for one in Grant.objects.all()},
        set(GroupMapping.objects.values_list("external_id", "base_role", "role", "draft")),
    )


def map_by_command(*arguments: str) -> dict[str, Any]:
    out = StringIO()
    call_command("map_group", *arguments, stdout=out)
    answer: dict[str, Any] = json.loads(out.getvalue())
    return answer


@pytest.mark.parametrize("role", ["Admin", "admin", "BUSINESS_ADMIN"])
def test_command_maps_a_group(corp: IdentityProvider, role: str) -> None:
    ada = come_in(corp, claims(groups=groups("Board")))
    mappings.add_draft(corp, "Left", ADMIN, author=AUTHOR)

    answer = map_by_command("acme", "--provider", "corp", "--group", "Board", "--role", role)

    assert answer["changes"] == [
        {"person": ada.email, "gained": ["Admin"], "lost": [], "problems": []}
    ]
    assert now(ada).role == ADMIN
    assert mappings.drafts_of(corp).get().group_name == "Left"


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (("nowhere", "--provider", "Corp", "--group", "A", "--role", "Admin"), "no tenant"),
        (("acme", "--provider", "Crop", "--group", "A", "--role", "Admin"), "Existing: “Corp”"),
        (("acme", "--provider", "Corp", "--group", "A", "--role", "King"), "no role “King”"),
        (("acme", "--provider", "Corp", "--group", "A", "--role", "Guest"), "cannot grant"),
        (("acme", "--provider", "Corp", "--group", " ", "--role", "Admin"), "Enter the group"),
    ],
    ids=str,
)
def test_command_explains_invalid_arguments(
    corp: IdentityProvider, arguments: tuple[str, ...], text: str
) -> None:
    with pytest.raises(CommandError, match=text):
        map_by_command(*arguments)
