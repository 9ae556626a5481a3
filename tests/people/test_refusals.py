"""A refusal …"""

import pytest

from people import operations
from people.models import Person
from people.values import PeopleError

ADA = Person(given_name="Ada", family_name="Lovelace")


@pytest.mark.parametrize(
    ("refusal", "code", "field", "message"),
    [
        (
            operations.CircularManager(),
            "circular-manager",
            "manager",
            "Employees can't be assigned as their manager's manager",
        ),
        (
            operations.InvalidManager(),
            "invalid-manager",
            "manager",
            "Manager's email is not associated with an eligible profile in Ramp",
        ),
        (
            operations.SelfManager(),
            "self-manager",
            "manager",
            "Employees can't be assigned as their own manager",
        ),
        (
            operations.DuplicateEmail(),
            "duplicate-email",
            "email",
            "Email is already associated with another employee",
        ),
        (
            operations.InvalidName("given_name"),
            "invalid-name",
            "given_name",
            "Ensure first and last name are entered correctly",
        ),
        (
            operations.InvalidLocationChange(),
            "invalid-location-change",
            "location",
            "Location cannot be assigned to an entity using a different issuing currency",
        ),
        (
            operations.InvalidRole(),
            "invalid-role-assignment",
            "role",
            "User is not eligible to receive assigned role",
        ),
        (
            operations.LastOwner(ADA),
            "last-owner",
            None,
            "Ada Lovelace is the last active Owner. Make somebody else Owner first.",
        ),
        (
            operations.LastAdministrator(ADA),
            "last-administrator",
            None,
            "Ada Lovelace is the last person able to administer this company. "
            "Give somebody else the role Owner, Admin or IT Admin first.",
        ),
        (
            operations.Terminated(ADA),
            "terminated",
            None,
            "Ada Lovelace was terminated, which is final. Add them as a new person.",
        ),
        (
            operations.SlugTaken("acme"),
            "slug-taken",
            "slug",
            "There is a tenant “acme” already. Choose another slug.",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) and " " not in value else "",
)
def test_says_always_the_same(
    refusal: PeopleError, code: str, field: str | None, message: str
) -> None:
    assert (refusal.code, refusal.field, str(refusal)) == (code, field, message)
