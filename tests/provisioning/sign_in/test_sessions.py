"""Sessions end with everything that ends access."""

from collections.abc import Callable
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.test import Client
from django.utils import timezone
from pytest_django import Settings

from people import tenancy
from people.models import Person, Tenant
from people.operations import people
from people.values import Actor

pytestmark = pytest.mark.django_db

OKTA = Actor("scim", "okta")
Operation = Callable[..., object]


@pytest.fixture
def browsers(ada: Person) -> list[Client]:
    """Sign Ada in on three devices."""
    clients = [Client() for _ in range(3)]
    for client in clients:
        client.force_login(ada)
        assert is_good(client)
    return clients


def is_good(client: Client) -> bool:
    """Return whether a page that needs a session opens."""
    response = client.get("/home/")
    if response.status_code == 302:
        assert response["Location"] == "/sign-in/?next=/home/"
    return response.status_code == 200


def perform(operation: Operation, person: Person, **options: Any) -> None:
    with tenancy.use(person.tenant):
        operation(person, actor=OKTA, **options)


def change(person: Person, **fields: Any) -> None:
    with tenancy.use(person.tenant):
        Person.objects.filter(pk=person.pk).update(**fields)


def test_session_continues_across_requests(browsers: list[Client]) -> None:
    assert all(is_good(client) for client in browsers)


def test_deactivation_ends_all_sessions(ada: Person, browsers: list[Client]) -> None:
    perform(people.deactivate_person, ada)

    assert not any(is_good(client) for client in browsers)


def test_reactivation_does_not_restore_sessions(ada: Person, browsers: list[Client]) -> None:
    perform(people.deactivate_person, ada)
    perform(people.reactivate_person, ada)

    assert not any(is_good(client) for client in browsers)


@pytest.mark.parametrize(
    "fields",
    [
        pytest.param({"state": "inactive", "deactivated_at": timezone.now()}, id="inactive"),
        pytest.param({"state": "terminated", "terminated_at": timezone.now()}, id="terminated"),
        pytest.param({"session_epoch": 1}, id="a later epoch"),
        pytest.param({"password": "another"}, id="another password"),
    ],
)
def test_change_of_the_row_ends_all_sessions(
    ada: Person, browsers: list[Client], fields: dict[str, Any]
) -> None:
    change(ada, **fields)

    assert not any(is_good(client) for client in browsers)


def test_suspending_the_tenant_ends_all_sessions(browsers: list[Client]) -> None:
    Tenant.objects.update(is_active=False)

    assert not any(is_good(client) for client in browsers)


def test_session_of_a_colleague_continues(
    acme: Tenant, ada: Person, browsers: list[Client]
) -> None:
    with tenancy.use(acme):
        owner = Person.objects.active_owners().get()
    colleague = Client()
    colleague.force_login(owner)

    perform(people.deactivate_person, ada)

    assert is_good(colleague)


def test_session_survives_rotation_of_the_secret_key(
    browsers: list[Client], settings: Settings
) -> None:
    settings.SECRET_KEY_FALLBACKS = [django_settings.SECRET_KEY]
    settings.SECRET_KEY = "the next one"
    assert all(is_good(client) for client in browsers)

    settings.SECRET_KEY_FALLBACKS = []
    assert all(is_good(client) for client in browsers)


def test_session_of_an_older_key_ends_at_deactivation(
    ada: Person, browsers: list[Client], settings: Settings
) -> None:
    settings.SECRET_KEY_FALLBACKS = [django_settings.SECRET_KEY]
    settings.SECRET_KEY = "the next one"
    perform(people.deactivate_person, ada)
    perform(people.reactivate_person, ada)

    assert not any(is_good(client) for client in browsers)


def test_page_needs_a_session(client: Client) -> None:
    assert not is_good(client)
