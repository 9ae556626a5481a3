from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from django.db.models import QuerySet
from scim2_models import InvalidFilterException, InvalidPathException

from people import tenancy
from scim.api.filter_query import condition, ordering
from scim.models import ScimGroup, ScimUser
from scim.rfc.resource_types import GROUP, USER
from tests.factories import core
from tests.factories.scim import scim_connection, scim_group, scim_user

ENT = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
RAMP = "urn:ietf:params:scim:schemas:extension:ramp:2.0:User"
ID = "0b8b3c7e-3a57-4b0f-9a55-6e0c7e2f4a10"


@pytest.fixture(autouse=True)
def users_and_groups(db: None) -> Iterator[None]:
    with tenancy.use(core.tenant()):
        connection = scim_connection()
        ada = scim_user(
            connection,
            "Ada@Example.com",
            externalId="X-1",
            name={"givenName": "Ada", "familyName": "O'Brien_100%"},
            title="Engineer",
            emails=[
                {"value": "ada@work.example", "type": "work", "primary": True},
                {"value": "ada@home.example", "type": "home"},
            ],
            addresses=[{"type": "work", "locality": "Łódź", "country": "PL"}],
            roles=[{"value": "Admin", "primary": True, "type": "rampUserRole"}],
            **{
                ENT: {"department": "Research", "manager": {"value": ID}},
                RAMP: {"location": "Paris", "cost__code": "C1"},
            },
        )
        ScimUser.objects.filter(pk=ada.pk).update(
            scim_id=ID, created_at=datetime(2024, 5, 1, 12, tzinfo=UTC)
        )
        bob = scim_user(
            connection,
            "bob",
            externalId="x-1",
            title="engineer",
            active=False,
            emails=[{"value": "bob@work.example", "type": "other"}],
            phoneNumbers=[{"value": "+1 555", "type": "work"}],
        )
        scim_user(connection, "cy", nickName='C\\y "the" % _')
        scim_group(connection, "Editors", ada, bob)
        scim_group(connection, "Empty")
        yield


def names(users: QuerySet[Any]) -> str:
    result = users.values_list("scim_username", flat=True)
    return " ".join(name.partition("@")[0].lower() for name in result)


def found(text: str) -> str:
    return names(ScimUser.objects.filter(condition(text, USER)).order_by("pk"))


@pytest.mark.parametrize(
    ("text", "who"),
    [
        ('userName eq "ada@example.COM"', "ada"),
        ('USERNAME Eq "ADA@example.com"', "ada"),
        ('urn:ietf:params:scim:schemas:core:2.0:User:userName eq "bob"', "bob"),
        ('userName ne "bob"', "ada cy"),
        ('userName sw "A"', "ada"),
        ('userName ew ".COM"', "ada"),
        ('userName co "O"', "ada bob"),
        ('userName gt "b"', "bob cy"),
        ('userName le "bob"', "ada bob"),
        ("userName pr", "ada bob cy"),
        ('externalId eq "x-1"', "bob"),
        ('externalId sw "X"', "ada"),
        ('externalId ew "-1"', "ada bob"),
        ('externalId co "x"', "bob"),
        ('externalId lt "z"', "ada bob"),
        ('externalId eq ""', ""),
        ('externalId co ""', "ada bob"),
        ("externalId pr", "ada bob"),
        ('externalId ne "X-1"', "bob cy"),
        (f'id eq "{ID}"', "ada"),
        ('id eq "nobody"', ""),
        ('id ne "nobody"', "ada bob cy"),
        ("active eq true", "ada cy"),
        ('active eq "False"', "bob"),
        ("active ne true", "bob"),
        ("active pr", "ada bob cy"),
        ('title eq "ENGINEER"', "ada bob"),
        ('title ne "engineer"', "cy"),
        ("title eq null", "cy"),
        ("title ne null", "ada bob"),
        ("not (title pr)", "cy"),
        ('not (title eq "engineer")', "cy"),
        ('title sw "eng"', "ada bob"),
        ('title ew "NEER"', "ada bob"),
        ('title gt "a"', "ada bob"),
        ('name.familyName eq "o\'brien_100%"', "ada"),
        ('name.familyName co "_100%"', "ada"),
        ('name.familyName co "_10_"', ""),
        ('name.familyName sw "%"', ""),
        ("name pr", "ada"),
        (r'nickName eq "c\\y \"the\" % _"', "cy"),
        (f'{ENT}:department eq "research"', "ada"),
        (f'{ENT.upper()}:DEPARTMENT eq "research"', "ada"),
        (f'{ENT}:manager.value eq "{ID}"', "ada"),
        (f'{ENT}:manager eq "{ID}"', "ada"),
        (f'id eq "{ID}" and manager eq "{ID}"', "ada"),
        (f"{ENT}:manager pr", "ada"),
        (f"{ENT} pr", "ada"),
        (f'{RAMP}:location eq "paris"', "ada"),
        (f'{RAMP}:cost__code eq "c1"', "ada"),
        (f'schemas eq "{ENT}"', "ada"),
        ('schemas eq "urn:ietf:params:scim:schemas:core:2.0:User"', "ada bob cy"),
        ('meta.created lt "2024-05-01T12:00:01Z"', "ada"),
        ('meta.created eq "2024-05-01T14:00:00+02:00"', "ada"),
        ('meta.lastModified gt "2024-05-01T12:00:01"', "ada bob cy"),
        ('meta.resourceType eq "User"', "ada bob cy"),
    ],
)
def test_filter_by_single_value(text: str, who: str) -> None:
    assert found(text) == who


