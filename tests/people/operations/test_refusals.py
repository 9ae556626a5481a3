"""Codes, fields and messages of refusals."""

import pytest

from people.models import Person
from people.operations import managers, people, person_fields, place_lookup, tenants
from people.operations.roles import base_roles
from people.values import PeopleError

ADA = Person(given_name="Ada", family_name="Lovelace")


@pytest.mark.parametrize(
    ("refusal", "code", "field", "message"),
    [
        (
            managers.CircularManager(),
            "circular-manager",
            "manager",
            "Employees can't be assigned as their manager's manager",
        ),
        (
            managers.InvalidManager(),
            "invalid-manager",
            "manager",
            "Manager's email is not associated with an eligible profile in Ramp",
        ),
        (
            managers.SelfManager(),
            "self-manager",
            "manager",
            "Employees can't be assigned as their own manager",
        ),
        (
            person_fields.DuplicateEmail(),
            "duplicate-email",
            "email",
            "Email is already associated with another employee",
        ),
        (
            person_fields.InvalidName("given_name"),
            "invalid-name",
            "given_name",
            "Ensure first and last name are entered correctly",
        ),
        (
            place_lookup.InvalidLocationChange(),
            "invalid-location-change",
            "location",
            "Location cannot be assigned to an entity using a different issuing currency",
        ),
        (
            base_roles.InvalidRole(),
            "invalid-role-assignment",
            "role",
            "User is not eligible to receive assigned role",
        ),
        (
            base_roles.LastOwner(ADA),
            "last-owner",
            None,
            "Ada Lovelace is the last active Owner. Make another person Owner first.",
        ),
        (
            base_roles.LastAdministrator(ADA),
            "last-administrator",
            None,
            "Ada Lovelace is the last administrator of this company. Give another person the role "
            "Owner, Admin or IT Admin first.",
        ),
        (
            people.Terminated(ADA),
            "terminated",
            None,
            "Ada Lovelace was terminated, which cannot be undone. Add them as a new person.",
        ),
        (
            tenants.SlugTaken("acme"),
            "slug-taken",
            "slug",
            "A tenant “acme” already exists. Choose another slug.",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) and " " not in value else "",
)
def test_refusal_has_stable_code_field_and_message(
    refusal: PeopleError, code: str, field: str | None, message: str
) -> None:
    assert (refusal.code, refusal.field, str(refusal)) == (code, field, message)
