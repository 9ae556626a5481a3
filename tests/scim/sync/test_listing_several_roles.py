"""Users with several roles of which none is primary."""

import pytest

from people.models import Person
from scim.models import ScimUser, SyncError
from tests.clients.pages import signed_in, text_of
from tests.clients.scim import Json, Provider, someone
from tests.scim.conftest import Connect

pytestmark = pytest.mark.django_db

ERRORS = "/people/updates/errors/"


def several(*values: str) -> list[Json]:
    return [{"value": value, "primary": False} for value in values]


def listed() -> list[str]:
    return list(SyncError.objects.open().values_list("message", flat=True))


@pytest.fixture
def entra(connect: Connect) -> Provider:
    return connect("entra")


def test_sync_error_lists_the_roles_and_the_assigned_one(entra: Provider, owner: Person) -> None:
    entra.add("ada", roles=several("Cardholder", "IT Admin"))

    assert listed() == [
        "Several roles were sent: Cardholder, IT Admin. The highest one that the connection may "
        "assign, IT Admin, was assigned."
    ]
    client = signed_in(owner)
    assert "Several roles were sent: Cardholder, IT Admin." in text_of(client.get(ERRORS))
    page = text_of(client.get(f"{ERRORS}{SyncError.objects.get().pk}/"))
    assert "send one role only from Microsoft Entra" in page


def test_user_is_provisioned_without_a_problem(entra: Provider) -> None:
    entra.add("ada", roles=several("Cardholder", "Bookkeeper"))

    user = ScimUser.objects.select_related("person").get()
    assert user.person
    assert (user.person.role, user.problem) == (Person.Role.BOOKKEEPER, "")


@pytest.mark.parametrize(
    "roles", [several("Bookkeeper"), [{"value": "Bookkeeper", "primary": True}, *several("Admin")]]
)
def test_error_is_resolved_by_a_single_or_primary_role(entra: Provider, roles: list[Json]) -> None:
    ada = entra.add("ada", roles=several("Cardholder", "Bookkeeper"))

    entra("PUT", f"/Users/{ada}", someone("ada", roles=roles))

    assert listed() == []
    assert not ScimUser.objects.get().has_errors


def test_dismissed_error_is_listed_again_when_the_roles_change(
    entra: Provider, owner: Person
) -> None:
    ada = entra.add("ada", roles=several("Cardholder", "Bookkeeper"))
    SyncError.objects.dismiss(actor=owner.actor, because="It is right.")

    entra.replace(ada, "title", "Clerk")
    assert listed() == []

    entra.replace(ada, "roles", several("Cardholder", "Admin"))
    assert len(listed()) == 1


def test_nothing_is_listed_if_ramp_assigns_roles(connect: Connect) -> None:
    connect("entra", role_source="ramp").add("ada", roles=several("Cardholder", "Bookkeeper"))

    assert listed() == []


def test_error_is_resolved_by_deactivation(entra: Provider) -> None:
    ada = entra.add("ada", roles=several("Cardholder", "Bookkeeper"))

    entra.replace(ada, "active", value=False)

    assert listed() == []


def test_user_is_refused_if_the_connection_may_assign_none_of_the_roles(entra: Provider) -> None:
    answer = entra("POST", "/Users", someone("ada", roles=several("Owner", "Emperor")))

    assert (answer.status, SyncError.objects.open().get().reason) == (
        400,
        "invalid-role-assignment",
    )