@pytest.mark.parametrize(
    ("text", "who"),
    [
        ('emails.value eq "ADA@home.example"', "ada"),
        ('emails eq "ada@home.example"', "ada"),
        ('emails co "@work"', "ada bob"),
        ("emails pr", "ada bob"),
        ('emails.type eq "home"', "ada"),
        ('emails.type ne "home"', "bob cy"),
        ('emails[type eq "work"]', "ada"),
        ('emails[type eq "work" and value co "@home"]', ""),
        ('emails[type eq "WORK" and value co "@Work"]', "ada"),
        ('emails[type eq "work"].value eq "ada@work.example"', "ada"),
        ('emails[type eq "work"].value eq "ada@home.example"', ""),
        ('emails[not (type eq "work")]', "ada bob"),
        ("emails[primary eq true]", "ada"),
        ("emails[primary eq false]", "ada bob"),
        ('emails[primary eq "True"].value sw "ada"', "ada"),
        ("emails[type eq null]", ""),
        ("not (emails pr)", "cy"),
        ('roles[primary eq "True"].value eq "admin"', "ada"),
        ('phoneNumbers.value eq "+1 555"', "bob"),
        ('addresses.locality eq "łÓDŹ"', "ada"),
        ('addresses[type eq "work"].country eq "pl"', "ada"),
        ("addresses pr", "ada"),
        ('groups.display eq "EDITORS"', "ada bob"),
        ("groups pr", "ada bob"),
        ('groups[display eq "editors" and type eq "direct"]', "ada bob"),
        (f'groups.value eq "{ID}"', ""),
    ],
)
def test_filter_by_multi_valued_attribute(text: str, who: str) -> None:
    assert found(text) == who


@pytest.mark.parametrize(
    ("text", "who"),
    [
        ('userName eq "bob" or userName eq "cy" and active eq false', "bob"),
        ('(userName eq "bob" or userName eq "cy") and active eq true', "cy"),
        ('not (userName eq "bob" or userName eq "cy")', "ada"),
        ('title pr and not (emails.type eq "home")', "bob"),
        ('id eq "nobody" or userName eq "cy"', "cy"),
        ('not (id eq "nobody") and userName eq "cy"', "cy"),
    ],
)
def test_and_takes_precedence_over_or(text: str, who: str) -> None:
    assert found(text) == who


@pytest.mark.parametrize(
    ("text", "output"),
    [
        ('shoeSize eq "43"', "shoeSize"),
        ('name.shoe eq "43"', "name.shoe"),
        ('emails.shoe eq "43"', "emails.shoe"),
        ('emails[shoe eq "43"]', "shoe"),
        ('password eq "x"', "password"),
        ('urn:example:User:title eq "x"', "urn:example"),
        ('name eq "x"', "name"),
        ('addresses eq "x"', "addresses"),
        ("userName gt null", "userName"),
        ('active eq "maybe"', "active"),
        ("active gt true", "active"),
        ('meta.created gt "yesterday"', "yesterday"),
        ('meta.created co "2024"', "date"),
        ('meta.version eq "1"', "meta.version"),
        (f'id sw "{ID}"', "id"),
        ('title[value eq "x"]', "title"),
        ("title", "column 1"),
    ],
)
def test_invalid_filter_is_refused_with_the_reason(text: str, output: str) -> None:
    with pytest.raises(InvalidFilterException) as refused:
        found(text)

    assert output in refused.value.detail


def test_groups_are_found_by_name_and_member() -> None:
    def groups(text: str) -> list[str]:
        rows = ScimGroup.objects.filter(condition(text, GROUP)).order_by("pk")
        return list(rows.values_list("scim_display_name", flat=True))

    assert groups('displayName eq "EDITORS"') == ["Editors"]
    assert groups(f'members[value eq "{ID}"]') == ["Editors"]
    assert groups(f'members.value eq "{ID}" and members.type eq "User"') == ["Editors"]
    assert groups("not (members pr)") == ["Empty"]


@pytest.mark.parametrize(
    ("path", "order"),
    [
        ("userName", "ada bob cy"),
        ("emails", "ada bob cy"),
        ("meta.created", "ada bob cy"),
        ("groups.display", "ada bob cy"),
        ("nickName", "cy ada bob"),
        ("phoneNumbers.value", "bob ada cy"),
        (f"{ENT}:department", "ada bob cy"),
    ],
)
def test_missing_values_are_sorted_last(path: str, order: str) -> None:
    assert names(ScimUser.objects.order_by(ordering(path, USER), "pk")) == order


def test_missing_values_are_first_in_descending_order() -> None:
    by = ordering(f"{ENT}:department", USER, descending=True)

    assert names(ScimUser.objects.order_by(by, "pk")) == "bob cy ada"


@pytest.mark.parametrize("path", ["password", "name", "shoeSize", "addresses", "schemas"])
def test_attribute_without_order_cannot_be_sorted_by(path: str) -> None:
    with pytest.raises(InvalidPathException):
        ordering(path, USER)
